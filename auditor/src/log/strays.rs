//! Files in the folder that are not part of the tree.

use tlog::tiles::Tile;

use crate::{
    report::{Report, Undecided},
    source::Source,
};

/// Counts the files that the checkpoint does not cover. No signature vouches for them, and nothing reads them.
pub(super) fn look(source: &Source, size: u64, report: &mut Report) -> Result<(), Undecided> {
    let (mut beyond, mut foreign) = (0_u64, 0_u64);
    source.walk("tile", &mut |path| {
        match Tile::parse_entries(path).or_else(|| Tile::parse(path)) {
            // A partial tile may be wider than the tree that it was published for.
            Some(tile) if Tile::in_tree(tile.level(), tile.index(), size).is_some() => {}
            Some(_) => beyond += 1,
            None => foreign += 1,
        }
    })?;
    if beyond > 0 {
        report.note(format!(
            "{beyond} tiles or bundles are beyond the checkpoint: not judged"
        ));
    }
    if foreign > 0 {
        report.note(format!(
            "{foreign} files under tile/ are no part of a log: ignored"
        ));
    }
    Ok(())
}
