use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::{
    fixtures::{
        ORIGIN, PUBLISHED, PUBLISHED_LOG, PUBLISHED_TIME, PUBLISHED_WITNESSES, checkpoint, log_key,
        mutated, witness,
    },
    note::{Algorithm, SigningKey},
};

fn policy(text: &str) -> Policy {
    Policy::parse(text.as_bytes()).unwrap()
}

fn problem(text: &[u8]) -> InvalidPolicy {
    Policy::parse(text).unwrap_err()
}

fn log() -> String {
    format!("log {}\n", log_key().verifier_key())
}

/// Lines of witnesses named `w1`, `w2`, …
fn witnesses(count: u8) -> String {
    let line = |number| format!("witness w{number} {}\n", witness(number).verifier_key());
    (1..=count).map(line).collect()
}

/// The example of the specification, with keys.
fn example() -> String {
    let key = |number| witness(number).verifier_key().to_string();
    format!(
        "\
{}
witness X1 {}
witness X2 {}
witness X3 {}
group X-witnesses 2 X1 X2 X3

witness Y1 {}
witness Y2 {}
witness Y3 {}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
",
        log(),
        key(1),
        key(2),
        key(3),
        key(4),
        key(5),
        key(6)
    )
}

/// A checkpoint cosigned by these witnesses.
fn cosigned(by: &[u8]) -> Note {
    let (_, mut note) = checkpoint(5);
    let text = note.text().to_owned();
    for number in by {
        note.add(
            witness(*number)
                .sign(&text, 1000 + u64::from(*number))
                .unwrap(),
        )
        .unwrap();
    }
    note
}

fn names(cosigned: &[Cosigned]) -> Vec<&str> {
    cosigned
        .iter()
        .map(|cosigned| cosigned.witness.as_str())
        .collect()
}

#[test]
fn the_example_accepts_two_of_three_and_one_of_three() {
    let policy = policy(&example());
    for (by, accepted) in [
        (&[][..], false),
        (&[1, 2], false),
        (&[1, 2, 3], false),
        (&[4, 5, 6], false),
        (&[1, 4, 5, 6], false),
        (&[1, 2, 4], true),
        (&[2, 3, 6], true),
        (&[1, 2, 3, 4, 5, 6], true),
    ] {
        match policy.check(&cosigned(by)) {
            Ok(Accepted {
                cosigned,
                log,
                checkpoint,
            }) => {
                assert!(accepted, "{by:?}");
                assert_eq!(cosigned.len(), by.len());
                assert_eq!((log.name(), checkpoint.size()), (ORIGIN, 5));
            }
            Err(Rejected::QuorumNotMet(cosigned)) => {
                assert!(!accepted, "{by:?}");
                assert_eq!(cosigned.len(), by.len());
            }
            other => panic!("{other:?}"),
        }
    }
    let accepted = policy.check(&cosigned(&[6, 2, 1])).unwrap();
    assert_eq!(names(&accepted.cosigned), ["X1", "X2", "Y3"]);
    assert_eq!(accepted.cosigned[2].timestamp, 1006);
}

#[test]
fn a_published_checkpoint_is_accepted_by_its_public_witnesses() {
    let mut text = format!("log {PUBLISHED_LOG}\n");
    for (number, vkey) in PUBLISHED_WITNESSES.iter().enumerate() {
        writeln!(
            text,
            "witness w{number} {vkey} https://witness.example/{number}"
        )
        .unwrap();
    }
    text.push_str("group all all w0 w1 w2 w3\nquorum all\n");
    let policy = policy(&text);
    let note = Note::parse(PUBLISHED.as_bytes()).unwrap();
    let accepted = policy.check(&note).unwrap();
    assert_eq!(names(&accepted.cosigned), ["w0", "w1", "w2", "w3"]);
    assert!(
        accepted
            .cosigned
            .iter()
            .all(|cosigned| cosigned.timestamp == PUBLISHED_TIME)
    );
    assert_eq!(accepted.checkpoint.size(), 1_432_088_532);
    assert_eq!(
        policy.witnesses()[3].url(),
        Some("https://witness.example/3")
    );
    assert_eq!(policy.check(&cosigned(&[])), Err(Rejected::UnknownLog));
}

#[test]
fn a_quorum_is_a_witness_a_group_or_nobody() {
    let (nobody, one) = (
        format!("{}quorum none\n", log()),
        format!("{}{}quorum w2\n", log(), witnesses(2)),
    );
    assert!(policy(&nobody).check(&cosigned(&[])).is_ok());
    assert!(policy(&nobody).wants_no_witness());
    assert!(policy(&one).check(&cosigned(&[2])).is_ok());
    assert!(policy(&one).check(&cosigned(&[1])).is_err());
    assert!(!policy(&one).wants_no_witness());
    for (threshold, enough) in [("1", 1), ("any", 1), ("2", 2), ("3", 3), ("all", 3)] {
        let text = format!(
            "{}{}group g {threshold} w1 w2 w3\nquorum g\n",
            log(),
            witnesses(3)
        );
        for count in 0..=3 {
            let note = cosigned(&[1, 2, 3][..count]);
            assert_eq!(
                policy(&text).check(&note).is_ok(),
                count >= enough,
                "{count} of {threshold}"
            );
        }
    }
}

#[test]
fn a_log_is_known_by_its_key_under_its_own_name() {
    let policy = policy(&format!("{}quorum none\n", log()));
    let (checkpoint, note) = checkpoint(5);
    assert!(policy.check(&note).is_ok());
    // Its key signs another origin's checkpoint.
    let text = note.text().replace(ORIGIN, "other.example/log");
    let other = Note::sign(text, &log_key()).unwrap();
    assert_eq!(policy.check(&other), Err(Rejected::UnknownLog));
    // Another key of its name signs.
    let stranger = SigningKey::from_seed(ORIGIN, &[9; 32]).unwrap();
    let other = checkpoint.sign(&stranger).unwrap();
    assert_eq!(policy.check(&other), Err(Rejected::UnknownLog));
    // Both do: one is enough, and a policy may know both.
    let mut both = other;
    both.add(log_key().sign(checkpoint.render().as_str()))
        .unwrap();
    assert!(policy.check(&both).is_ok());
    let two = format!("log {}\n{}quorum none", stranger.verifier_key(), log());
    assert_eq!(
        self::policy(&two).check(&both).unwrap().log,
        *stranger.verifier_key()
    );
    let text = Note::sign("text\n".into(), &log_key()).unwrap();
    assert_eq!(policy.check(&text), Err(Rejected::NotACheckpoint));
    assert_eq!(
        self::policy("quorum none").check(&both),
        Err(Rejected::UnknownLog)
    );
}

#[test]
fn a_false_signature_of_a_known_key_condemns_the_note() {
    let policy = policy(&format!(
        "{}{}group g any w1 w2\nquorum g\n",
        log(),
        witnesses(2)
    ));
    let forged = cosigned(&[1]).to_string().replace("\n5\n", "\n6\n");
    let forged = Note::parse(forged.as_bytes()).unwrap();
    assert_eq!(
        policy.check(&forged),
        Err(BadSignature(ORIGIN.into()).into())
    );
    let mut note = cosigned(&[1]);
    note.add(witness(2).sign("another\n", 7).unwrap()).unwrap();
    assert_eq!(
        policy.check(&note),
        Err(BadSignature("witness.example/w2".into()).into())
    );
    assert_eq!(
        policy.cosigners(&note),
        Err(BadSignature("witness.example/w2".into()))
    );
    // Of a key it does not know, it says nothing.
    let mut note = cosigned(&[1]);
    note.add(witness(3).sign("another\n", 7).unwrap()).unwrap();
    assert!(policy.check(&note).is_ok());
}

#[test]
fn one_witness_counts_once() {
    let policy = policy(&format!(
        "{}{}group g 2 w1 w2\nquorum g\n",
        log(),
        witnesses(2)
    ));
    let (_, note) = checkpoint(5);
    let again = [7, 9, 8].map(|time| witness(1).sign(note.text(), time).unwrap().to_string());
    let note = Note::parse(format!("{note}{}", again.concat()).as_bytes()).unwrap();
    let once = Cosigned {
        witness: "w1".into(),
        timestamp: 9,
    };
    assert_eq!(
        policy.check(&note),
        Err(Rejected::QuorumNotMet(vec![once.clone()]))
    );
    let quorum = policy.cosigners(&note).unwrap();
    assert_eq!(
        quorum,
        Quorum {
            cosigned: vec![once],
            met: false
        }
    );
}

#[test]
fn blanks_and_comments_are_free() {
    let key = log_key().verifier_key().to_string();
    let text = format!(
        "\n \t\n# a comment \u{e9}\n\t#another\n  log\t{key}\t  https://log.example/ \n\tquorum  none\t"
    );
    let policy = policy(&text);
    assert_eq!(policy.logs()[0].url(), Some("https://log.example/"));
    assert_eq!(policy.logs()[0].key().to_string(), key);
    assert_eq!(policy.witnesses(), []);
}

#[test]
fn names_are_octets() {
    let kelvin = "witness \u{212a} ".to_owned() + &witness(1).verifier_key().to_string();
    let text = format!(
        "{}{kelvin}\nwitness K {}\nquorum K\n",
        log(),
        witness(2).verifier_key()
    );
    assert!(policy(&text).check(&cosigned(&[2])).is_ok());
    assert!(policy(&text).check(&cosigned(&[1])).is_err());
    let key = witness(1).verifier_key().to_string();
    let bytes = [
        b"witness \xff ".as_slice(),
        key.as_bytes(),
        b"\nquorum \xff\n",
    ]
    .concat();
    assert_eq!(
        Policy::parse(&bytes).unwrap().witnesses()[0].name(),
        "\u{fffd}"
    );
    let other = [
        b"witness \xff ".as_slice(),
        key.as_bytes(),
        b"\nquorum \xfe\n",
    ]
    .concat();
    assert!(Policy::parse(&other).is_err());
    // Words of the syntax are names like any other, but for `none`.
    let text = format!("witness all {key}\ngroup any any all\nquorum any\n");
    assert!(Policy::parse(text.as_bytes()).is_ok());
}

fn assert_wrong(cases: impl IntoIterator<Item = (String, usize, &'static str)>) {
    for (text, line, problem) in cases {
        assert_eq!(
            self::problem(text.as_bytes()),
            InvalidPolicy { line, problem },
            "{text}"
        );
    }
}

#[test]
fn a_line_that_is_none_is_named() {
    const ITEMS: &str = "too few or too many items";
    const KEYWORD: &str = "an unknown keyword";
    const CONTROL: &str = "a control character";
    const KEY: &str = "not a verifier key of a supported type";
    const TYPE: &str = "a verifier key of the wrong type";
    const UNDEFINED: &str = "a name that is not defined above";
    let cosigner = witness(1).verifier_key().to_string();
    let signer = log_key().verifier_key().to_string();
    assert_wrong([
        (String::new(), 1, "no quorum line"),
        (log(), 1, "no quorum line"),
        (
            "quorum none\nquorum none\n".into(),
            2,
            "a second quorum line",
        ),
        ("quorum w1\n".into(), 1, UNDEFINED),
        (format!("quorum w1\n{}", witnesses(1)), 1, UNDEFINED),
        ("quorum\n".into(), 1, ITEMS),
        ("quorum none none\n".into(), 1, ITEMS),
        ("log\n".into(), 1, ITEMS),
        (format!("log {signer} url url\n"), 1, ITEMS),
        (format!("witness w1 {cosigner} url url\n"), 1, ITEMS),
        ("witness w1\n".into(), 1, ITEMS),
        ("group g\n".into(), 1, ITEMS),
        ("policy none\n".into(), 1, KEYWORD),
        ("Quorum none\n".into(), 1, KEYWORD),
        ("quorum none\r\n".into(), 1, CONTROL),
        ("#\u{7f}\n".into(), 1, CONTROL),
        ("log example.com\n".into(), 1, KEY),
        (format!("log {cosigner}\n"), 1, TYPE),
        (format!("witness w1 {signer}\n"), 1, TYPE),
    ]);
    assert_eq!(
        problem(&vec![b'\n'; MAX_POLICY_BYTES + 1]).problem,
        "the file is too long"
    );
}

#[test]
fn a_definition_that_cannot_be_is_named() {
    const LOG: &str = "a second log of the same key";
    const WITNESS: &str = "a second witness of the same key";
    const NONE: &str = "the name none is taken";
    const TWICE: &str = "a name defined twice";
    const MEMBER: &str = "a name that is a member twice";
    const UNDEFINED: &str = "a name that is not defined above";
    const RANGE: &str = "the threshold is not between 1 and the number of members";
    const NUMBER: &str = "the threshold is not all, any or a number";
    let key = witness(1).verifier_key().clone();
    let renamed = VerifierKey::new("other", Algorithm::CosignatureV1, *key.public_key()).unwrap();
    let three = witnesses(3);
    let after = |lines: &str| format!("{three}{lines}\n");
    assert_wrong([
        (format!("{}{}", log(), log()), 2, LOG),
        (after(&format!("witness w4 {key}")), 4, WITNESS),
        (after(&format!("witness w4 {renamed}")), 4, WITNESS),
        (format!("witness none {key}\n"), 1, NONE),
        (after("group none any w1"), 4, NONE),
        (after("group w2 any w1"), 4, TWICE),
        (after("group g any w1\ngroup g any w2"), 5, TWICE),
        (after("group g any w1 w1"), 4, MEMBER),
        (after("group g any w1\ngroup h any w1"), 5, MEMBER),
        (after("group g any none"), 4, UNDEFINED),
        (after("group g any g"), 4, UNDEFINED),
        (after("group g any w4"), 4, UNDEFINED),
        (after("group g 0 w1"), 4, RANGE),
        (after("group g 3 w1 w2"), 4, RANGE),
        (after("group g all"), 4, RANGE),
        (after("group g any"), 4, RANGE),
        (after("group g 01 w1"), 4, NUMBER),
        (after("group g most w1"), 4, NUMBER),
    ]);
}

#[test]
fn there_is_room_for_many_and_an_end_to_it() {
    let vkey = |number: usize, algorithm| {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&number.to_be_bytes());
        VerifierKey::new("k", algorithm, key).unwrap()
    };
    for (count, fits) in [(MAX_DEFINITIONS, true), (MAX_DEFINITIONS + 1, false)] {
        let logs = (0..count).map(|n| format!("log {}\n", vkey(n, Algorithm::Ed25519)));
        let witnesses =
            (0..count).map(|n| format!("witness w{n} {}\n", vkey(n, Algorithm::CosignatureV1)));
        assert_eq!(
            Policy::parse(format!("{}quorum none\n", logs.collect::<String>()).as_bytes()).is_ok(),
            fits
        );
        assert_eq!(
            Policy::parse(format!("{}quorum w0\n", witnesses.collect::<String>()).as_bytes())
                .is_ok(),
            fits
        );
    }
    // A group of a group of a group …: no deeper than the file is long, and no recursion.
    let mut text = witnesses(1) + "group g0 all w1\n";
    for depth in 1..MAX_DEFINITIONS {
        writeln!(text, "group g{depth} all g{}", depth - 1).unwrap();
    }
    let policy = policy(&format!("{text}{}quorum g{}\n", log(), MAX_DEFINITIONS - 1));
    assert!(policy.check(&cosigned(&[1])).is_ok());
    assert!(policy.check(&cosigned(&[])).is_err());
    assert_eq!(
        problem(format!("{text}group g any g255\n").as_bytes()).problem,
        "too many definitions"
    );
}

proptest! {
    // Every case signs and verifies: what that costs is a debug build's.
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// More cosignatures never make less of a quorum, and each witness of the policy that cosigned is named.
    #[test]
    fn a_quorum_only_grows(mask in 0_u8..64, more in 0_u8..6) {
        let policy = policy(&example());
        let by = |mask: u8| (0..6).filter(|bit| mask >> bit & 1 == 1).map(|bit| bit + 1).collect::<Vec<u8>>();
        let fewer = policy.cosigners(&cosigned(&by(mask))).unwrap();
        let larger = policy.cosigners(&cosigned(&by(mask | 1 << more))).unwrap();
        prop_assert!(larger.met || !fewer.met);
        prop_assert_eq!(fewer.cosigned.len(), mask.count_ones() as usize);
        let (x, y) = ((mask & 0b111).count_ones(), (mask >> 3).count_ones());
        prop_assert_eq!(fewer.met, x >= 2 && y >= 1);
    }

    #[test]
    fn no_file_panics(bytes in prop_oneof![mutated(&example()), prop::collection::vec(any::<u8>(), 0..200)]) {
        if let Ok(policy) = Policy::parse(&bytes) {
            let _ = policy.check(&cosigned(&[1, 2, 4]));
        }
    }
}

/// Others' policies name such witnesses already. One is read, and never counted.
#[test]
fn a_witness_of_ml_dsa_44_is_read_and_not_counted() {
    let octets = [&[6][..], &[7; 1312]].concat();
    let id = crate::key::key_id("pq.example", 6, &octets[1..]);
    let key = |octets: &[u8]| format!("pq.example+{id:08x}+{}", crate::text::to_base64(octets));
    let log = VerifierKey::new("log", Algorithm::Ed25519, [1; 32]).unwrap();
    let ours = VerifierKey::new("w", Algorithm::CosignatureV1, [2; 32]).unwrap();
    for (rule, known) in [
        ("quorum none".to_owned(), true),
        ("quorum pq".to_owned(), true),
        (
            format!("witness w {ours}\ngroup g any pq w\nquorum g"),
            true,
        ),
        ("quorum other".to_owned(), false),
    ] {
        let text = format!(
            "log {log}\nwitness pq {} https://pq.example\n{rule}\n",
            key(&octets)
        );
        let policy = Policy::parse(text.as_bytes());
        assert_eq!(policy.is_ok(), known, "{rule}");
        if let Ok(policy) = policy {
            assert_eq!(policy.uncounted(), ["pq"]);
            assert!(
                !rule.ends_with("pq") || !policy.is_quorum(|_| true),
                "{rule}"
            );
            assert!(!rule.ends_with('g') || policy.is_quorum(|_| true), "{rule}");
        }
    }
    for bad in [
        &octets[..1312],
        &[&[7], &octets[1..]].concat(),
        &[octets.clone(), vec![0]].concat(),
    ] {
        let text = format!("log {log}\nwitness pq {}\nquorum none\n", key(bad));
        assert!(Policy::parse(text.as_bytes()).is_err());
    }
}
