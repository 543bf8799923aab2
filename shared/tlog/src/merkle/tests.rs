use proptest::prelude::*;

use std::cell::RefCell;

use super::*;
use crate::{MAX_SIZE, text};

/// `D` of the well-known vectors of RFC 6962 implementations.
const ENTRIES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];

const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/// Proofs of these trees as other implementations of RFC 6962 have them.
const INCLUSIONS: [(u64, u64, &[&str]); 2] = [
    (
        5,
        8,
        &[
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        3,
        &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    ),
];
const CONSISTENCIES: [(u64, u64, &[&str]); 2] = [
    (
        6,
        8,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        &[
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
];

/// The largest tree of the exhaustive tests.
const LARGEST: usize = 512;

/// The definitions of RFC 9162, 2.1, word for word, over leaf hashes; each subtree is hashed once.
struct Naive {
    leaves: Vec<Hash>,
    /// By start and end; hashing keys would cost more than the trees.
    roots: RefCell<Vec<Vec<Option<Hash>>>>,
}

impl Naive {
    fn new(leaves: Vec<Hash>) -> Self {
        let roots = vec![vec![None; leaves.len() + 1]; leaves.len() + 1];
        Self {
            leaves,
            roots: RefCell::new(roots),
        }
    }

    /// Leaves that differ and mean nothing.
    fn of(size: usize) -> Self {
        Self::new(
            (0..size)
                .map(|leaf| leaf_hash(&leaf.to_be_bytes()))
                .collect(),
        )
    }

    /// MTH(D[start:end])
    fn root(&self, start: usize, end: usize) -> Hash {
        if let Some(root) = self.roots.borrow()[start][end] {
            return root;
        }
        let root = match end - start {
            0 => sha256(b""),
            1 => self.leaves[start],
            n => {
                let k = largest_power_below(n);
                node_hash(&self.root(start, start + k), &self.root(start + k, end))
            }
        };
        self.roots.borrow_mut()[start][end] = Some(root);
        root
    }

    /// PATH(m, D[start:end])
    fn path(&self, m: usize, start: usize, end: usize) -> Vec<Hash> {
        if end - start == 1 {
            return Vec::new();
        }
        let middle = start + largest_power_below(end - start);
        let (mut path, sibling) = if m < middle - start {
            (self.path(m, start, middle), self.root(middle, end))
        } else {
            (
                self.path(m - (middle - start), middle, end),
                self.root(start, middle),
            )
        };
        path.push(sibling);
        path
    }

    /// SUBPROOF(m, D[start:end], b)
    fn subproof(&self, m: usize, start: usize, end: usize, b: bool) -> Vec<Hash> {
        if m == end - start {
            return if b {
                Vec::new()
            } else {
                vec![self.root(start, end)]
            };
        }
        let k = largest_power_below(end - start);
        let (mut path, sibling) = if m <= k {
            (
                self.subproof(m, start, start + k, b),
                self.root(start + k, end),
            )
        } else {
            (
                self.subproof(m - k, start + k, end, false),
                self.root(start, start + k),
            )
        };
        path.push(sibling);
        path
    }

    fn nodes(&self) -> Rows {
        let (mut tree, mut nodes) = (Tree::new(), Rows(vec![Vec::new(); 64]));
        for leaf in &self.leaves {
            let size = tree.size();
            tree.push_with(*leaf, |level, hash| {
                let row = &mut nodes.0[usize::from(level)];
                assert_eq!(row.len() as u64, size >> level);
                row.push(hash);
            });
        }
        nodes
    }
}

/// Every node, by level and index.
struct Rows(Vec<Vec<Hash>>);

impl Nodes for Rows {
    type Error = MissingNode;

    fn node(&self, level: u8, index: u64) -> Result<Hash, MissingNode> {
        let node = self.0[usize::from(level)].get(usize::try_from(index).unwrap());
        node.copied().ok_or(MissingNode { level, index })
    }
}

fn largest_power_below(n: usize) -> usize {
    n.next_power_of_two() / 2
}

/// The root that a path leads to, by the definition of the path.
fn root_by_path(index: u64, size: u64, leaf: Hash, path: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    if size == 1 {
        return path.is_empty().then_some(leaf);
    }
    let (sibling, rest) = path.split_last()?;
    let k = paths::split(size);
    if index < k {
        Some(node_hash(&root_by_path(index, k, leaf, rest)?, sibling))
    } else {
        Some(node_hash(
            sibling,
            &root_by_path(index - k, size - k, leaf, rest)?,
        ))
    }
}

/// The old and the new root that a path leads to, by the definition of the path; `known` is the old root.
fn roots_by_path(m: u64, n: u64, known: Option<Hash>, path: &[Hash]) -> Option<(Hash, Hash)> {
    if m == n {
        return match (known, path) {
            (Some(root), []) => Some((root, root)),
            (None, [root]) => Some((*root, *root)),
            _ => None,
        };
    }
    let (sibling, rest) = path.split_last()?;
    let k = paths::split(n);
    if m <= k {
        let (old, new) = roots_by_path(m, k, known, rest)?;
        Some((old, node_hash(&new, sibling)))
    } else {
        let (old, new) = roots_by_path(m - k, n - k, None, rest)?;
        Some((node_hash(sibling, &old), node_hash(sibling, &new)))
    }
}

fn hashes(texts: &[&str]) -> Vec<Hash> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn flipped(hash: &Hash, bit: usize) -> Hash {
    let mut bytes = *hash.as_bytes();
    bytes[bit / 8] ^= 1 << (bit % 8);
    Hash::from_bytes(bytes)
}

#[test]
fn the_known_roots_are_computed() {
    let naive = Naive::new(ENTRIES.iter().map(|entry| leaf_hash(entry)).collect());
    let before = counted::hashes();
    let mut tree = Tree::new();
    for (size, root) in ROOTS.iter().enumerate() {
        assert_eq!(tree.root().to_string(), *root);
        assert_eq!(tree.size(), size as u64);
        if let Some(entry) = ENTRIES.get(size) {
            tree.push(leaf_hash(entry));
        }
    }
    let pushes = 8 + 4 + 2 + 1;
    let roots_of_3_5_6_and_7 = 1 + 1 + 1 + 2;
    assert_eq!(counted::hashes() - before, pushes + roots_of_3_5_6_and_7);
    for (size, root) in ROOTS.iter().enumerate() {
        assert_eq!(naive.root(0, size).to_string(), *root);
    }
}

#[test]
fn the_known_proofs_are_computed_and_verify() {
    let naive = Naive::new(ENTRIES.iter().map(|entry| leaf_hash(entry)).collect());
    let nodes = naive.nodes();
    let root = |size: u64| -> Hash { ROOTS[usize::try_from(size).unwrap()].parse().unwrap() };
    for (index, size, path) in INCLUSIONS {
        let path = hashes(path);
        assert_eq!(inclusion_path(index, size, &nodes).unwrap(), path);
        let leaf = leaf_hash(ENTRIES[usize::try_from(index).unwrap()]);
        assert_eq!(
            verify_inclusion(index, size, &leaf, &path, &root(size)),
            Ok(())
        );
        assert_eq!(
            verify_inclusion(index - 1, size, &leaf, &path, &root(size)),
            Err(InvalidProof)
        );
    }
    for (old, new, path) in CONSISTENCIES {
        let path = hashes(path);
        assert_eq!(consistency_path(old, new, &nodes).unwrap(), path);
        assert_eq!(
            verify_consistency(old, &root(old), new, &root(new), &path),
            Ok(())
        );
        assert_eq!(
            verify_consistency(old, &root(old - 1), new, &root(new), &path),
            Err(InvalidProof)
        );
    }
}

#[test]
fn every_inclusion_proof_is_as_defined_and_verifies() {
    let naive = Naive::of(LARGEST);
    let nodes = naive.nodes();
    for n in 1..=LARGEST {
        let (size, root) = (n as u64, naive.root(0, n));
        for m in 0..n {
            let path = inclusion_path(m as u64, size, &nodes).unwrap();
            assert_eq!(path, naive.path(m, 0, n), "{m} in {n}");
            assert_eq!(
                verify_inclusion(m as u64, size, &naive.leaves[m], &path, &root),
                Ok(()),
                "{m} in {n}"
            );
        }
    }
}

#[test]
fn every_consistency_proof_is_as_defined_and_verifies() {
    let naive = Naive::of(LARGEST);
    let nodes = naive.nodes();
    for n in 1..=LARGEST {
        let new_root = naive.root(0, n);
        for m in 1..=n {
            let (old, new, old_root) = (m as u64, n as u64, naive.root(0, m));
            let path = consistency_path(old, new, &nodes).unwrap();
            assert_eq!(path, naive.subproof(m, 0, n, true), "{m} to {n}");
            assert_eq!(
                verify_consistency(old, &old_root, new, &new_root, &path),
                Ok(()),
                "{m} to {n}"
            );
        }
    }
}

#[test]
fn every_flipped_bit_of_an_inclusion_proof_is_found() {
    let naive = Naive::of(40);
    for (m, n) in
        (1..=17)
            .flat_map(|n| (0..n).map(move |m| (m, n)))
            .chain([(0, 40), (33, 40), (39, 40)])
    {
        let (index, size) = (m as u64, n as u64);
        let (leaf, path, root) = (naive.leaves[m], naive.path(m, 0, n), naive.root(0, n));
        let holds = |index, size, leaf: &Hash, path: &[Hash], root: &Hash| {
            verify_inclusion(index, size, leaf, path, root).is_ok()
        };
        for bit in 0..256 {
            assert!(!holds(index, size, &flipped(&leaf, bit), &path, &root));
            assert!(!holds(index, size, &leaf, &path, &flipped(&root, bit)));
            for at in 0..path.len() {
                let mut path = path.clone();
                path[at] = flipped(&path[at], bit);
                assert!(
                    !holds(index, size, &leaf, &path, &root),
                    "{m} in {n}, bit {bit} of {at}"
                );
            }
        }
        for bit in 0..64 {
            assert!(
                !holds(index ^ 1 << bit, size, &leaf, &path, &root),
                "{m} in {n}, bit {bit} of m"
            );
            // Trees of several sizes share the shape of a path: only with the root does a size say anything. By
            // the definition or by the steps, the verdict is the same.
            let other = size ^ 1 << bit;
            let defined =
                other <= MAX_SIZE && root_by_path(index, other, leaf, &path) == Some(root);
            assert_eq!(
                holds(index, other, &leaf, &path, &root),
                defined,
                "{m} in {n}, bit {bit} of n"
            );
        }
        for at in 0..path.len() {
            let (mut shorter, mut longer) = (path.clone(), path.clone());
            shorter.remove(at);
            longer.insert(at, EMPTY_ROOT);
            assert!(!holds(index, size, &leaf, &shorter, &root));
            assert!(!holds(index, size, &leaf, &longer, &root));
        }
    }
}

#[test]
fn every_flipped_bit_of_a_consistency_proof_is_found() {
    let naive = Naive::of(40);
    for (m, n) in
        (2..=17)
            .flat_map(|n| (1..n).map(move |m| (m, n)))
            .chain([(1, 40), (33, 40), (32, 40)])
    {
        let (old, new) = (m as u64, n as u64);
        let (old_root, new_root) = (naive.root(0, m), naive.root(0, n));
        let path = naive.subproof(m, 0, n, true);
        let holds = |old, old_root: &Hash, new, new_root: &Hash, path: &[Hash]| {
            verify_consistency(old, old_root, new, new_root, path).is_ok()
        };
        for bit in 0..256 {
            assert!(!holds(old, &flipped(&old_root, bit), new, &new_root, &path));
            assert!(!holds(old, &old_root, new, &flipped(&new_root, bit), &path));
            for at in 0..path.len() {
                let mut path = path.clone();
                path[at] = flipped(&path[at], bit);
                assert!(
                    !holds(old, &old_root, new, &new_root, &path),
                    "{m} to {n}, bit {bit} of {at}"
                );
            }
        }
        for bit in 0..64 {
            for (other_old, other_new) in [(old ^ 1 << bit, new), (old, new ^ 1 << bit)] {
                let ordered = 0 < other_old && other_old <= other_new && other_new <= MAX_SIZE;
                let defined = ordered
                    && roots_by_path(other_old, other_new, Some(old_root), &path)
                        == Some((old_root, new_root));
                assert_eq!(
                    holds(other_old, &old_root, other_new, &new_root, &path),
                    defined
                );
            }
        }
    }
}

#[test]
fn nothing_is_consistent_with_no_tree() {
    let naive = Naive::of(4);
    let root = naive.root(0, 4);
    assert_eq!(
        verify_consistency(0, &EMPTY_ROOT, 4, &root, &[]),
        Err(InvalidProof)
    );
    assert_eq!(
        verify_consistency(0, &EMPTY_ROOT, 4, &root, &[root]),
        Err(InvalidProof)
    );
    assert_eq!(
        verify_consistency(0, &EMPTY_ROOT, 0, &EMPTY_ROOT, &[]),
        Err(InvalidProof)
    );
    assert_eq!(consistency_path(0, 4, &naive.nodes()), Ok(vec![]));
}

#[test]
fn a_tree_is_consistent_with_itself_alone() {
    let naive = Naive::of(5);
    let (four, five) = (naive.root(0, 4), naive.root(0, 5));
    assert_eq!(verify_consistency(5, &five, 5, &five, &[]), Ok(()));
    assert_eq!(
        verify_consistency(5, &four, 5, &five, &[]),
        Err(InvalidProof)
    );
    assert_eq!(
        verify_consistency(5, &five, 5, &five, &[five]),
        Err(InvalidProof)
    );
    assert_eq!(
        verify_consistency(5, &five, 4, &four, &[]),
        Err(InvalidProof)
    );
    assert_eq!(
        verify_consistency(4, &four, 5, &five, &[]),
        Err(InvalidProof)
    );
}

#[test]
fn what_is_out_of_range_has_no_path() {
    let nodes = Naive::of(3).nodes();
    assert_eq!(inclusion_path(3, 3, &nodes), Err(PathError::OutOfRange));
    assert_eq!(inclusion_path(0, 0, &nodes), Err(PathError::OutOfRange));
    assert_eq!(
        inclusion_path(0, u64::MAX, &nodes),
        Err(PathError::OutOfRange)
    );
    assert_eq!(consistency_path(4, 3, &nodes), Err(PathError::OutOfRange));
    assert_eq!(
        consistency_path(1, u64::MAX, &nodes),
        Err(PathError::OutOfRange)
    );
    assert_eq!(inclusion_nodes(3, 3), None);
    let missing = MissingNode { level: 1, index: 1 };
    assert_eq!(inclusion_path(0, 4, &nodes), Err(PathError::Nodes(missing)));
    assert_eq!(
        Tree::from_nodes(MAX_SIZE + 1, &nodes),
        Err(PathError::OutOfRange)
    );
}

#[test]
fn the_largest_tree_has_proofs_of_63_hashes() {
    let nodes = inclusion_nodes(0, MAX_SIZE).unwrap();
    assert!(nodes.iter().all(|(level, index)| index << level < MAX_SIZE));
    let sampled = Sampled;
    let root = Tree::from_nodes(MAX_SIZE, &sampled).unwrap().root();
    for index in [0, 1, MAX_SIZE / 2, MAX_SIZE - 1] {
        let path = inclusion_path(index, MAX_SIZE, &sampled).unwrap();
        assert!(path.len() <= 63);
    }
    let path = consistency_path(MAX_SIZE - 1, MAX_SIZE, &sampled).unwrap();
    let old = Tree::from_nodes(MAX_SIZE - 1, &sampled).unwrap().root();
    assert_eq!(path.len(), 63);
    assert_eq!(
        verify_consistency(MAX_SIZE - 1, &old, MAX_SIZE, &root, &path),
        Ok(())
    );
}

/// A log too large to be: each node is what its place hashes to.
struct Sampled;

impl Nodes for Sampled {
    type Error = std::convert::Infallible;

    fn node(&self, level: u8, index: u64) -> Result<Hash, Self::Error> {
        Ok(leaf_hash(
            &[&[level], index.to_be_bytes().as_slice()].concat(),
        ))
    }
}

#[test]
fn a_tree_grows_by_subtrees_as_by_leaves() {
    let naive = Naive::of(300);
    let mut leaf_by_leaf = Tree::new();
    naive
        .leaves
        .iter()
        .for_each(|leaf| leaf_by_leaf.push(*leaf));
    let bytes: Vec<[u8; 32]> = naive.leaves.iter().map(|leaf| *leaf.as_bytes()).collect();

    let mut tree = Tree::new();
    tree.push_subtree(8, subtree_root(&bytes[..256]).unwrap())
        .unwrap();
    assert_eq!(tree.push_subtree(9, EMPTY_ROOT), Err(Misaligned));
    tree.push_subtree(5, subtree_root(&bytes[256..288]).unwrap())
        .unwrap();
    assert_eq!(tree.push_subtree(6, EMPTY_ROOT), Err(Misaligned));
    naive.leaves[288..].iter().for_each(|leaf| tree.push(*leaf));

    assert_eq!(tree, leaf_by_leaf);
    assert_eq!(tree.root(), naive.root(0, 300));
    assert_eq!(
        Tree::from_edge(300, tree.edge().to_vec()),
        Some(tree.clone())
    );
    assert_eq!(Tree::from_edge(301, tree.edge().to_vec()), None);
    assert_eq!(Tree::from_nodes(300, &naive.nodes()), Ok(tree));
    for level in [63, 64, 255] {
        assert_eq!(Tree::new().push_subtree(level, EMPTY_ROOT), Err(Misaligned));
    }
}

#[test]
fn a_subtree_is_a_power_of_two() {
    let naive = Naive::of(256);
    let bytes: Vec<[u8; 32]> = naive.leaves.iter().map(|leaf| *leaf.as_bytes()).collect();
    for height in 0..=8 {
        assert_eq!(
            subtree_root(&bytes[..1 << height]),
            Some(naive.root(0, 1 << height))
        );
    }
    for width in [0, 3, 255] {
        assert_eq!(subtree_root(&bytes[..width]), None);
    }
    assert_eq!(subtree_root(&[[0; 32]; 512]), None);
}

#[test]
fn a_hash_has_one_text_in_each_notation() {
    let hash = EMPTY_ROOT;
    assert_eq!(Hash::from_hex(&hash.to_string()), Ok(hash));
    assert_eq!(Hash::from_base64(&hash.to_base64()), Ok(hash));
    assert_eq!(format!("{hash:?}"), hash.to_string());
    let base64 = hash.to_base64();
    for bad in [
        base64.replace('=', ""),
        base64.replace("uFU=", "uFV="),
        format!("{base64}\n"),
        text::to_base64(&[0; 31]),
        text::to_base64(&[0; 33]),
        hash.to_string(),
    ] {
        assert_eq!(Hash::from_base64(&bad), Err(InvalidHash), "{bad}");
    }
    assert_eq!(
        Hash::from_hex(&hash.to_string().to_uppercase()),
        Err(InvalidHash)
    );
}

proptest! {
    /// Whatever is claimed of whatever path: the RFC's steps and the definition agree.
    #[test]
    fn the_steps_of_inclusion_are_the_definition(
        m in 0_usize..40, n in 1_usize..40, index in 0_u64..48, size in 0_u64..48, cut in 0_usize..8,
    ) {
        let naive = Naive::of(40);
        let mut path = naive.path(m % n, 0, n);
        path.truncate(cut);
        let (leaf, root) = (naive.leaves[m % n], naive.root(0, n));
        let defined = size > 0 && root_by_path(index, size, leaf, &path) == Some(root);
        prop_assert_eq!(verify_inclusion(index, size, &leaf, &path, &root).is_ok(), defined);
    }

    #[test]
    fn the_steps_of_consistency_are_the_definition(
        m in 0_usize..40, n in 1_usize..40, old in 0_u64..48, new in 0_u64..48, cut in 0_usize..8,
    ) {
        let naive = Naive::of(40);
        let m = m % n + 1;
        let mut path = naive.subproof(m, 0, n, true);
        path.truncate(cut);
        let (old_root, new_root) = (naive.root(0, m), naive.root(0, n));
        let defined = 0 < old
            && old <= new
            && roots_by_path(old, new, Some(old_root), &path) == Some((old_root, new_root));
        prop_assert_eq!(verify_consistency(old, &old_root, new, &new_root, &path).is_ok(), defined);
    }

    #[test]
    fn no_claim_panics(
        index: u64, size: u64, hashes in prop::collection::vec(any::<[u8; 32]>(), 0..70),
    ) {
        let path: Vec<Hash> = hashes.into_iter().map(Hash::from_bytes).collect();
        let inclusion = verify_inclusion(index, size, &EMPTY_ROOT, &path, &EMPTY_ROOT);
        prop_assert_eq!(inclusion, Err(InvalidProof));
        let consistency = verify_consistency(index, &EMPTY_ROOT, size, &ENTRY, &path);
        prop_assert_eq!(consistency, Err(InvalidProof));
        let _ = (inclusion_nodes(index, size), consistency_nodes(index, size));
    }
}

const ENTRY: Hash = Hash::from_bytes([7; 32]);
