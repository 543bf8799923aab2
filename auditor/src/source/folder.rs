//! A folder with a copy of the log.

use std::{
    fs::{self, File},
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
};

use crate::report::Undecided;

/// A folder on this machine.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    pub(super) fn open(path: PathBuf) -> Result<Self, Undecided> {
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => Ok(Self(path)),
            Ok(_) => Err(Undecided::new(format!("{}: not a folder", path.display()))),
            Err(error) => Err(unreadable(&path, &error)),
        }
    }

    pub(super) fn read(&self, path: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, Undecided> {
        let path = self.0.join(path);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if is_absent(error.kind()) => return Ok(None),
            Err(error) => return Err(unreadable(&path, &error)),
        };
        let metadata = file.metadata().map_err(|error| unreadable(&path, &error))?;
        if !metadata.is_file() {
            return Ok(None);
        }
        let length = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
        let mut bytes = Vec::with_capacity(length.min(bytes_max) + 1);
        file.by_ref()
            .take(bytes_max as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| unreadable(&path, &error))?;
        Ok(Some(bytes))
    }

    pub(super) fn names(&self, path: &str, visit: &mut dyn FnMut(&str)) -> Result<(), Undecided> {
        let path = self.0.join(path);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if is_absent(error.kind()) => return Ok(()),
            Err(error) => return Err(unreadable(&path, &error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| unreadable(&path, &error))?;
            visit(&entry.file_name().to_string_lossy());
        }
        Ok(())
    }

    pub(super) fn walk(&self, path: &str, visit: &mut dyn FnMut(&str)) -> Result<(), Undecided> {
        let mut folders = Vec::new();
        self.names(path, &mut |name| {
            let below = format!("{path}/{name}");
            // Links are not followed: a link to a folder above would never end.
            let kind = fs::symlink_metadata(self.0.join(&below));
            if kind.is_ok_and(|metadata| metadata.is_dir()) {
                folders.push(below);
            } else {
                visit(&below);
            }
        })?;
        folders
            .iter()
            .try_for_each(|folder| self.walk(folder, visit))
    }
}

fn is_absent(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Undecided {
    Undecided::new(format!("{}: {error}", path.display()))
}
