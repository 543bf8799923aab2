use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{
    fixtures::entries,
    merkle::{
        EMPTY_ROOT, Hash, Nodes, PathError, Tree, consistency_path, counted, inclusion_path,
        leaf_hash, verify_consistency, verify_inclusion,
    },
};

fn tile(level: u8, index: u64, width: u16) -> Tile {
    Tile::new(level, index, width).unwrap()
}

#[test]
fn a_path_is_as_specified() {
    for (tile, path) in [
        (tile(0, 0, 256), "tile/0/000"),
        (tile(0, 1_234_067, 256), "tile/0/x001/x234/067"),
        (tile(1, 1000, 1), "tile/1/x001/000.p/1"),
        (tile(63, 999, 255), "tile/63/999.p/255"),
        (
            tile(2, (1 << 63) - 1, 17),
            "tile/2/x009/x223/x372/x036/x854/x775/807.p/17",
        ),
    ] {
        assert_eq!(tile.path(), path);
        assert_eq!(Tile::parse(path), Some(tile));
    }
    let bundle = tile(0, 1_234_067, 8);
    assert_eq!(bundle.entries_path(), "tile/entries/x001/x234/067.p/8");
    assert_eq!(
        Tile::parse_entries("tile/entries/x001/x234/067.p/8"),
        Some(bundle)
    );
}

#[test]
fn another_notation_is_no_path() {
    for bad in [
        "",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000/001",
        "tile/0/001/001",
        "tile/0/x001/x001",
        "tile/0/x001/",
        "tile/00/001",
        "tile/64/001",
        "tile/-1/001",
        "tile/x/001",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/01",
        "tile/0/001.p/",
        "tile/0/001.p/1/",
        "tile/0/001.p/1.p/1",
        "tile/0/0é",
        "/tile/0/001",
        "tile/0/001\n",
        "tile/entries/001",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/x999/999",
    ] {
        assert_eq!(Tile::parse(bad), None, "{bad:?}");
    }
    assert_eq!(Tile::parse_entries("tile/0/001"), None);
    assert_eq!(Tile::new(0, 0, 0), None);
    assert_eq!(Tile::new(0, 0, 257), None);
    assert_eq!(Tile::new(64, 0, 1), None);
}

#[test]
fn a_tree_of_70000_has_the_tiles_of_the_specification() {
    let all: Vec<Tile> = new_tiles(0, 70_000).collect();
    let full = |level| {
        all.iter()
            .filter(|tile| tile.level == level && tile.is_full())
            .count()
    };
    assert_eq!((full(0), full(1), full(2)), (273, 1, 0));
    let edge = [tile(0, 273, 112), tile(1, 1, 17), tile(2, 0, 1)];
    assert_eq!(tiles_of(70_000).collect::<Vec<_>>(), edge);
    assert_eq!(all.len(), 273 + 1 + 3);
    assert!(edge.iter().all(|tile| all.contains(tile)));
    // "a tree of size 256 will be represented by a full level 0 tile and a partial level 1 tile of width 1".
    assert_eq!(
        new_tiles(0, 256).collect::<Vec<_>>(),
        [tile(0, 0, 256), tile(1, 0, 1)]
    );
    assert_eq!(tiles_of(256).collect::<Vec<_>>(), [tile(1, 0, 1)]);
    assert_eq!(tiles_of(0).count(), 0);
    assert_eq!(tiles_of(MAX_SIZE).count(), 8);
}

#[test]
fn the_new_tiles_are_those_the_old_tree_has_not() {
    for old in [0, 1, 255, 256, 257, 511, 65_535, 65_536, 65_537, 70_000] {
        let had: Vec<Tile> = new_tiles(0, old).collect();
        for new in [old, old + 1, old + 256, old + 700, old + 66_000] {
            let has = new_tiles(0, new)
                .filter(|tile| !had.contains(tile))
                .collect::<Vec<_>>();
            assert_eq!(
                new_tiles(old, new).collect::<Vec<_>>(),
                has,
                "{old} to {new}"
            );
        }
    }
    // The tiles are computed lazily, so an impossible size costs nothing.
    assert_eq!(new_tiles(0, MAX_SIZE).next(), Some(tile(0, 0, 256)));
}

/// The files of a log of the first entries, built at once: by path, the last version of each.
fn built(size: u64) -> (Builder, BTreeMap<String, Vec<u8>>) {
    let mut builder = Builder::new();
    entries(size).for_each(|entry| builder.push(&entry).unwrap());
    let files = builder
        .take()
        .into_iter()
        .map(|file| (file.path, file.bytes))
        .collect();
    (builder, files)
}

fn edge_of(size: u64, files: &BTreeMap<String, Vec<u8>>) -> (Vec<(Tile, Vec<u8>)>, Vec<u8>) {
    let tiles = tiles_of(size)
        .map(|tile| (tile, files[&tile.path()].clone()))
        .collect();
    let lowest = tiles_of(size).find(|tile| tile.level == 0);
    let bundle = lowest
        .map(|tile| files[&tile.entries_path()].clone())
        .unwrap_or_default();
    (tiles, bundle)
}

#[test]
fn the_files_are_as_defined() {
    let size = 66_000;
    let (builder, files) = built(size);
    let leaves: Vec<Hash> = entries(size).map(|entry| leaf_hash(&entry)).collect();
    let all: Vec<Vec<u8>> = entries(size).collect();
    let mut expected = BTreeMap::new();
    for tile in new_tiles(0, size) {
        let span = 256_usize.pow(tile.level.into());
        let first = usize::try_from(tile.index).unwrap() * 256;
        // MTH(D[(n * 256 + i) * 256**l : (n * 256 + i + 1) * 256**l])
        let hash = |i: usize| {
            let mut tree = Tree::new();
            leaves[i * span..(i + 1) * span]
                .iter()
                .for_each(|leaf| tree.push(*leaf));
            *tree.root().as_bytes()
        };
        let places = first..first + usize::from(tile.width);
        expected.insert(
            tile.path(),
            places.clone().flat_map(hash).collect::<Vec<u8>>(),
        );
        if tile.level == 0 {
            expected.insert(tile.entries_path(), encode_bundle(&all[places]).unwrap());
        }
    }
    assert_eq!(files, expected);
    assert_eq!(builder.tree().size(), size);
}

#[test]
fn tiles_give_every_proof() {
    let size = 70_000;
    let (builder, files) = built(size);
    let root = builder.tree().root();
    let nodes_over = |tiles: Vec<Tile>| {
        let mut nodes = TileNodes::new();
        for tile in tiles {
            nodes.insert(tile, files[&tile.path()].clone()).unwrap();
        }
        nodes
    };
    for index in [0, 1, 255, 256, 65_535, 65_536, 69_631, 69_632, 69_999] {
        let nodes = nodes_over(tiles_for_inclusion(index, size).unwrap());
        let path = inclusion_path(index, size, &nodes).unwrap();
        let leaf = leaf_hash(format!("entry {index}").as_bytes());
        assert_eq!(
            verify_inclusion(index, size, &leaf, &path, &root),
            Ok(()),
            "{index}"
        );
    }
    for old in [1, 255, 256, 257, 65_535, 65_536, 65_792, 69_999] {
        let nodes = nodes_over(tiles_for_consistency(old, size).unwrap());
        let path = consistency_path(old, size, &nodes).unwrap();
        let old_root = built(old).0.tree().root();
        assert_eq!(
            verify_consistency(old, &old_root, size, &root, &path),
            Ok(()),
            "{old}"
        );
    }
    assert_eq!(tiles_for_inclusion(size, size), None);
    assert_eq!(tiles_for_consistency(size + 1, size), None);
    let missing = MissingTile {
        level: 0,
        index: 273,
    };
    assert_eq!(
        inclusion_path(0, size, &TileNodes::new()),
        Err(PathError::Nodes(missing))
    );
}

#[test]
fn the_wider_of_two_tiles_stays() {
    let (_, narrow) = built(3);
    let (_, wide) = built(5);
    let mut nodes = TileNodes::new();
    for (width, files) in [(3, &narrow), (5, &wide), (3, &narrow)] {
        let tile = tile(0, 0, width);
        nodes.insert(tile, files[&tile.path()].clone()).unwrap();
    }
    assert_eq!(
        Tree::from_nodes(5, &nodes).unwrap().root(),
        built(5).0.tree().root()
    );
    assert!(Tree::from_nodes(6, &nodes).is_err());
    assert_eq!(nodes.insert(tile(0, 0, 2), vec![0; 63]), Err(InvalidTile));
}

#[test]
fn a_log_is_continued_from_its_right_edge() {
    for size in [0, 1, 255, 256, 257, 65_536, 65_800] {
        let (builder, files) = built(size);
        let (tiles, bundle) = edge_of(size, &files);
        let mut resumed = Builder::resume(size, &builder.tree().root(), &tiles, &bundle).unwrap();
        assert_eq!(resumed.take(), [], "nothing is new at {size}");
        let mut all = files;
        for entry in entries(size + 600).skip(usize::try_from(size).unwrap()) {
            resumed.push(&entry).unwrap();
        }
        all.extend(
            resumed
                .take()
                .into_iter()
                .map(|file| (file.path, file.bytes)),
        );
        let (whole, expected) = built(size + 600);
        assert_eq!(resumed.tree(), whole.tree());
        assert!(
            expected
                .iter()
                .all(|(path, bytes)| all.get(path) == Some(bytes)),
            "{size}"
        );
    }
}

#[test]
fn a_log_is_continued_from_no_other_files() {
    let size = 300;
    let (builder, files) = built(size);
    let (tiles, bundle) = edge_of(size, &files);
    let root = builder.tree().root();
    let resume = |size, root: &Hash, tiles: &[(Tile, Vec<u8>)], bundle: &[u8]| {
        Builder::resume(size, root, tiles, bundle)
            .map(|_| ())
            .unwrap_err()
    };
    assert_eq!(
        resume(size, &EMPTY_ROOT, &tiles, &bundle),
        ResumeError::Root
    );
    assert_eq!(resume(size + 1, &root, &tiles, &bundle), ResumeError::Tiles);
    assert_eq!(
        resume(MAX_SIZE + 1, &root, &tiles, &bundle),
        ResumeError::Tiles
    );
    assert_eq!(
        resume(size, &root, &tiles[1..], &bundle),
        ResumeError::Tiles
    );
    assert_eq!(
        resume(size, &root, &tiles, &bundle[1..]),
        ResumeError::Bundle
    );
    assert_eq!(resume(size, &root, &tiles, &[]), ResumeError::Bundle);
    let mut other = bundle.clone();
    *other.last_mut().unwrap() ^= 1;
    assert_eq!(resume(size, &root, &tiles, &other), ResumeError::Bundle);
    for at in 0..tiles.len() {
        let (mut changed, mut shorter) = (tiles.clone(), tiles.clone());
        changed[at].1[0] ^= 1;
        shorter[at].1.pop();
        assert_eq!(resume(size, &root, &changed, &bundle), ResumeError::Root);
        assert_eq!(resume(size, &root, &shorter, &bundle), ResumeError::Tiles);
    }
}

#[test]
fn a_round_costs_the_batch_and_not_the_tree() {
    // The right edge of a log that no one could hold: every level has a partial tile.
    let size = MAX_SIZE - 1000;
    let (mut nodes, mut tiles, mut bundle) = (TileNodes::new(), Vec::new(), Vec::new());
    for tile in tiles_of(size) {
        let mut bytes = vec![7; 32 * usize::from(tile.width)];
        if tile.level == 0 {
            let held: Vec<Vec<u8>> = entries(tile.width.into()).collect();
            bytes = held
                .iter()
                .flat_map(|entry| *leaf_hash(entry).as_bytes())
                .collect();
            bundle = encode_bundle(&held).unwrap();
        }
        nodes.insert(tile, bytes.clone()).unwrap();
        tiles.push((tile, bytes));
    }
    assert_eq!(tiles.len(), 8);
    let mut tree = Tree::from_nodes(size, &nodes).unwrap();
    let root = tree.root();

    let before = counted::hashes();
    let mut builder = Builder::resume(size, &root, &tiles, &bundle).unwrap();
    let resumed = counted::hashes();
    // The partial bundle's leaves, the nodes in eight partial tiles, the way up to the root.
    assert!(resumed - before <= 255 + 8 * 255 + 63);
    for entry in entries(1000) {
        builder.push(&entry).unwrap();
    }
    let files = builder.take();
    // A leaf and, in the long run, a node for each entry; once more a node a level, where a carry runs up.
    assert!(counted::hashes() - resumed <= 2 * 1000 + 63);
    assert!(files.len() <= 2 * 1000_usize.div_ceil(256) + 2 + 2 * 8);
    entries(1000).for_each(|entry| tree.push(leaf_hash(&entry)));
    assert_eq!(builder.tree(), &tree);
}

#[test]
fn an_entry_has_its_bounds() {
    let longest = vec![b'x'; MAX_ENTRY_BYTES];
    let bytes = encode_bundle(&[&longest[..], b"", b"x"]).unwrap();
    let bundle = parse_bundle(&bytes, 3).unwrap();
    assert_eq!(bundle.width(), 3);
    assert_eq!(
        bundle.entries().collect::<Vec<_>>(),
        [&longest[..], b"", b"x"]
    );
    let longer = vec![b'x'; MAX_ENTRY_BYTES + 1];
    assert_eq!(encode_bundle(&[&longer]), Err(EntryTooLong));
    let mut builder = Builder::new();
    assert_eq!(builder.push(&longer), Err(EntryTooLong));
    assert_eq!(builder.take(), []);
    assert_eq!(builder.tree().root(), EMPTY_ROOT);
}

#[test]
fn a_bundle_is_neither_longer_nor_shorter() {
    let bytes = encode_bundle(&["ab", "c"]).unwrap();
    assert_eq!(bytes, b"\x00\x02ab\x00\x01c");
    assert!(parse_bundle(&bytes, 1).is_err());
    assert!(parse_bundle(&bytes, 3).is_err());
    for end in 0..bytes.len() {
        assert!(parse_bundle(&bytes[..end], 2).is_err());
    }
    assert!(parse_tile(&[0; 64], 1).is_err());
    assert!(parse_tile(&[0; 64], 3).is_err());
    assert!(parse_tile(&[0; 65], 2).is_err());
    assert_eq!(parse_tile(&[0; 64], 2).unwrap(), [[0; 32]; 2]);
}

proptest! {
    #[test]
    fn every_tile_has_one_path(level in 0_u8..64, index in 0_u64..1 << 63, width in 1_u16..=256) {
        let tile = tile(level, index, width);
        prop_assert_eq!(Tile::parse(&tile.path()), Some(tile));
        let bundle = self::tile(0, index, width);
        prop_assert_eq!(Tile::parse_entries(&bundle.entries_path()), Some(bundle));
    }

    #[test]
    fn what_is_read_as_a_path_is_written_so(path in "(tile/)?(entries/|[0-9]{1,2}/)?[x0-9/.p]{0,24}|.{0,30}") {
        if let Some(tile) = Tile::parse(&path) {
            prop_assert_eq!(tile.path(), path.as_str());
        }
        if let Some(tile) = Tile::parse_entries(&path) {
            prop_assert_eq!(tile.entries_path(), path);
        }
    }

    #[test]
    fn what_is_read_as_a_bundle_is_written_so(
        bytes in prop::collection::vec(prop_oneof![4 => 0_u8..3, 1 => any::<u8>()], 0..60), width in 0_u16..9,
    ) {
        if let Ok(bundle) = parse_bundle(&bytes, width) {
            let entries: Vec<&[u8]> = bundle.entries().collect();
            prop_assert_eq!(entries.len(), usize::from(width));
            prop_assert_eq!(encode_bundle(&entries).unwrap(), bytes);
        }
    }

    #[test]
    fn no_node_panics(
        level: u8,
        index: u64,
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        width in 1_u16..=256,
    ) {
        let mut nodes = TileNodes::new();
        let _ = nodes.insert(tile(level % 64 / 8, index >> 8, width), bytes);
        let _ = nodes.node(level, index);
        let _ = (Tile::in_tree(level, index, u64::MAX), new_tiles(index, u64::MAX).next());
    }
}

proptest! {
    // Every case hashes thousands of entries.
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// However a log is cut into rounds, its files are those of one round.
    #[test]
    fn rounds_of_any_size_build_one_log(rounds in prop::collection::vec(0_u64..700, 1..8), resumes: [bool; 8]) {
        let (mut builder, mut files) = (Builder::new(), BTreeMap::new());
        let mut size = 0;
        for (round, resume) in rounds.iter().zip(resumes) {
            for entry in entries(size + round).skip(usize::try_from(size).unwrap()) {
                builder.push(&entry).unwrap();
            }
            size += round;
            for file in builder.take() {
                prop_assert_eq!(file.full, !file.path.contains(".p/"));
                prop_assert!(files.insert(file.path, file.bytes).is_none(), "a file is made once");
            }
            if resume {
                let (tiles, bundle) = edge_of(size, &files);
                builder = Builder::resume(size, &builder.tree().root(), &tiles, &bundle).unwrap();
            }
        }
        let (whole, expected) = built(size);
        prop_assert_eq!(builder.tree(), whole.tree());
        for (path, bytes) in &expected {
            prop_assert_eq!(files.get(path), Some(bytes));
        }
        // What a round made beside these is a partial file of an earlier size.
        prop_assert!(files.keys().all(|path| expected.contains_key(path) || path.contains(".p/")));
    }
}

#[test]
fn an_index_has_63_bits() {
    for (index, read) in [((1 << 63) - 1, true), (1 << 63, false), (u64::MAX, false)] {
        let path = Tile::new(0, index, TILE_WIDTH).unwrap().path();
        assert_eq!(Tile::parse(&path).is_some(), read, "{path}");
        let path = path.replace("tile/0/", "tile/entries/");
        assert_eq!(Tile::parse_entries(&path).is_some(), read, "{path}");
    }
}
