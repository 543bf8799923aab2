use proptest::prelude::*;

use super::*;
use crate::{
    fixtures::{checkpoint, entries, flips, log_key, mutated, witness},
    merkle::{EMPTY_ROOT, Tree, inclusion_path},
    policy::Cosigned,
};

fn policy() -> Policy {
    let (log, first) = (log_key(), witness(1));
    let text = format!(
        "log {}\nwitness w1 {}\nquorum w1\n",
        log.verifier_key(),
        first.verifier_key()
    );
    Policy::parse(text.as_bytes()).unwrap()
}

/// The receipt of an entry in the log of `size`.
fn receipt(index: u64, size: u64) -> Proof {
    let mut nodes = std::collections::BTreeMap::new();
    let mut tree = Tree::new();
    for entry in entries(size) {
        let at = tree.size();
        tree.push_with(leaf_hash(&entry), |level, hash| {
            nodes.insert((level, at >> level), hash);
        });
    }
    let path = inclusion_path(index, size, &nodes).unwrap();
    let (_, mut note) = checkpoint(size);
    let cosignature = witness(1).sign(note.text(), 1_679_315_147).unwrap();
    note.add(cosignature).unwrap();
    Proof::new(
        Some(format!("entry {index}").into_bytes()),
        index,
        path,
        note,
    )
    .unwrap()
}

#[test]
fn a_receipt_verifies_after_a_journey() {
    for (index, size) in [(0, 1), (0, 2), (4, 5), (6, 11), (255, 300)] {
        let receipt = receipt(index, size);
        let read = Proof::parse(receipt.to_string().as_bytes()).unwrap();
        assert_eq!(read, receipt);
        let accepted = read.verify(&policy()).unwrap();
        assert_eq!(accepted.checkpoint.size(), size);
        assert_eq!(accepted.log, *log_key().verifier_key());
        let cosigned = Cosigned {
            witness: "w1".into(),
            timestamp: 1_679_315_147,
        };
        assert_eq!(accepted.cosigned, [cosigned]);
    }
}

#[test]
fn it_is_laid_out_as_specified() {
    let receipt = receipt(1, 2);
    let text = receipt.to_string();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("c2sp.org/tlog-proof@v1"));
    assert_eq!(lines.next(), Some("extra ZW50cnkgMQ=="));
    assert_eq!(lines.next(), Some("index 1"));
    assert_eq!(lines.next(), Some(&*leaf_hash(b"entry 0").to_base64()));
    assert_eq!(lines.next(), Some(""));
    assert!(text.ends_with(&receipt.note().to_string()));
}

#[test]
fn extra_data_is_optional_and_an_entry_is_not() {
    let Proof {
        index, path, note, ..
    } = receipt(4, 5);
    let bare = Proof::new(None, index, path.clone(), note.clone()).unwrap();
    assert_eq!(Proof::parse(bare.to_string().as_bytes()), Ok(bare.clone()));
    assert_eq!(bare.verify(&policy()), Err(VerifyError::NoEntry));
    assert_eq!(bare.verify_inclusion(&leaf_hash(b"entry 4")), Ok(()));
    assert_eq!(
        bare.verify_inclusion(&leaf_hash(b"entry 3")),
        Err(InvalidProof)
    );
    let other = Proof::new(Some(b"entry 3".to_vec()), index, path.clone(), note.clone()).unwrap();
    assert_eq!(other.verify(&policy()), Err(VerifyError::NotIncluded));
    let empty = Proof::new(Some(Vec::new()), index, path.clone(), note.clone()).unwrap();
    assert_eq!(Proof::parse(empty.to_string().as_bytes()), Ok(empty));
    assert!(Proof::new(Some(vec![0; MAX_ENTRY_BYTES + 1]), index, path, note).is_err());
}

#[test]
fn whom_the_policy_does_not_know_proves_nothing() {
    let receipt = receipt(4, 5);
    let stranger = Policy::parse(b"quorum none\n").unwrap();
    assert_eq!(
        receipt.verify(&stranger),
        Err(VerifyError::Checkpoint(Rejected::UnknownLog))
    );
    let log = log_key();
    let stricter = format!(
        "log {}\nwitness w2 {}\nquorum w2\n",
        log.verifier_key(),
        witness(2).verifier_key()
    );
    let stricter = Policy::parse(stricter.as_bytes()).unwrap();
    assert_eq!(
        receipt.verify(&stricter),
        Err(VerifyError::Checkpoint(Rejected::QuorumNotMet(Vec::new())))
    );
}

#[test]
fn every_flipped_bit_of_a_receipt_is_found() {
    let policy = policy();
    for (index, size) in [(4, 5), (0, 3)] {
        let text = receipt(index, size).to_string();
        for bytes in flips(&text) {
            let verified = Proof::parse(&bytes).is_ok_and(|proof| proof.verify(&policy).is_ok());
            assert!(!verified, "{}", String::from_utf8_lossy(&bytes));
        }
    }
}

#[test]
fn what_is_no_proof_is_not_read() {
    let text = receipt(4, 5).to_string();
    let hash = format!("{}\n", EMPTY_ROOT.to_base64());
    for (from, to) in [
        ("@v1", "@v2"),
        ("c2sp", "\nc2sp"),
        ("extra ", "extra"),
        ("extra ", "extra  "),
        ("extra ", "more "),
        ("extra ZW", "extra Z"),
        ("extra ", "extra AAAA\nextra "),
        ("index 4", "index 04"),
        ("index 4", "index 5"),
        ("index 4", "index -4"),
        ("index 4", "index"),
        ("index 4\n", ""),
        ("index 4\n", "index 4\nindex 4\n"),
        ("index 4\n", "index 4\n\n"),
        ("index 4\n", &format!("index 4\n{}", hash.repeat(63))),
        ("index 4\n", "index 4\nAAAA\n"),
        ("\n\n", "\n"),
        ("\n5\n", "\n4\n"),
        ("—", "-"),
    ] {
        assert!(text.contains(from), "{from}");
        let bad = text.replacen(from, to, 1);
        assert_eq!(
            Proof::parse(bad.as_bytes()),
            Err(Malformed),
            "{from} -> {to}"
        );
    }
    assert_eq!(Proof::parse(b""), Err(Malformed));
    assert_eq!(
        Proof::parse(&vec![b'x'; MAX_PROOF_BYTES + 1]),
        Err(Malformed)
    );
}

proptest! {
    #[test]
    fn what_is_read_is_written_so(
        bytes in prop_oneof![mutated(&receipt(4, 5).to_string()), prop::collection::vec(any::<u8>(), 0..200)],
    ) {
        if let Ok(proof) = Proof::parse(&bytes) {
            prop_assert_eq!(proof.to_string().into_bytes(), bytes);
            let _ = proof.verify(&policy());
        }
    }
}
