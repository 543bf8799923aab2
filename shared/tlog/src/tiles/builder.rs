//! Builds the files of a growing log.

use super::{
    EntryTooLong, InvalidTile, MissingTile, TILE_WIDTH, Tile, TileNodes, bundle::encode_entry,
    new_tiles, nodes_in, parse_bundle, tiles_of,
};
use crate::merkle::{Hash, PathError, Tree, leaf_hash};

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
    /// A tile of [`tiles_of`] is missing or has another width, or the size is too large.
    #[error("the tiles of the right edge are not those of the size")]
    Tiles,
    /// The tiles are those of another tree.
    #[error("the tiles of the right edge do not hash to the root")]
    Root,
    /// The partial bundle cannot be parsed, or holds other entries.
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
    /// [`ResumeError`]: the tiles or the bundle are not those of this log.
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
