//! Where published files come from. Nothing that comes from here is believed.

mod folder;
mod site;

pub use site::post_json;

use std::path::PathBuf;

use crate::report::Undecided;

use self::{folder::Folder, site::Site};

/// A copy of the log in a folder, or the log where it is published; the paths are those of C2SP tlog-tiles.
#[derive(Debug)]
pub enum Source {
    /// On this machine.
    Folder(Folder),
    /// Behind HTTP.
    Site(Box<Site>),
}

impl Source {
    /// A folder, or a prefix that begins with `https://` or `http://`.
    ///
    /// # Errors
    ///
    /// It is neither.
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

    /// The file of that path; none if there is none. Of a longer one, one byte more than `bytes_max`.
    ///
    /// # Errors
    ///
    /// Whether there is one cannot be told.
    pub fn read(&self, path: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, Undecided> {
        match self {
            Self::Folder(folder) => folder.read(path, bytes_max),
            Self::Site(site) => site.read(path, bytes_max),
        }
    }

    /// The names in a folder of the log, in no order: `checkpoints/`, or the `.p` of partial tiles. A site
    /// cannot be listed.
    ///
    /// # Errors
    ///
    /// The folder is there and cannot be read.
    pub fn names(&self, path: &str, visit: &mut dyn FnMut(&str)) -> Result<(), Undecided> {
        match self {
            Self::Folder(folder) => folder.names(path, visit),
            Self::Site(_) => Ok(()),
        }
    }

    /// Every file below `path`, one after the other, by its path.
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

    /// How many files are worth reading at once: a site answers late, not slowly.
    #[must_use]
    pub fn readers(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        match self {
            Self::Folder(_) => cores,
            Self::Site(_) => cores.max(16),
        }
    }
}
