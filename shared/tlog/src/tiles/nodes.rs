//! Reads the nodes of the tree from its tiles.

use std::collections::HashMap;

use super::{InvalidTile, Tile, parse_tile};
use crate::merkle::{self, Hash, Nodes, subtree_root};

/// The nodes of a log, read from the tiles that were added.
#[derive(Clone, Debug, Default)]
pub struct TileNodes {
    tiles: HashMap<(u8, u64), Vec<u8>>,
}

/// A tile that was not added, or is too narrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tile {index} of level {level} is missing, or too narrow")]
pub struct MissingTile {
    /// Its level.
    pub level: u8,
    /// Its index in that level.
    pub index: u64,
}

impl TileNodes {
    /// No tile yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tile. Of two widths of one tile, the wider stays. The hashes are not verified: compare what is computed
    /// from them with a signed root.
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

/// The place of a node: the root of `1 << height` hashes of a tile, from `first` on.
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
        // The mask keeps 8 bits, so `first` is at most 255.
        Self {
            level: level / 8,
            index: first >> 8,
            first: (first & 0xff) as usize,
            height,
        }
    }
}
