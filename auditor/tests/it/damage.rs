//! Every damage to the files of a log is found.

use auditor::report::{Report, Verdict};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use ring::digest::{SHA256, digest};
use tlog::{note::SigningKey, tiles::Builder};

use crate::made::{Made, ORIGIN};

fn verdict(report: &Report) -> (Verdict, Option<u64>) {
    (report.verdict(), report.first_bad_index())
}

#[test]
fn a_whole_log_of_any_size_is_verified() {
    for sizes in [
        &[1][..],
        &[2, 3],
        &[255],
        &[256],
        &[257],
        &[1, 256, 511, 512, 513],
        &[65_535],
        &[65_536],
        &[70_000],
    ] {
        let report = Made::log(sizes).verify();
        assert_eq!(report.verdict(), Verdict::Verified, "{sizes:?}: {report}");
    }
}

/// One bit of any byte of any checkpoint, and of every seventh byte of every other file.
#[test]
fn no_byte_can_be_flipped() {
    let made = Made::log(&[3, 256, 259]);
    let mut flips = 0;
    for file in made.files() {
        let whole = made.read(&file);
        let step = if file.contains("checkpoint") { 1 } else { 7 };
        for place in (0..whole.len()).step_by(step) {
            let mut flipped = whole.clone();
            flipped[place] ^= 1 << (place % 8);
            made.write(&file, &flipped);
            let report = made.verify();
            assert_ne!(report.verdict(), Verdict::Verified, "{file} at {place}");
            if file.starts_with("log/tile/") {
                assert_eq!(
                    report.verdict(),
                    Verdict::Tampered,
                    "{file} at {place}: {report}"
                );
                assert!(
                    report.first_bad_index().is_some(),
                    "{file} at {place}: {report}"
                );
            }
            flips += 1;
        }
        made.write(&file, &whole);
    }
    assert!(flips > 2_000);
    assert_eq!(made.verify().verdict(), Verdict::Verified);
}

#[test]
fn the_index_of_an_edited_entry_is_named() {
    for index in [0, 4, 5, 255, 256, 299] {
        let made = Made::log(&[5, 256, 300]);
        edit_entry(&made, index);
        let report = made.verify();
        assert_eq!(
            verdict(&report),
            (Verdict::Tampered, Some(index)),
            "{report}"
        );
    }
}

fn edit_entry(made: &Made, index: u64) {
    let name = if index < 256 {
        "log/tile/entries/000"
    } else {
        "log/tile/entries/001.p/44"
    };
    let bytes = made.read(name);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let entry = format!("entry {index}");
    let at = text
        .match_indices(&entry)
        .map(|(at, _)| at)
        .find(|at| usize::from(bytes[at - 1]) == entry.len())
        .unwrap();
    let mut edited = bytes;
    edited[at] = b'E';
    made.write(name, &edited);
}

/// An entry and every hash above it are changed: only the signature is left to show it.
#[test]
fn a_log_rebuilt_behind_its_checkpoint_is_not_the_one_that_was_signed() {
    let made = Made::log(&[5, 256, 300]);
    let mut forged = Builder::new();
    for index in 0..300 {
        let entry = if index == 17 {
            "forged".to_owned()
        } else {
            format!("entry {index}")
        };
        forged.push(entry.as_bytes()).unwrap();
    }
    for file in forged.take() {
        made.write(&format!("log/{}", file.path), &file.bytes);
    }
    let report = made.verify();
    // The checkpoint of 5 is still right; no later one is.
    assert_eq!(verdict(&report), (Verdict::Tampered, Some(5)), "{report}");
    // A superseded tile of 5 agrees, so what differs is after it.
    assert!(
        report
            .findings()
            .iter()
            .any(|it| it.kind == "root-differs" && it.last_index == Some(255))
    );
}

#[test]
fn missing_and_cut_files_are_named() {
    let made = Made::log(&[5, 256, 300]);
    let needed = [
        ("log/tile/entries/000", 0),
        ("log/tile/entries/001.p/44", 256),
        ("log/tile/0/000", 0),
        ("log/tile/0/001.p/44", 256),
        ("log/tile/1/000.p/1", 0),
    ];
    for (file, first) in needed {
        let whole = made.read(file);
        made.remove(file);
        assert_eq!(
            verdict(&made.verify()),
            (Verdict::Tampered, Some(first)),
            "{file}"
        );
        for cut in [0, 1, whole.len() - 1] {
            made.write(file, &whole[..cut]);
            assert_eq!(
                verdict(&made.verify()),
                (Verdict::Tampered, Some(first)),
                "{file} cut to {cut}"
            );
        }
        made.write(file, &[&whole[..], b"x"].concat());
        assert_eq!(
            verdict(&made.verify()),
            (Verdict::Tampered, Some(first)),
            "{file} and a byte"
        );
        made.write(file, &whole);
    }
    assert_eq!(made.verify().verdict(), Verdict::Verified);
}

/// Files that a later tree has superseded may be pruned. Files beside the log are ignored.
#[test]
fn what_may_be_missing_and_what_may_be_more() {
    let made = Made::log(&[5, 300]);
    made.remove("log/tile/0/000.p/5");
    made.remove("log/tile/entries/000.p/5");
    made.remove("log/checkpoints/5");
    assert_eq!(made.verify().verdict(), Verdict::Verified);
    for extra in [
        "log/tile/.DS_Store",
        "log/tile/0/001.p/044",
        "log/tile/0/002",
        "log/tile/9/000",
        "log/checkpoints/x",
        "log/index.html",
    ] {
        made.write(extra, "x");
    }
    let report = made.verify();
    assert_eq!(report.verdict(), Verdict::Verified, "{report}");
    assert_eq!(report.json("")["notes"].as_array().unwrap().len(), 2);
}

/// The signer writes tiles before it signs them, and `checkpoints/<size>` before `checkpoint`.
#[test]
fn a_round_in_the_middle_is_no_tampering() {
    let mut made = Made::log(&[5, 250]);
    for index in 250..300 {
        made.builder
            .push(format!("entry {index}").as_bytes())
            .unwrap();
    }
    for file in made.builder.take() {
        made.write(&format!("log/{}", file.path), &file.bytes);
    }
    assert_eq!(made.verify().verdict(), Verdict::Verified);
    // The partial files may have been pruned by now: the full ones begin with them.
    made.remove("log/tile/0/000.p/250");
    made.remove("log/tile/entries/000.p/250");
    assert_eq!(made.verify().verdict(), Verdict::Verified);
    made.write("log/checkpoints/300", &made.sign(&made.key).to_string());
    let report = made.verify();
    assert_eq!(report.verdict(), Verdict::Verified);
    assert_eq!(report.json("")["facts"]["size"], 300);
}

#[test]
fn what_cannot_be_decided() {
    let made = Made::log(&[5, 300]);
    let undecided = |report: Report, reason: &str| {
        assert_eq!(report.verdict(), Verdict::Undecided, "{reason}: {report}");
        assert!(report.to_string().contains(reason), "{reason}: {report}");
    };
    let log = made.text("log");
    undecided(crate::made::auditor(&["log", &log]), "no key");
    let with = |policy: &str| {
        made.write("other", policy);
        crate::made::auditor(&["log", &log, "--policy", &made.text("other")])
    };
    undecided(with("quorum none\n"), "no log line");
    undecided(with("nonsense\n"), "line 1");
    let other = SigningKey::from_seed(ORIGIN, &[9; 32]).unwrap();
    undecided(
        with(&format!("log {}\nquorum none\n", other.verifier_key())),
        "no log of the policy signed it",
    );
    let witnessed = made.text("policy-with-witness");
    undecided(
        crate::made::auditor(&["log", &log, "--policy", &witnessed]),
        "quorum",
    );
    // A quorum that nobody can meet here says whose key it wants.
    let octets = [&[6][..], &[7; 1312]].concat();
    let hash = digest(&SHA256, &[b"pq.example\n", &*octets].concat());
    let id = u32::from_be_bytes(*hash.as_ref().first_chunk().unwrap());
    let ours = String::from_utf8(made.read("policy")).unwrap();
    let witness = format!(
        "witness pq pq.example+{id:08x}+{}\nquorum pq",
        STANDARD.encode(&octets)
    );
    undecided(
        with(&ours.replace("quorum none", &witness)),
        "never counted, for their keys are ML-DSA-44: pq",
    );
    undecided(made.auditor(&["log", &made.text("nowhere")]), "nowhere");
    undecided(made.auditor(&["log", "ftp://example/"]), "neither a folder");
    // Nothing listens on port 9 of this machine.
    undecided(
        made.auditor(&["log", "http://127.0.0.1:9/log"]),
        "127.0.0.1:9",
    );

    let mut empty = Made::nothing();
    undecided(empty.verify(), "there is no checkpoint");
    empty.publish();
    undecided(empty.verify(), "no entries");
}

#[test]
fn a_missing_quorum_does_not_hide_tampering() {
    let made = Made::log(&[5, 300]);
    edit_entry(&made, 3);
    let witnessed = made.text("policy-with-witness");
    let report = crate::made::auditor(&["log", &made.text("log"), "--policy", &witnessed]);
    assert_eq!(verdict(&report), (Verdict::Tampered, Some(3)), "{report}");
}

#[test]
fn a_witness_counts() {
    let made = Made::log(&[5, 300]);
    let mut note = made.sign(&made.key);
    note.add(made.witness.sign(note.text(), 1_800_000_000).unwrap())
        .unwrap();
    made.write("log/checkpoint", &note.to_string());
    let witnessed = made.text("policy-with-witness");
    let report = crate::made::auditor(&["log", &made.text("log"), "--policy", &witnessed]);
    assert_eq!(report.verdict(), Verdict::Verified, "{report}");
}

#[test]
fn a_checkpoint_signed_twice_is_a_fork() {
    let made = Made::log(&[5, 256, 300]);
    let other = Made::log_of(&[256], |index| format!("other {index}").into_bytes());
    made.write("log/checkpoints/256", &other.sign(&other.key).to_string());
    let report = made.verify();
    assert_eq!(verdict(&report), (Verdict::Tampered, Some(5)), "{report}");
    assert_eq!(report.findings()[0].kind, "root-differs");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// With any bytes in the place of any file there is an answer, and it is never a yes.
    #[test]
    fn no_bytes_make_it_fail(place in 0_usize..64, bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let made = Made::log(&[5, 256, 300]);
        let files = made.files();
        let file = &files[place % files.len()];
        made.write(file, &bytes);
        prop_assert_ne!(made.verify().verdict(), Verdict::Verified);
    }
}
