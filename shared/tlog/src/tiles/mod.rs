//! c2sp.org/tlog-tiles: the tree and its entries as files that never change.
//!
//! ```text
//! tile/<L>/<N>[.p/<W>]        W (256 in a full tile) hashes of 32 bytes, one after the other
//! tile/entries/<N>[.p/<W>]    W entries, each after its length as a big-endian uint16
//! ```
//!
//! The hash at place `i` of tile `N` of level `L` is the node of level `8 * L` and index `256 * N + i`. `N` is written
//! in groups of three digits, all but the last after an `x`: 1,234,067 is `x001/x234/067`. A *partial* tile holds the
//! first `W` of its 256 hashes. A tree of size `s` has a partial tile on each level where `s / 256^L` is no multiple of
//! 256. Together these are the tree's right edge.
//!
//! Not here: HTTP, compression, pruning, and the `checkpoint` file ([`crate::checkpoint`]).

mod builder;
mod bundle;
mod nodes;

pub use self::{
    builder::{Builder, Resource, ResumeError},
    bundle::{Bundle, EntryTooLong, encode_bundle, parse_bundle},
    nodes::{MissingTile, TileNodes, tiles_for_consistency, tiles_for_inclusion},
};
use crate::{MAX_SIZE, text};

/// The hashes of a full tile, and the entries of a full bundle.
pub const TILE_WIDTH: u16 = 256;

/// The longest entry: its length is written in 16 bits.
pub const MAX_ENTRY_BYTES: usize = 65_535;

/// A tile, by its place and width. The tile of level 0 also names the bundle of its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    level: u8,
    index: u64,
    width: u16,
}

impl Tile {
    /// `None` when there is no such tile: a level over 63, or a width that is not in `1..=256`.
    #[must_use]
    pub const fn new(level: u8, index: u64, width: u16) -> Option<Self> {
        if level > 63 || width == 0 || width > TILE_WIDTH {
            return None;
        }
        Some(Self {
            level,
            index,
            width,
        })
    }

    /// The tile at this place as the tree of `size` has it; `None` when that tree does not reach it.
    #[must_use]
    pub fn in_tree(level: u8, index: u64, size: u64) -> Option<Self> {
        let first = index.checked_mul(u64::from(TILE_WIDTH))?;
        let width = nodes_in(level, size)
            .checked_sub(first)?
            .min(u64::from(TILE_WIDTH));
        Self::new(level, index, u16::try_from(width).ok()?)
    }

    /// The level: 0 holds leaf hashes.
    #[must_use]
    pub const fn level(&self) -> u8 {
        self.level
    }

    /// The index in that level.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// How many hashes: 256 when full.
    #[must_use]
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// Whether it will never grow.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }

    /// `tile/<L>/<N>[.p/<W>]`.
    #[must_use]
    pub fn path(&self) -> String {
        self.path_in(&format!("tile/{}/", self.level))
    }

    /// `tile/entries/<N>[.p/<W>]`: where the entries of a tile of level 0 are.
    #[must_use]
    pub fn entries_path(&self) -> String {
        self.path_in("tile/entries/")
    }

    /// Reads what [`Tile::path`] writes, and nothing else.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let (level, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let level = u8::try_from(text::decimal(level)?).ok()?;
        Self::parse_place(level, rest).filter(|tile| tile.path() == path)
    }

    /// Reads what [`Tile::entries_path`] writes, and nothing else: the tile of level 0 beside it.
    #[must_use]
    pub fn parse_entries(path: &str) -> Option<Self> {
        let rest = path.strip_prefix("tile/entries/")?;
        Self::parse_place(0, rest).filter(|tile| tile.entries_path() == path)
    }

    fn path_in(&self, folder: &str) -> String {
        let mut path = folder.to_owned();
        let digits = self.index.to_string();
        let digits = format!(
            "{digits:0>width$}",
            width = digits.len().next_multiple_of(3)
        );
        let groups = digits.len() / 3;
        for (group, at) in (0..digits.len()).step_by(3).enumerate() {
            let mark = if group + 1 < groups { "x" } else { "" };
            let slash = if group == 0 { "" } else { "/" };
            path.extend([slash, mark, &digits[at..at + 3]]);
        }
        if !self.is_full() {
            path.extend([".p/", &self.width.to_string()]);
        }
        path
    }

    /// Accepts more than one spelling of an index (`x000/001`): the callers compare with the path.
    fn parse_place(level: u8, text: &str) -> Option<Self> {
        let (groups, width) = match text.split_once(".p/") {
            Some((groups, width)) => (groups, u16::try_from(text::decimal(width)?).ok()?),
            None => (text, TILE_WIDTH),
        };
        let mut index = 0_u64;
        for group in groups.split('/') {
            let digits = group.strip_prefix('x').unwrap_or(group);
            if digits.len() != 3 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
                return None;
            }
            index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
        }
        // Other readers hold an index in 63 bits.
        if index >= 1 << 63 {
            return None;
        }
        Self::new(level, index, width)
    }
}

/// How many nodes of tile level `level` a tree of `size` has.
const fn nodes_in(level: u8, size: u64) -> u64 {
    if level < 8 { size >> (8 * level) } else { 0 }
}

/// The partial tiles of the tree of `size`, lowest level first: its right edge. They determine the root, and are all
/// that a [`Builder`] needs besides the partial bundle. A full tile is left out: its hash is in the level above.
pub fn tiles_of(size: u64) -> impl Iterator<Item = Tile> {
    (0..8).filter_map(move |level| {
        Tile::in_tree(level, nodes_in(level, size) / u64::from(TILE_WIDTH), size)
    })
}

/// The tiles that the tree of `new` has and the tree of `old` has not: each that became full, and the
/// right edge where it moved. From 0, they are all of the tree's tiles. Level by level, lazily.
pub fn new_tiles(old: u64, new: u64) -> impl Iterator<Item = Tile> {
    let width = u64::from(TILE_WIDTH);
    (0..8).flat_map(move |level| {
        let (had, has) = (nodes_in(level, old), nodes_in(level, new));
        let range = if had < has {
            had / width..has.div_ceil(width)
        } else {
            0..0
        };
        range.filter_map(move |index| Tile::in_tree(level, index, new))
    })
}

/// The bytes are not a tile or bundle of the expected width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these are not the bytes of that tile or bundle")]
pub struct InvalidTile;

/// The hashes in a tile of `width`, borrowed from its bytes.
///
/// # Errors
///
/// [`InvalidTile`]: there are more or fewer bytes than `32 * width`.
pub fn parse_tile(bytes: &[u8], width: u16) -> Result<&[[u8; 32]], InvalidTile> {
    match bytes.as_chunks::<32>() {
        (hashes, []) if hashes.len() == usize::from(width) => Ok(hashes),
        _ => Err(InvalidTile),
    }
}

const _: () = assert!(MAX_SIZE < 1 << 63, "a tree has at most 8 levels of tiles");

#[cfg(test)]
mod tests;
