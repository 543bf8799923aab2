use proptest::prelude::*;

use super::*;
use crate::{
    fixtures::{EXAMPLE, checkpoint, checkpoint_of, entries, log_key, mutated, witness},
    merkle::{EMPTY_ROOT, Tree, consistency_path, leaf_hash},
    tiles::{Builder, Tile, TileNodes, tiles_for_consistency},
};

/// The example of c2sp.org/tlog-witness. Its keys are not published.
const REQUEST: &str = "\
old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE\
    +xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovn\
    zv++qbSzm9Q=
";
const RESPONSE: &str = "\
— witness.example/w1 CMp+6LWBU0anHGH5aNDTJkH/gj79sG+T6+iP2ThYN5krrDJbR1HDnucjL39QsZTSvVjyQLrdk3DXDqI5G2HgLatVs\
    0pWh6Up69HVOw==
— witness.example/w1 I7rEps0pvK2UqkS2gSpVUDhrhVtQV9lgF6pRrWAvjJHjyWpW7VcE3SiOlVlbQNt64vWhO+DlkL0+UfzuOBMh9ChdM\
    kP1vi/lCAsmlw==
— witness.example/w2 AWui8Sk55XjYLOijihBjhqEH6nS1ndDymE0a+6idX7pLcnoB+dhnz0854aLZgrrKbYKA7nC3HNJhm/kWl7oJlqU3r\
    XXvpysAdyP3wQ==
";

fn root_of(size: u64) -> Hash {
    *checkpoint(size).0.root()
}

/// A request for the tree of `new`, from the files of a log.
fn request(old: u64, new: u64) -> AddCheckpoint {
    let mut builder = Builder::new();
    entries(new).for_each(|entry| builder.push(&entry).unwrap());
    let files = builder.take();
    let mut nodes = TileNodes::new();
    for tile in tiles_for_consistency(old, new).unwrap() {
        let file = files
            .iter()
            .find(|file| Tile::parse(&file.path) == Some(tile))
            .unwrap();
        nodes.insert(tile, file.bytes.clone()).unwrap();
    }
    let path = consistency_path(old, new, &nodes).unwrap();
    AddCheckpoint::new(old, path, checkpoint(new).1).unwrap()
}

#[test]
fn the_examples_are_read_and_written() {
    let request = AddCheckpoint::parse(REQUEST.as_bytes()).unwrap();
    assert_eq!(request.old_size(), 20_852_014);
    assert_eq!(request.checkpoint().size(), 20_852_163);
    assert_eq!(request.path.len(), 4);
    assert_eq!(request.note().signatures().len(), 2);
    assert_eq!(request.to_string(), REQUEST);
    let Ok(Response::Cosigned(lines)) = parse_response(200, RESPONSE.as_bytes()) else {
        panic!("lines are a reply 200");
    };
    assert_eq!(
        lines.iter().map(ToString::to_string).collect::<String>(),
        RESPONSE
    );
}

#[test]
fn a_log_is_cosigned_from_any_size_on() {
    for (old, new) in [
        (0, 1),
        (0, 300),
        (1, 2),
        (5, 300),
        (256, 300),
        (299, 300),
        (300, 300),
    ] {
        let request = request(old, new);
        assert_eq!(
            AddCheckpoint::parse(request.to_string().as_bytes()),
            Ok(request.clone())
        );
        assert!(request.is_consistent_with(&root_of(old)), "{old} to {new}");
        let other = Hash::from_bytes([7; 32]);
        assert_eq!(
            request.is_consistent_with(&other),
            old == 0,
            "{old} to {new}"
        );
    }
}

#[test]
fn nothing_needs_no_proof_and_admits_none() {
    assert!(AddCheckpoint::new(0, vec![EMPTY_ROOT], checkpoint(5).1).is_err());
    let request = request(0, 5);
    assert!(
        request
            .to_string()
            .starts_with("old 0\n\noptkas.example/log\n5\n")
    );
    assert!(request.is_consistent_with(&EMPTY_ROOT));
    // A path from elsewhere does not pass for one from nothing.
    let smuggled = request.to_string().replacen(
        "old 0\n",
        &format!("old 0\n{}\n", EMPTY_ROOT.to_base64()),
        1,
    );
    assert_eq!(
        AddCheckpoint::parse(smuggled.as_bytes()),
        Err(InvalidMessage)
    );
}

#[test]
fn a_fork_is_not_consistent() {
    let mut tree = Tree::new();
    entries(300).for_each(|entry| tree.push(leaf_hash(&[&entry[..], b"!"].concat())));
    let request = request(100, 300);
    let forked = checkpoint_of(300, tree.root()).1;
    let forked = AddCheckpoint::new(100, request.path.clone(), forked).unwrap();
    assert!(!forked.is_consistent_with(&root_of(100)));
    let same_size = AddCheckpoint::new(300, Vec::new(), checkpoint_of(300, tree.root()).1).unwrap();
    assert!(!same_size.is_consistent_with(&root_of(300)));
}

#[test]
fn what_is_no_request_is_not_read() {
    let hash = "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n";
    for bad in [
        "",
        "old 0\n",
        "old 0\n\n",
        EXAMPLE,
        &REQUEST.replace("old ", "old"),
        &REQUEST.replace("old ", "Old "),
        &REQUEST.replace("old ", "old  "),
        &REQUEST.replace("old 2", "old 02"),
        &REQUEST.replace("old 20852014", "old 20852164"),
        &REQUEST.replace("old 20852014", "old 9223372036854775808"),
        &REQUEST.replace("aw=\n", "aw=\n\n"),
        &REQUEST.replace("aw=\n", "aw=\r\n"),
        &REQUEST.replace("aw=\n", "ax=\n"),
        &REQUEST.replace("aw=\n", "aw\n"),
        &REQUEST.replace("j/0=\n\n", "j/0=\n"),
        &REQUEST.replace("\n20852163\n", "\n2085216x\n"),
        &REQUEST.replacen(hash, &hash.repeat(61), 1),
    ] {
        assert_eq!(
            AddCheckpoint::parse(bad.as_bytes()),
            Err(InvalidMessage),
            "{bad:?}"
        );
    }
    let most = REQUEST.replacen(hash, &hash.repeat(60), 1);
    assert_eq!(
        AddCheckpoint::parse(most.as_bytes()).unwrap().path.len(),
        MAX_PATH
    );
    let long = vec![b'x'; MAX_REQUEST_BYTES + 1];
    assert_eq!(AddCheckpoint::parse(&long), Err(InvalidMessage));
}

#[test]
fn a_reply_is_read_by_its_status() {
    assert_eq!(
        parse_response(409, b"20852163\n"),
        Ok(Response::Conflict(20_852_163))
    );
    assert_eq!(parse_response(409, b"0\n"), Ok(Response::Conflict(0)));
    for bad in [
        &b""[..],
        b"\n",
        b"1",
        b"01\n",
        b"1\n\n",
        b"-1\n",
        b"x\n",
        b"\xff\n",
        b"9223372036854775808\n",
    ] {
        assert_eq!(parse_response(409, bad), Err(InvalidMessage));
    }
    for bad in [
        &b""[..],
        b"\n",
        b"text\n",
        RESPONSE.trim_end().as_bytes(),
        b"\xff\n",
    ] {
        assert_eq!(parse_response(200, bad), Err(InvalidMessage));
    }
    for status in [204, 400, 403, 404, 422, 500] {
        assert_eq!(
            parse_response(status, b"whatever"),
            Ok(Response::Refused(status))
        );
    }
}

#[test]
fn only_the_witnesses_own_cosignatures_are_taken() {
    let (_, note) = checkpoint(5);
    let (ours, other) = (witness(1), witness(2));
    let good = ours.sign(note.text(), 7).unwrap();
    let lines = [
        good.clone(),
        other.sign(note.text(), 7).unwrap(),
        ours.sign("another\n", 7).unwrap(),
        log_key().sign(note.text()),
    ];
    let body: String = lines.iter().map(ToString::to_string).collect();
    let Ok(Response::Cosigned(lines)) = parse_response(200, body.as_bytes()) else {
        panic!("lines are a reply 200");
    };
    assert_eq!(
        cosignatures_by(ours.verifier_key(), note.text(), &lines),
        [good]
    );
}

proptest! {
    #[test]
    fn what_is_read_is_written_so(
        bytes in prop_oneof![mutated(REQUEST), mutated("old 0\n\n"), prop::collection::vec(any::<u8>(), 0..200)],
    ) {
        if let Ok(request) = AddCheckpoint::parse(&bytes) {
            prop_assert_eq!(request.to_string().into_bytes(), bytes);
            let _ = request.is_consistent_with(&EMPTY_ROOT);
        }
    }

    #[test]
    fn no_reply_panics(status: u16, bytes in prop_oneof![mutated(RESPONSE), mutated("20852163\n")]) {
        for status in [status, 200, 409] {
            match parse_response(status, &bytes) {
                Ok(Response::Cosigned(lines)) => {
                    let text: String = lines.iter().map(ToString::to_string).collect();
                    prop_assert_eq!(text.as_bytes(), &bytes);
                }
                Ok(Response::Conflict(size)) => prop_assert_eq!(format!("{size}\n").into_bytes(), bytes.clone()),
                Ok(Response::Refused(_)) | Err(InvalidMessage) => {}
            }
        }
    }
}
