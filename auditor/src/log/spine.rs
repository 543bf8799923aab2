//! The tree above the lowest level: the tiles of the upper levels, and the roots.

use tlog::merkle::{Hash, Tree, subtree_root};

use super::{
    bundle::Leaves,
    files::{self, TILE_BYTES_MAX, WIDTH},
};
use crate::{
    report::{Finding, Undecided},
    source::Source,
};

/// The tree from the entries. Where published tiles of the lowest level disagree, a second tree is made from the tiles:
/// the signed root then tells which of the two was changed.
pub(super) struct Spine {
    ours: Tree,
    theirs: Option<Tree>,
    /// For each level from 1 up, the hashes of the tile that is being filled.
    levels: Vec<Filling>,
    /// Entries and hashes of a bundle are both missing: nothing after it can be computed.
    lost: bool,
}

#[derive(Default)]
struct Filling {
    ours: Vec<[u8; 32]>,
    theirs: Vec<[u8; 32]>,
}

/// The root over the entries up to one size.
#[derive(Clone, Copy)]
pub(super) struct Root {
    pub(super) ours: Hash,
    /// The root from the published tiles, where they disagree with the entries.
    pub(super) theirs: Option<Hash>,
}

impl Spine {
    pub(super) const fn new() -> Self {
        Self {
            ours: Tree::new(),
            theirs: None,
            levels: Vec::new(),
            lost: false,
        }
    }

    pub(super) const fn lose(&mut self) {
        self.lost = true;
    }

    pub(super) const fn is_lost(&self) -> bool {
        self.lost
    }

    /// The root after the first `count` leaves of the next bundle.
    pub(super) fn root(&self, ours: &Leaves, theirs: Option<&Leaves>, count: usize) -> Root {
        let extended = |tree: &Tree, leaves: &Leaves| {
            let mut tree = tree.clone();
            for hash in leaves.hashes.iter().take(count) {
                tree.push(Hash::from_bytes(*hash));
            }
            tree.root()
        };
        let their_tree = self.theirs.as_ref().unwrap_or(&self.ours);
        let differ = self.theirs.is_some() || theirs.is_some();
        Root {
            ours: extended(&self.ours, ours),
            theirs: differ.then(|| extended(their_tree, theirs.unwrap_or(ours))),
        }
    }

    /// Adds a full bundle, and compares each tile that it fills.
    pub(super) fn push(
        &mut self,
        source: &Source,
        ours: Hash,
        theirs: Option<Hash>,
    ) -> Result<Vec<Finding>, Undecided> {
        const ALIGNED: &str = "only full bundles are pushed, so the tree is a multiple of 256";
        let other = theirs.unwrap_or(ours);
        if theirs.is_some() && self.theirs.is_none() {
            self.theirs = Some(self.ours.clone());
        }
        self.ours.push_subtree(8, ours).expect(ALIGNED);
        if let Some(tree) = &mut self.theirs {
            tree.push_subtree(8, other).expect(ALIGNED);
        }

        let mut findings = Vec::new();
        let bundles = self.ours.size() / u64::from(WIDTH);
        let (mut ours, mut other) = (ours, other);
        for level in 1_u8.. {
            let place = usize::from(level) - 1;
            if self.levels.len() == place {
                self.levels.push(Filling::default());
            }
            let filling = &mut self.levels[place];
            filling.ours.push(*ours.as_bytes());
            filling.theirs.push(*other.as_bytes());
            if filling.ours.len() < usize::from(WIDTH) {
                break;
            }
            let index = bundles / u64::from(WIDTH).pow(u32::from(level)) - 1;
            findings.extend(compare(source, level, index, filling)?);
            let full = |hashes: &[[u8; 32]]| {
                subtree_root(hashes).expect("a full tile is a complete subtree")
            };
            (ours, other) = (full(&filling.ours), full(&filling.theirs));
            *filling = Filling::default();
        }
        Ok(findings)
    }

    /// Compares the partial tiles at the right edge, after the last full bundle.
    pub(super) fn finish(&self, source: &Source) -> Result<Vec<Finding>, Undecided> {
        let mut findings = Vec::new();
        let mut count = self.ours.size() / u64::from(WIDTH);
        for (level, filling) in (1_u8..).zip(&self.levels) {
            if !filling.ours.is_empty() {
                findings.extend(compare(source, level, count / u64::from(WIDTH), filling)?);
            }
            count /= u64::from(WIDTH);
        }
        Ok(findings)
    }
}

/// Compares a published tile of an upper level with the computed hashes.
fn compare(
    source: &Source,
    level: u8,
    index: u64,
    filling: &Filling,
) -> Result<Vec<Finding>, Undecided> {
    let width = u16::try_from(filling.ours.len()).unwrap_or(WIDTH);
    // Entries under one hash of this tile.
    let span = u64::from(WIDTH).pow(u32::from(level));
    let first = index * u64::from(WIDTH) * span;
    let path = files::tile_path(level, index, width);
    let mut findings = Vec::new();
    let mut find = |kind, text, place: u16, count: u16| {
        let from = first + u64::from(place) * span;
        let to = from + u64::from(count) * span - 1;
        findings.push(Finding::new(kind, text).within(from, to));
    };

    match files::read_whole_or_full(source, &path, width, TILE_BYTES_MAX)? {
        None => find(
            "tile-missing",
            format!("the tile is missing: {path}"),
            0,
            width,
        ),
        Some(bytes) => match files::hashes(&bytes, width) {
            None => {
                let text = format!("the tile cannot be read: {path} is not {width} hashes");
                find("tile-malformed", text, 0, width);
            }
            Some(published) => {
                let computed = filling.ours.iter().zip(&filling.theirs);
                for ((place, hash), (ours, theirs)) in (0_u16..).zip(&published).zip(computed) {
                    if hash != ours && hash != theirs {
                        let text = format!("{path} has another hash than what it covers");
                        find("tile-differs", text, place, 1);
                    }
                }
            }
        },
    }
    // An earlier partial tile may agree with the lower tiles instead of the entries.
    let by_entries = files::superseded_tiles(source, level, index, width, &filling.ours)?;
    if !by_entries.is_empty() {
        let by_tiles = files::superseded_tiles(source, level, index, width, &filling.theirs)?;
        for (path, place) in by_entries {
            if by_tiles.iter().any(|(other, _)| *other == path) {
                let text = format!("{path} is not the beginning of the later tile");
                find("superseded-differs", text, place, 1);
            }
        }
    }
    Ok(findings)
}
