//! The lowest level: 256 entries, and the tile with their hashes.

use tlog::{
    merkle::{Hash, leaf_hash, subtree_root},
    tiles::parse_bundle,
};

use super::files::{self, BUNDLE_BYTES_MAX, TILE_BYTES_MAX, WIDTH};
use crate::{
    report::{Finding, Undecided},
    source::Source,
};

type Hashes = Vec<[u8; 32]>;

/// The result for one bundle and its tile.
pub(super) struct Checked {
    pub(super) findings: Vec<Finding>,
    /// The entries' hashes, or the tile's where the entries are lost. `None` where both are lost.
    pub(super) ours: Option<Leaves>,
    /// The published tile's hashes, where they differ from the entries'.
    pub(super) theirs: Option<Leaves>,
    /// The bundle up to its last entry of the tree, if a visitor wants it. `None` where it is lost.
    pub(super) bundle: Option<Vec<u8>>,
    /// The sum of the entries' lengths.
    pub(super) bytes: u64,
}

/// Leaf hashes from the left, at most 256.
pub(super) struct Leaves {
    pub(super) hashes: Hashes,
    /// The root over all 256; `None` where there are fewer.
    pub(super) root: Option<Hash>,
}

impl Leaves {
    fn new(hashes: Hashes) -> Self {
        let root = (hashes.len() == usize::from(WIDTH))
            .then(|| subtree_root(&hashes))
            .flatten();
        Self { hashes, root }
    }
}

/// Hashes the first `width` entries of the bundle, and compares them with the tile.
pub(super) fn check(
    source: &Source,
    index: u64,
    width: u16,
    keep: bool,
) -> Result<Checked, Undecided> {
    let first = index * u64::from(WIDTH);
    let mut findings = Vec::new();
    let entries = read_entries(source, index, width, &mut findings)?;
    let (bundle, computed) = entries.unzip();
    let tile = read_tile(source, index, width, &mut findings)?;
    if let (Some(computed), Some(tile)) = (&computed, &tile) {
        for (index, (ours, theirs)) in (first..).zip(computed.iter().zip(tile)) {
            if ours != theirs {
                let text = "the entry does not have the hash that its tile has for it";
                findings.push(Finding::new("entry-differs", text).at(index));
            }
        }
    }
    if let Some(bundle) = &bundle {
        superseded_bundles(source, index, width, bundle, &mut findings)?;
    }
    if let Some(hashes) = computed.as_ref().or(tile.as_ref()) {
        for (path, place) in files::superseded_tiles(source, 0, index, width, hashes)? {
            let text = format!("{path} is not the beginning of the later tile");
            findings.push(Finding::new("superseded-differs", text).at(first + u64::from(place)));
        }
    }

    let (ours, theirs) = match (computed, tile) {
        (Some(ours), theirs) => {
            let theirs = theirs.filter(|theirs| *theirs != ours);
            (Some(ours), theirs)
        }
        (None, tile) => (tile, None),
    };
    let lengths = 2 * usize::from(width);
    Ok(Checked {
        findings,
        ours: ours.map(Leaves::new),
        theirs: theirs.map(Leaves::new),
        bytes: bundle
            .as_ref()
            .map_or(0, |bundle| (bundle.len() - lengths) as u64),
        bundle: bundle.filter(|_| keep),
    })
}

/// Reads the bundle up to its last entry of the tree, and hashes its entries.
fn read_entries(
    source: &Source,
    index: u64,
    width: u16,
    findings: &mut Vec<Finding>,
) -> Result<Option<(Vec<u8>, Hashes)>, Undecided> {
    let path = files::entries_path(index, width);
    let read = files::read_whole_or_full(source, &path, width, BUNDLE_BYTES_MAX)?;
    let (kind, text) = match read.map(|bytes| (hash_entries(&bytes, width), bytes)) {
        Some((Some((length, hashes)), mut bytes)) => {
            bytes.truncate(length);
            return Ok(Some((bytes, hashes)));
        }
        Some((None, _)) => (
            "entries-malformed",
            format!("{path} is not {width} entries"),
        ),
        None => ("entries-missing", format!("{path} is missing")),
    };
    findings.push(lost(kind, text, index, width));
    Ok(None)
}

/// Reads the hashes of the tile.
fn read_tile(
    source: &Source,
    index: u64,
    width: u16,
    findings: &mut Vec<Finding>,
) -> Result<Option<Hashes>, Undecided> {
    let path = files::tile_path(0, index, width);
    let read = files::read_whole_or_full(source, &path, width, TILE_BYTES_MAX)?;
    let (kind, text) = match read.map(|bytes| files::hashes(&bytes, width)) {
        Some(Some(tile)) => return Ok(Some(tile)),
        Some(None) => ("tile-malformed", format!("{path} is not {width} hashes")),
        None => ("tile-missing", format!("{path} is missing")),
    };
    findings.push(lost(kind, text, index, width));
    Ok(None)
}

fn lost(kind: &'static str, text: String, index: u64, width: u16) -> Finding {
    let first = index * u64::from(WIDTH);
    Finding::new(kind, text).within(first, first + u64::from(width) - 1)
}

/// The length of the first `width` entries, and their hashes. A full bundle may stand in for a partial one.
fn hash_entries(bytes: &[u8], width: u16) -> Option<(usize, Hashes)> {
    let bundle = parse_bundle(bytes, width).or_else(|_| parse_bundle(bytes, WIDTH));
    let mut length = 0;
    let mut hashes = Vec::with_capacity(usize::from(width));
    for entry in bundle.ok()?.entries().take(usize::from(width)) {
        length += 2 + entry.len();
        hashes.push(*leaf_hash(entry).as_bytes());
    }
    Some((length, hashes))
}

/// Compares the partial bundles of earlier checkpoints, which a folder keeps: each is the beginning of the later one.
fn superseded_bundles(
    source: &Source,
    index: u64,
    width: u16,
    bundle: &[u8],
    findings: &mut Vec<Finding>,
) -> Result<(), Undecided> {
    let others = files::partials(source, &files::entries_path(index, WIDTH))?;
    for other in others.into_iter().filter(|other| *other != width) {
        let path = files::entries_path(index, other);
        let Some(bytes) = source.read(&path, BUNDLE_BYTES_MAX)? else {
            continue;
        };
        let agrees = bundle.starts_with(&bytes) || bytes.starts_with(bundle);
        if !agrees || parse_bundle(&bytes, other).is_err() {
            let common = bundle.iter().zip(&bytes).take_while(|(a, b)| a == b);
            let place = entry_at(bundle, width, common.count()).min(u64::from(other) - 1);
            let text = format!("{path} is not the beginning of the later bundle");
            let index = index * u64::from(WIDTH) + place;
            findings.push(Finding::new("superseded-differs", text).at(index));
        }
    }
    Ok(())
}

/// The entry, counted from 0, that has the byte at this place.
fn entry_at(bundle: &[u8], width: u16, place: usize) -> u64 {
    let mut end = 0;
    let entries = files::entries(bundle, width).unwrap_or_default();
    entries
        .iter()
        .take_while(|entry| {
            end += 2 + entry.len();
            end <= place
        })
        .count() as u64
}
