//! The small files that arguments name.

use std::{fs::File, io::Read, path::Path};

use crate::report::Undecided;

/// Longer than anything that is read whole: a note of a megabyte, a receipt with it.
const BYTES_MAX: u64 = 4 << 20;

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Undecided> {
    let failed = |error: std::io::Error| Undecided(format!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(BYTES_MAX).read_to_end(&mut bytes))
        .map_err(failed)?;
    Ok(bytes)
}

pub(crate) fn read_text(path: &Path) -> Result<String, Undecided> {
    let bytes = read(path)?;
    String::from_utf8(bytes).map_err(|_| Undecided(format!("{}: not text", path.display())))
}
