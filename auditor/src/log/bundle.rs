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

/// What came of one bundle and its tile.
pub(super) struct Checked {
    pub(super) findings: Vec<Finding>,
    /// From the entries; from the tile where the entries are lost; none where both are.
    pub(super) ours: Option<Leaves>,
    /// What the published tile says, where that is something else.
    pub(super) theirs: Option<Leaves>,
    /// The bundle up to its last entry of the tree, if it is to be kept; none where it is lost.
    pub(super) bundle: Option<Vec<u8>>,
    /// The length of the entries.
    pub(super) bytes: u64,
}

/// Leaf hashes from the left, at most 256.
pub(super) struct Leaves {
    pub(super) hashes: Vec<[u8; 32]>,
    /// Of all 256.
    pub(super) root: Option<Hash>,
}

impl Leaves {
    fn new(hashes: Vec<[u8; 32]>) -> Self {
        let root = (hashes.len() == usize::from(WIDTH))
            .then(|| subtree_root(&hashes))
            .flatten();
        Self { hashes, root }
    }
}

/// Hashes the entries of the bundle, of which the tree has `width`, and compares.
pub(super) fn check(
    source: &Source,
    index: u64,
    width: u16,
    keep: bool,
) -> Result<Checked, Undecided> {
    let first = index * u64::from(WIDTH);
    let last = first + u64::from(width) - 1;
    let mut findings = Vec::new();

    let path = files::entries_path(index, width);
    let read = files::read_whole_or_full(source, &path, width, BUNDLE_BYTES_MAX)?;
    let (bundle, hashed) = match read {
        None => {
            let text = format!("the entries are missing: {path}");
            findings.push(Finding::new("entries-missing", text).within(first, last));
            (None, None)
        }
        Some(bytes) => match hash_entries(&bytes, width) {
            Some((length, hashes)) => {
                let mut bundle = bytes;
                bundle.truncate(length);
                (Some(bundle), Some(hashes))
            }
            None => {
                let text = format!("the entries cannot be read: {path} is not {width} entries");
                findings.push(Finding::new("entries-malformed", text).within(first, last));
                (None, None)
            }
        },
    };

    let tile_path = files::tile_path(0, index, width);
    let tile = files::read_whole_or_full(source, &tile_path, width, TILE_BYTES_MAX)?;
    let tile = match tile.as_deref().map(|bytes| files::hashes(bytes, width)) {
        None => {
            let text = format!("the tile is missing: {tile_path}");
            findings.push(Finding::new("tile-missing", text).within(first, last));
            None
        }
        Some(None) => {
            let text = format!("the tile cannot be read: {tile_path} is not {width} hashes");
            findings.push(Finding::new("tile-malformed", text).within(first, last));
            None
        }
        Some(Some(hashes)) => Some(hashes),
    };

    if let (Some(ours), Some(theirs)) = (&hashed, &tile)
        && ours != theirs
    {
        for (place, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
            if ours != theirs {
                let text = "the entry is not the one that its tile has the hash of";
                findings.push(Finding::new("entry-differs", text).at(first + place as u64));
            }
        }
    }

    superseded(
        source,
        index,
        width,
        bundle.as_deref(),
        hashed.as_deref().or(tile.as_deref()),
        &mut findings,
    )?;

    let (ours, theirs) = match (hashed, tile) {
        (Some(ours), Some(theirs)) if ours != theirs => (Some(ours), Some(theirs)),
        (Some(ours), _) => (Some(ours), None),
        (None, tile) => (tile, None),
    };
    Ok(Checked {
        findings,
        ours: ours.map(Leaves::new),
        theirs: theirs.map(Leaves::new),
        bytes: bundle
            .as_ref()
            .map_or(0, |bundle| (bundle.len() - 2 * usize::from(width)) as u64),
        bundle: bundle.filter(|_| keep),
    })
}

/// Hashes the first `width` entries; answers also where they end. A full bundle may stand in for a partial one.
fn hash_entries(bytes: &[u8], width: u16) -> Option<(usize, Vec<[u8; 32]>)> {
    let bundle = parse_bundle(bytes, width).or_else(|_| parse_bundle(bytes, WIDTH));
    let mut length = 0;
    let mut hashes = Vec::with_capacity(usize::from(width));
    for entry in bundle.ok()?.entries().take(usize::from(width)) {
        length += 2 + entry.len();
        hashes.push(*leaf_hash(entry).as_bytes());
    }
    Some((length, hashes))
}

/// A folder keeps the partial files of earlier checkpoints: each is the beginning of what came later.
fn superseded(
    source: &Source,
    index: u64,
    width: u16,
    bundle: Option<&[u8]>,
    hashes: Option<&[[u8; 32]]>,
    findings: &mut Vec<Finding>,
) -> Result<(), Undecided> {
    let first = index * u64::from(WIDTH);
    if let Some(bundle) = bundle {
        for other in files::partials(source, &files::entries_path(index, WIDTH))? {
            if other == width {
                continue;
            }
            let path = files::entries_path(index, other);
            let Some(bytes) = source.read(&path, BUNDLE_BYTES_MAX)? else {
                continue;
            };
            let agrees = bundle.starts_with(&bytes) || bytes.starts_with(bundle);
            if !agrees || parse_bundle(&bytes, other).is_err() {
                let common = bundle
                    .iter()
                    .zip(&bytes)
                    .take_while(|(a, b)| a == b)
                    .count();
                let place = entry_at(bundle, width, common).min(u64::from(other) - 1);
                let text = format!("{path} is not the beginning of the later bundle");
                findings.push(Finding::new("superseded-differs", text).at(first + place));
            }
        }
    }
    if let Some(hashes) = hashes {
        let text = |path: &str| format!("{path} is not the beginning of the later tile");
        for (path, place) in files::superseded_tiles(source, 0, index, width, hashes)? {
            findings
                .push(Finding::new("superseded-differs", text(&path)).at(first + u64::from(place)));
        }
    }
    Ok(())
}

/// Which entry has the byte at that place.
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
