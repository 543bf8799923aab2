//! Reads the files that arguments name.

use std::{fs::File, io::Read, path::Path};

use crate::report::Undecided;

/// The most that is read of a checkpoint, a proof or a receipt: a note in it has at most a megabyte.
const BYTES_MAX: u64 = 4 << 20;

/// The most that is read of a risk run. No reply of the API is longer.
const LONG_BYTES_MAX: u64 = 32 << 20;

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Undecided> {
    read_at_most(path, BYTES_MAX)
}

pub(crate) fn read_long(path: &Path) -> Result<Vec<u8>, Undecided> {
    read_at_most(path, LONG_BYTES_MAX)
}

fn read_at_most(path: &Path, bytes_max: u64) -> Result<Vec<u8>, Undecided> {
    let failed = |error: std::io::Error| Undecided(format!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(bytes_max).read_to_end(&mut bytes))
        .map_err(failed)?;
    Ok(bytes)
}

pub(crate) fn read_text(path: &Path) -> Result<String, Undecided> {
    let bytes = read(path)?;
    String::from_utf8(bytes).map_err(|_| Undecided(format!("{}: not text", path.display())))
}
