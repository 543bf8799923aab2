//! The published files: their paths by C2SP tlog-tiles, and how to read them.

use tlog::tiles::{self, Tile};

use crate::{report::Undecided, source::Source};

pub(super) const WIDTH: u16 = tiles::TILE_WIDTH;
pub(crate) const TILE_BYTES_MAX: usize = 256 * 32;
pub(super) const BUNDLE_BYTES_MAX: usize = 256 * (2 + tiles::MAX_ENTRY_BYTES);

pub(super) fn tile_path(level: u8, index: u64, width: u16) -> String {
    tile(level, index, width).path()
}

pub(super) fn entries_path(index: u64, width: u16) -> String {
    tile(0, index, width).entries_path()
}

fn tile(level: u8, index: u64, width: u16) -> Tile {
    Tile::new(level, index, width).expect("no tree has a tile that is not one")
}

/// Reads the file. If the log has grown since the checkpoint was signed, the full file may have replaced a partial one.
pub(crate) fn read_whole_or_full(
    source: &Source,
    path: &str,
    width: u16,
    bytes_max: usize,
) -> Result<Option<Vec<u8>>, Undecided> {
    match source.read(path, bytes_max)? {
        None if width < WIDTH => {
            let full = path.rsplit_once(".p/").map_or(path, |(full, _)| full);
            source.read(full, bytes_max)
        }
        read => Ok(read),
    }
}

/// The entries of a bundle of that width.
pub(super) fn entries(bytes: &[u8], width: u16) -> Option<Vec<&[u8]>> {
    let bundle = tiles::parse_bundle(bytes, width).ok()?;
    Some(bundle.entries().collect())
}

/// The first `width` hashes of a tile of that width, or of a full one.
pub(crate) fn hashes(bytes: &[u8], width: u16) -> Option<Vec<[u8; 32]>> {
    let hashes = tiles::parse_tile(bytes, width).or_else(|_| tiles::parse_tile(bytes, WIDTH));
    hashes
        .ok()
        .map(|hashes| hashes[..usize::from(width)].to_vec())
}

/// The widths of the partial files beside a full one, where they can be listed.
pub(super) fn partials(source: &Source, full: &str) -> Result<Vec<u16>, Undecided> {
    let mut widths = Vec::new();
    source.names(&format!("{full}.p"), &mut |name| {
        widths.extend(number(name).and_then(|width| u16::try_from(width).ok()));
    })?;
    widths.retain(|width| (1..WIDTH).contains(width));
    Ok(widths)
}

/// A number as the log spells it in file names. A file with another spelling is not part of the log.
pub(super) fn number(name: &str) -> Option<u64> {
    name.parse()
        .ok()
        .filter(|number: &u64| number.to_string() == *name)
}

/// The partial tiles of earlier checkpoints that disagree with these hashes, each with the first place that differs.
pub(super) fn superseded_tiles(
    source: &Source,
    level: u8,
    index: u64,
    width: u16,
    ours: &[[u8; 32]],
) -> Result<Vec<(String, u16)>, Undecided> {
    let mut differing = Vec::new();
    for other in partials(source, &tile_path(level, index, WIDTH))? {
        if other == width {
            continue;
        }
        let path = tile_path(level, index, other);
        let Some(bytes) = source.read(&path, TILE_BYTES_MAX)? else {
            continue;
        };
        let place = match tiles::parse_tile(&bytes, other) {
            Ok(theirs) => {
                let differs = theirs.iter().zip(ours).position(|(a, b)| a != b);
                differs.and_then(|place| u16::try_from(place).ok())
            }
            Err(_) => Some(0),
        };
        differing.extend(place.map(|place| (path, place)));
    }
    Ok(differing)
}
