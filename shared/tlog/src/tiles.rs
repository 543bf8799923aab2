//! c2sp.org/tlog-tiles: the tree and its entries as files that never change.
//!
//! ```text
//! tile/<L>/<N>[.p/<W>]        W (256 in a full tile) hashes of 32 bytes, one after the other
//! tile/entries/<N>[.p/<W>]    W entries, each after its length as a big-endian uint16
//! ```
//!
//! The hash at place `i` of tile `N` of level `L` is the node of level `8 * L` and index `256 * N + i`.
//! `N` is written in groups of three digits, all but the last after an `x`: 1,234,067 is
//! `x001/x234/067`. A *partial* tile holds the first `W` of its 256 hashes; a tree of size `s` has one on
//! each level where `s / 256^L` is no multiple of 256, and these say all about the right edge.
//!
//! Not here: HTTP, compression, pruning, and the `checkpoint` file ([`crate::checkpoint`]).

use std::collections::HashMap;

use crate::{
    MAX_SIZE,
    merkle::{self, Hash, Nodes, PathError, Tree, leaf_hash, subtree_root},
    text,
};

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

    /// More is read than is written (`x000/001`): whoever calls compares.
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
        Self::new(level, index, width)
    }
}

/// How many nodes of tile level `level` a tree of `size` has.
const fn nodes_in(level: u8, size: u64) -> u64 {
    if level < 8 { size >> (8 * level) } else { 0 }
}

/// The partial tiles of the tree of `size`, lowest level first: its right edge. Together they say the
/// root, and all that a [`Builder`] needs beside the partial bundle. A full tile is none of them: it is in
/// the level above.
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

/// The tiles from which the inclusion path of `index` in the tree of `size` is computed, each as that
/// tree has it; `None` when out of range.
#[must_use]
pub fn tiles_for_inclusion(index: u64, size: u64) -> Option<Vec<Tile>> {
    tiles_with(merkle::inclusion_nodes(index, size)?, size)
}

/// The tiles from which the consistency path between two sizes is computed, each as the tree of `new` has
/// it; `None` when out of range.
#[must_use]
pub fn tiles_for_consistency(old: u64, new: u64) -> Option<Vec<Tile>> {
    tiles_with(merkle::consistency_nodes(old, new)?, new)
}

fn tiles_with(nodes: Vec<(u8, u64)>, size: u64) -> Option<Vec<Tile>> {
    let tile = |(level, index)| {
        let place = Place::of(level, index);
        Tile::in_tree(place.level, place.index, size)
    };
    let mut tiles = nodes.into_iter().map(tile).collect::<Option<Vec<_>>>()?;
    tiles.sort_unstable();
    tiles.dedup();
    Some(tiles)
}

/// Where a node is found: in or above `1 << height` hashes, from `first` on, of a tile.
struct Place {
    level: u8,
    index: u64,
    first: usize,
    height: u8,
}

impl Place {
    /// `level` is below 64, and `index << (level % 8)` a number of 64 bits, in any tree there is.
    const fn of(level: u8, index: u64) -> Self {
        let height = level % 8;
        let first = index << height;
        // Of the last 8 bits, so at most 255.
        Self {
            level: level / 8,
            index: first >> 8,
            first: (first & 0xff) as usize,
            height,
        }
    }
}

/// Bytes that are not the tile or bundle they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these are not the bytes of that tile or bundle")]
pub struct InvalidTile;

/// The hashes in a tile of `width`, where they lie.
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

/// The nodes of a log over the tiles handed in.
#[derive(Clone, Debug, Default)]
pub struct TileNodes {
    tiles: HashMap<(u8, u64), Vec<u8>>,
}

/// A tile that was not handed in, or not as wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tile {index} of level {level} is missing, or too narrow")]
pub struct MissingTile {
    /// Its level.
    pub level: u8,
    /// Its index in that level.
    pub index: u64,
}

impl TileNodes {
    /// Over no tile yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Hands in a tile. Of two widths of one tile, the wider stays. Its hashes are believed: compare what
    /// is computed from them with a root.
    ///
    /// # Errors
    ///
    /// [`InvalidTile`]: the bytes are not as many as the tile is wide.
    pub fn insert(&mut self, tile: Tile, bytes: Vec<u8>) -> Result<(), InvalidTile> {
        parse_tile(&bytes, tile.width)?;
        let held = self.tiles.entry((tile.level, tile.index)).or_default();
        if held.len() < bytes.len() {
            *held = bytes;
        }
        Ok(())
    }
}

impl Nodes for TileNodes {
    type Error = MissingTile;

    fn node(&self, level: u8, index: u64) -> Result<Hash, MissingTile> {
        let place = Place::of(level, index);
        let missing = MissingTile {
            level: place.level,
            index: place.index,
        };
        let tile = self.tiles.get(&(place.level, place.index)).ok_or(missing)?;
        let hashes = tile.as_chunks::<32>().0;
        let below = hashes
            .get(place.first..place.first + (1 << place.height))
            .ok_or(missing)?;
        subtree_root(below).ok_or(missing)
    }
}

/// An entry is longer than [`MAX_ENTRY_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an entry is longer than 65,535 bytes")]
pub struct EntryTooLong;

/// The bytes of a bundle of these entries.
///
/// # Errors
///
/// [`EntryTooLong`].
pub fn encode_bundle<E: AsRef<[u8]>>(entries: &[E]) -> Result<Vec<u8>, EntryTooLong> {
    let length = entries.iter().map(|entry| 2 + entry.as_ref().len()).sum();
    let mut bytes = Vec::with_capacity(length);
    for entry in entries {
        encode_entry(entry.as_ref(), &mut bytes)?;
    }
    Ok(bytes)
}

fn encode_entry(entry: &[u8], bytes: &mut Vec<u8>) -> Result<(), EntryTooLong> {
    let length = u16::try_from(entry.len()).map_err(|_| EntryTooLong)?;
    bytes.extend(length.to_be_bytes());
    bytes.extend(entry);
    Ok(())
}

/// A bundle, its entries left where they lie.
#[derive(Clone, Copy, Debug)]
pub struct Bundle<'a> {
    bytes: &'a [u8],
    width: u16,
}

/// Reads a bundle of exactly `width` entries.
///
/// # Errors
///
/// [`InvalidTile`]: it ends early, or has bytes left over.
pub fn parse_bundle(bytes: &[u8], width: u16) -> Result<Bundle<'_>, InvalidTile> {
    let mut rest = bytes;
    for _ in 0..width {
        rest = next_entry(rest).ok_or(InvalidTile)?.1;
    }
    if rest.is_empty() {
        Ok(Bundle { bytes, width })
    } else {
        Err(InvalidTile)
    }
}

impl<'a> Bundle<'a> {
    /// The entries, in order.
    pub fn entries(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.bytes;
        std::iter::from_fn(move || {
            let (entry, after) = next_entry(rest)?;
            rest = after;
            Some(entry)
        })
    }

    /// How many entries it has.
    #[must_use]
    pub const fn width(&self) -> u16 {
        self.width
    }
}

fn next_entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u16::from_be_bytes(*length).into())
}

/// A file that a round of the log adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Where it belongs, relative to the log's prefix.
    pub path: String,
    /// What it holds.
    pub bytes: Vec<u8>,
    /// Whether it is full: it will never be written with more. A partial one is superseded.
    pub full: bool,
}

/// A log under construction, from its right edge on: entries in, the files that are new out. A round
/// costs what its entries cost and one partial tile a level, however large the tree.
#[derive(Clone, Debug)]
pub struct Builder {
    tree: Tree,
    /// The partial tile of each level, as far as it has hashes.
    edge: [Vec<u8>; 8],
    /// The bundle beside the partial tile of level 0.
    bundle: Vec<u8>,
    /// What became full since the last [`Builder::take`].
    full: Vec<Resource>,
    /// The size at the last [`Builder::take`].
    taken: u64,
}

/// Why a log cannot be continued from what was handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResumeError {
    /// A tile of [`tiles_of`] is missing or as wide as it should not be, or the size is too large.
    #[error("the tiles of the right edge are not those of the size")]
    Tiles,
    /// They are the tiles of another tree.
    #[error("the tiles of the right edge do not hash to the root")]
    Root,
    /// The partial bundle is not one, or holds other entries.
    #[error("the partial bundle does not hash to its tile")]
    Bundle,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// An empty log.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            tree: Tree::new(),
            edge: [const { Vec::new() }; 8],
            bundle: Vec::new(),
            full: Vec::new(),
            taken: 0,
        }
    }

    /// The log of `size` and `root`, from the tiles of [`tiles_of`] (more do no harm) and the bundle beside the
    /// partial tile of level 0 (no bytes when there is none). All of it is checked against the root.
    ///
    /// # Errors
    ///
    /// [`ResumeError`]: they are not that log's.
    pub fn resume(
        size: u64,
        root: &Hash,
        tiles: &[(Tile, Vec<u8>)],
        bundle: &[u8],
    ) -> Result<Self, ResumeError> {
        let mut builder = Self {
            taken: size,
            bundle: bundle.to_vec(),
            ..Self::new()
        };
        let mut nodes = TileNodes::new();
        for tile in tiles_of(size) {
            let (_, bytes) = tiles
                .iter()
                .find(|(held, _)| *held == tile)
                .ok_or(ResumeError::Tiles)?;
            builder.edge[usize::from(tile.level)].clone_from(bytes);
            nodes
                .insert(tile, bytes.clone())
                .map_err(|InvalidTile| ResumeError::Tiles)?;
        }
        builder.tree = Tree::from_nodes(size, &nodes)
            .map_err(|_: PathError<MissingTile>| ResumeError::Tiles)?;
        if builder.tree.root() != *root {
            return Err(ResumeError::Root);
        }
        let leaves = builder.edge[0].as_chunks::<32>().0;
        let width = u16::try_from(leaves.len()).map_err(|_| ResumeError::Tiles)?;
        let entries = parse_bundle(bundle, width).map_err(|InvalidTile| ResumeError::Bundle)?;
        if !entries
            .entries()
            .map(leaf_hash)
            .eq(leaves.iter().copied().map(Hash::from_bytes))
        {
            return Err(ResumeError::Bundle);
        }
        Ok(builder)
    }

    /// Adds an entry.
    ///
    /// # Errors
    ///
    /// [`EntryTooLong`]: nothing was added.
    pub fn push(&mut self, entry: &[u8]) -> Result<(), EntryTooLong> {
        encode_entry(entry, &mut self.bundle)?;
        let edge = &mut self.edge;
        self.tree.push_with(leaf_hash(entry), |level, hash| {
            if level.is_multiple_of(8) {
                edge[usize::from(level / 8)].extend(hash.as_bytes());
            }
        });
        self.take_full();
        Ok(())
    }

    /// The tree of all entries so far.
    #[must_use]
    pub const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The files that are new since the last call: every tile and bundle that became full, and the partial
    /// ones of the tree as it is now, where they differ from those before.
    pub fn take(&mut self) -> Vec<Resource> {
        let mut files = std::mem::take(&mut self.full);
        let old = std::mem::replace(&mut self.taken, self.tree.size());
        for tile in new_tiles(old, self.taken).filter(|tile| !tile.is_full()) {
            let bytes = self.edge[usize::from(tile.level)].clone();
            files.push(Resource {
                path: tile.path(),
                bytes,
                full: false,
            });
            if tile.level == 0 {
                files.push(Resource {
                    path: tile.entries_path(),
                    bytes: self.bundle.clone(),
                    full: false,
                });
            }
        }
        files
    }

    /// Moves every tile that has become full, and the bundle beside it, out of the edge.
    fn take_full(&mut self) {
        for (level, edge) in (0_u8..).zip(&mut self.edge) {
            if edge.len() < 32 * usize::from(TILE_WIDTH) {
                break;
            }
            let index = nodes_in(level, self.tree.size()) / u64::from(TILE_WIDTH) - 1;
            let tile = Tile {
                level,
                index,
                width: TILE_WIDTH,
            };
            self.full.push(Resource {
                path: tile.path(),
                bytes: std::mem::take(edge),
                full: true,
            });
            if level == 0 {
                let bytes = std::mem::take(&mut self.bundle);
                self.full.push(Resource {
                    path: tile.entries_path(),
                    bytes,
                    full: true,
                });
            }
        }
    }
}

const _: () = assert!(MAX_SIZE < 1 << 63, "a tree has at most 8 levels of tiles");

#[cfg(test)]
mod tests;
