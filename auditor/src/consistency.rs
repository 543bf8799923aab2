//! `verify consistency`: whether the newer tree begins with the older one.

use std::path::Path;

use tlog::{
    checkpoint::Checkpoint,
    merkle::{Hash, Tree, consistency_path, verify_consistency},
    tiles::{self, Tile, TileNodes},
};

use crate::{
    cli,
    files::{read, read_text},
    log::files::{TILE_BYTES_MAX, hashes, read_whole_or_full},
    report::{Finding, Report, Undecided},
    source::Source,
    trust::Trust,
};

pub(crate) fn verify(
    arguments: &cli::Consistency,
    trust: &Trust,
    report: &mut Report,
) -> Result<(), Undecided> {
    let old = trust.accept(&name(&arguments.old), &read(&arguments.old)?, report)?;
    let new = trust.accept(&name(&arguments.new), &read(&arguments.new)?, report)?;
    report.fact("origin", new.origin());
    for (size, root, checkpoint) in [
        ("old_size", "old_root", &old),
        ("new_size", "new_root", &new),
    ] {
        report.fact(size, checkpoint.size());
        report.fact(root, checkpoint.root().to_base64());
    }
    if old.origin() != new.origin() {
        return Err(Undecided::new("the two are of different logs"));
    }
    if old.size() == 0 {
        return Err(Undecided::new(
            "OLD is a checkpoint of no entries: every log is consistent with it",
        ));
    }
    if old.size() > new.size() {
        return Err(Undecided::new(
            "OLD is larger than NEW: name them the other way round",
        ));
    }
    if old.size() == new.size() {
        if old.root() != new.root() {
            report.find(forked(&old));
        }
        return Ok(());
    }
    match (&arguments.proof, &arguments.log) {
        (Some(proof), _) => {
            let path = parse_proof(proof)?;
            if verify_consistency(old.size(), old.root(), new.size(), new.root(), &path).is_err() {
                let text = "the proof does not lead from the older tree to the newer one";
                report.find(Finding::new("inconsistent", text).within(0, old.size() - 1));
            }
            Ok(())
        }
        (None, Some(log)) => by_tiles(&Source::open(log)?, &old, &new, report),
        (None, None) => Err(Undecided::new("no proof: name --log or --proof")),
    }
}

/// Computes both roots from the log's tiles, to tell which of the two checkpoints the tiles do not match.
fn by_tiles(
    source: &Source,
    old: &Checkpoint,
    new: &Checkpoint,
    report: &mut Report,
) -> Result<(), Undecided> {
    const REACHED: &str = "the sizes are in range";
    let mut needed = tiles::tiles_for_consistency(old.size(), new.size()).expect(REACHED);
    for size in [old.size(), new.size()] {
        needed.extend(
            tiles::tiles_of(size)
                .filter_map(|tile| Tile::in_tree(tile.level(), tile.index(), new.size())),
        );
    }
    needed.sort_unstable();
    needed.dedup();
    let mut nodes = TileNodes::new();
    for tile in needed {
        let path = tile.path();
        let bytes = read_whole_or_full(source, &path, tile.width(), TILE_BYTES_MAX)?;
        let hashes = bytes
            .as_deref()
            .and_then(|bytes| hashes(bytes, tile.width()));
        let Some(hashes) = hashes else {
            let text = format!("the tile is missing or cannot be read: {path}");
            let span = 256_u64.saturating_pow(u32::from(tile.level()));
            let first = (tile.index() * 256).saturating_mul(span);
            report.find(Finding::new("tile-missing", text).within(first, new.size() - 1));
            return Ok(());
        };
        nodes
            .insert(tile, hashes.into_flattened())
            .expect("as many hashes as the tile is wide");
    }
    let root = |size| Tree::from_nodes(size, &nodes).map(|tree| tree.root());
    let unreadable = |error| Undecided(format!("no proof from the tiles: {error}"));
    if root(new.size()).map_err(unreadable)? != *new.root() {
        let text = "the tiles have another root than the newer checkpoint";
        report.find(Finding::new("root-differs", text).within(0, new.size() - 1));
        return Ok(());
    }
    if root(old.size()).map_err(unreadable)? != *old.root() {
        report.find(forked(old));
        return Ok(());
    }
    let path = consistency_path(old.size(), new.size(), &nodes).map_err(unreadable)?;
    if verify_consistency(old.size(), old.root(), new.size(), new.root(), &path).is_err() {
        report.find(forked(old));
    }
    Ok(())
}

fn forked(old: &Checkpoint) -> Finding {
    let text = format!(
        "the log signed another tree of {} entries before",
        old.size()
    );
    Finding::new("forked", text).within(0, old.size() - 1)
}

/// Reads one base64 hash a line. Of a whole request to a witness, the lines before and after the hashes are skipped.
fn parse_proof(path: &Path) -> Result<Vec<Hash>, Undecided> {
    let text = read_text(path)?;
    let lines = text.lines().skip_while(|line| line.starts_with("old "));
    let hashes = lines
        .take_while(|line| !line.is_empty())
        .map(Hash::from_base64);
    hashes
        .collect::<Result<_, _>>()
        .map_err(|error| Undecided(format!("{}: {error}", path.display())))
}

fn name(path: &Path) -> String {
    path.display().to_string()
}
