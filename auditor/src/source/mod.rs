//! Where published files come from. Nothing from a source is trusted.

mod folder;
mod site;

pub use site::post_json;

use std::path::PathBuf;

use crate::report::Undecided;

use self::{folder::Folder, site::Site};

/// A copy of the log in a folder, or the log where it is published. Paths are those of C2SP tlog-tiles.
#[derive(Debug)]
pub enum Source {
    /// A folder on this machine.
    Folder(Folder),
    /// A site that is read by HTTP.
    Site(Box<Site>),
}

impl Source {
    /// Opens a folder, or a URL prefix that begins with `https://` or `http://`.
    ///
    /// # Errors
    ///
    /// The folder cannot be opened, or the place is neither a folder nor such a URL.
    pub fn open(place: &str) -> Result<Self, Undecided> {
        if place.starts_with("https://") || place.starts_with("http://") {
            Ok(Self::Site(Box::new(Site::new(place)?)))
        } else if place.contains("://") {
            Err(Undecided::new(format!(
                "{place}: neither a folder nor an http(s) URL"
            )))
        } else {
            Ok(Self::Folder(Folder::open(PathBuf::from(place))?))
        }
    }

    /// Reads the file of this path; `None` if it does not exist. Of a file longer than `bytes_max`, one byte more is
    /// read, so that it is seen to be too long.
    ///
    /// # Errors
    ///
    /// The source cannot say whether the file exists, or cannot read it.
    pub fn read(&self, path: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, Undecided> {
        match self {
            Self::Folder(folder) => folder.read(path, bytes_max),
            Self::Site(site) => site.read(path, bytes_max),
        }
    }

    /// Visits the names in one folder of the log, in no order. A site cannot be listed: no name is visited.
    ///
    /// # Errors
    ///
    /// The folder exists and cannot be read.
    pub fn names(&self, path: &str, visit: &mut dyn FnMut(&str)) -> Result<(), Undecided> {
        match self {
            Self::Folder(folder) => folder.names(path, visit),
            Self::Site(_) => Ok(()),
        }
    }

    /// Visits the path of every file below `path`. A site cannot be listed: no path is visited.
    ///
    /// # Errors
    ///
    /// A folder cannot be read.
    pub fn walk(&self, path: &str, visit: &mut dyn FnMut(&str)) -> Result<(), Undecided> {
        match self {
            Self::Folder(folder) => folder.walk(path, visit),
            Self::Site(_) => Ok(()),
        }
    }

    /// How many files are read at once. With a site most of the time is waiting, so there are more readers than cores.
    #[must_use]
    pub fn readers(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        match self {
            Self::Folder(_) => cores,
            Self::Site(_) => cores.max(16),
        }
    }
}
