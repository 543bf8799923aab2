use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    MAX_SIZE,
    fixtures::{flips, mutated},
    tiles::MAX_ENTRY_BYTES,
};

/// An entry as the writers freeze it.
const ACCEPTED: &str = concat!(
    r#"{"v":1,"id":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f","#,
    r#""fingerprint":"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff","#,
    r#""actor":{"kind":"human","id_hash":"1111111111111111111111111111111111111111111111111111111111111111"},"#,
    r#""operation":"create-settlement","resource_id":"","attempt":"8c3f…\"\\/\u0001\u001f\b\f\n\r\t","#,
    r#""occurred_at":"2026-11-22T00:00:00.000000Z","#,
    r#""claimed_at":"2026-11-23T01:02:03.123456Z","allocator_id":"0188b2f0-0000-7000-8000-000000000abc","#,
    r#""created_id":"0d6b3b52-21cf-4d2e-9b0a-5c8e2f4b7a10","outcome":"accepted","status":201,"#,
    r#""committed_at":"2024-02-29T23:59:59.000000Z","#,
    r#""body_hash":"2222222222222222222222222222222222222222222222222222222222222222","#,
    r#""mutations":2,"mutations_hash":"3333333333333333333333333333333333333333333333333333333333333333"}"#,
);

fn refused() -> String {
    ACCEPTED
        .replace("\"0188b2f0-0000-7000-8000-000000000abc\"", "null")
        .replace("\"2026-11-22T00:00:00.000000Z\"", "null")
        .replace("\"0d6b3b52-21cf-4d2e-9b0a-5c8e2f4b7a10\"", "null")
        .replace("accepted", "refused")
        .replace("\"status\":201", "\"refusal\":\"four-eyes\"")
        .replace("human", "agent")
}

fn leaf(text: &str) -> Leaf {
    Leaf::parse(text.as_bytes()).unwrap()
}

#[test]
fn an_entry_is_read_and_written() {
    let accepted = leaf(ACCEPTED);
    assert_eq!(accepted.render(), ACCEPTED);
    assert_eq!(accepted.hash(), merkle::leaf_hash(ACCEPTED.as_bytes()));
    assert_eq!(accepted.actor.kind, ActorKind::Human);
    assert_eq!(accepted.attempt, "8c3f…\"\\/\u{1}\u{1f}\u{8}\u{c}\n\r\t");
    assert_eq!(accepted.outcome.status().map(Status::get), Some(201));
    assert_eq!(
        accepted.allocator_id.unwrap().as_str(),
        "0188b2f0-0000-7000-8000-000000000abc"
    );
    assert_eq!(
        accepted.created_id.unwrap().as_str(),
        "0d6b3b52-21cf-4d2e-9b0a-5c8e2f4b7a10"
    );
    assert_eq!(accepted.claimed_at.as_str(), "2026-11-23T01:02:03.123456Z");
    let refused = leaf(&refused());
    assert_eq!(
        (refused.allocator_id, refused.outcome.refusal()),
        (None, Some("four-eyes"))
    );
}

#[test]
fn it_is_the_json_that_anyone_reads() {
    let value: Value = serde_json::from_str(ACCEPTED).unwrap();
    assert_eq!(
        value["actor"],
        json!({ "kind": "human", "id_hash": "11".repeat(32) })
    );
    assert_eq!(value["attempt"], leaf(ACCEPTED).attempt);
    assert_eq!(value.as_object().unwrap().len(), 17);
}

#[test]
fn no_other_text_is_an_entry() {
    for (from, to) in [
        ("{\"v\"", " {\"v\""),
        ("\"v\":1", "\"v\":2"),
        ("\"v\":1", "\"v\":01"),
        ("\"v\":1", "\"v\": 1"),
        ("0001", "000A"),
        ("0001", "00"),
        ("\"human\"", "\"robot\""),
        ("\"kind\"", "\"type\""),
        ("\"resource_id\":\"\",", ""),
        ("\"resource_id\":\"\"", "\"resource_id\":null"),
        ("\"resource_id\":\"\"", "\"resource_id\":\"\\u0041\""),
        ("\\/", "\\\\/\\/"),
        ("\\b", "\\u0008"),
        ("\\u001f", "\\u001F"),
        ("…", "\\u2026"),
        ("\\n", "\n"),
        ("…", "\\ud800"),
        ("\"2026-11-22T00:00:00.000000Z\"", "\"2026-11-22\""),
        ("\"2026-11-22T00:00:00.000000Z\"", "\"\""),
        ("2026-11-23", "2026-11-31"),
        ("2026-11-23", "2026-13-01"),
        ("2026-11-23", "2026-00-01"),
        ("2026-11-23T01", "2026-11-23T24"),
        ("01:02:03.123456Z", "01:60:03.123456Z"),
        ("01:02:03.123456Z", "01:02:60.123456Z"),
        ("01:02:03.123456Z", "01:02:03.12345Z"),
        ("01:02:03.123456Z", "01:02:03.123456+00"),
        ("2024-02-29", "2023-02-29"),
        ("\"0d6b3b52-", "\"0D6b3b52-"),
        ("\"0d6b3b52-21cf-4d2e-9b0a-5c8e2f4b7a10\"", "\"\""),
        ("0188b2f0-", "0188B2F0-"),
        ("0188b2f0-", "0188b2f00"),
        ("\"accepted\"", "\"pending\""),
        ("\"accepted\"", "\"refused\""),
        ("\"status\":201", "\"refusal\":\"four-eyes\""),
        (
            "\"accepted\",\"status\":201",
            "\"refused\",\"refusal\":\"\"",
        ),
        (
            "\"accepted\",\"status\":201",
            "\"refused\",\"refusal\":\"four-\"",
        ),
        (
            "\"accepted\",\"status\":201",
            "\"refused\",\"refusal\":\"Four-eyes\"",
        ),
        ("\"accepted\",\"status\":201", "\"refused\",\"refusal\":409"),
        (
            "\"accepted\",\"status\":201",
            "\"refused\",\"status\":409,\"refusal\":\"four-eyes\"",
        ),
        ("201", "99"),
        ("201", "600"),
        ("201", "0201"),
        ("201", "201.0"),
        ("201", "\"201\""),
        ("\"mutations\":2", "\"mutations\":-2"),
        ("\"mutations\":2", "\"mutations\":9223372036854775808"),
        ("\"mutations\":2", "\"mutations\":2,\"more\":1"),
        ("3333\"}", "3333\"}\n"),
        ("3333\"}", "3333\"},"),
        ("3333\"}", "3333\""),
        ("3333\"}", "3333\",\"v\":1}"),
    ] {
        assert!(ACCEPTED.contains(from), "{from}");
        let text = ACCEPTED.replace(from, to);
        assert_eq!(
            Leaf::parse(text.as_bytes()),
            Err(InvalidLeaf),
            "{from} -> {to}"
        );
    }
    assert_eq!(Leaf::parse(b""), Err(InvalidLeaf));
    assert_eq!(Leaf::parse(&ACCEPTED.as_bytes()[..100]), Err(InvalidLeaf));
    let broken: Vec<u8> = ACCEPTED
        .bytes()
        .map(|byte| if byte == 0xe2 { 0xff } else { byte })
        .collect();
    assert_eq!(Leaf::parse(&broken), Err(InvalidLeaf));
}

#[test]
fn an_entry_is_no_longer_than_a_bundle_takes() {
    let room = MAX_ENTRY_BYTES - ACCEPTED.len();
    let longest = ACCEPTED.replace(
        "\"resource_id\":\"\"",
        &format!("\"resource_id\":\"{}\"", "x".repeat(room)),
    );
    assert_eq!(leaf(&longest).render(), longest);
    let longer = longest.replace("xx", "xxx");
    assert_eq!(Leaf::parse(longer.as_bytes()), Err(InvalidLeaf));
}

#[test]
fn every_flipped_bit_is_another_entry_or_none() {
    let original = leaf(ACCEPTED);
    for bytes in flips(ACCEPTED) {
        if let Ok(other) = Leaf::parse(&bytes) {
            assert_ne!(other, original);
            assert_eq!(other.render().as_bytes(), bytes);
        }
    }
}

/// SHA-256 of what the module says, computed by another program.
#[test]
fn the_tagged_hashes_are_as_said() {
    assert_eq!(
        id_hash(ActorKind::Human, "0188b2f0-0000-7000-8000-000000000abc").to_string(),
        ID_HASH
    );
    assert_eq!(body_hash(r#"{"a": 1}"#).to_string(), BODY_HASH);
    assert_eq!(
        refusal_hash("four-eyes", r#"{"a": 1}"#).to_string(),
        REFUSAL_HASH
    );
    let one = next_mutations_hash(&NO_MUTATIONS, &[1; 32]);
    assert_eq!(
        next_mutations_hash(&one, &[2; 32]).to_string(),
        MUTATIONS_HASH
    );
}

const ID_HASH: &str = "eead19c799c832b859ca36f71b6cdc8d5262e77d35fc3efb6d18c6df7ae25875";
const BODY_HASH: &str = "87aa26ee73a661ba7faf82edd2ab2e7c8e9784964af221df3f71984e1c865c14";
const REFUSAL_HASH: &str = "82ef0b5dbea016669da05128079c818c580f00acf8959867473bedef976654a5";
const MUTATIONS_HASH: &str = "994da62b599b8257ad6eca3e4b10b11fdc0336fd69f153116c36d971f0400cf3";

#[test]
fn no_two_lists_of_fields_hash_alike() {
    let hashes = [
        tagged_hash("t", &[]),
        tagged_hash("t", &[b""]),
        tagged_hash("t", &[b"", b""]),
        tagged_hash("t", &[b"ab"]),
        tagged_hash("t", &[b"a", b"b"]),
        tagged_hash("u", &[b"ab"]),
    ];
    for (at, hash) in hashes.iter().enumerate() {
        assert!(!hashes[..at].contains(hash), "{at}");
    }
}

proptest! {
    #[test]
    fn what_is_read_is_written_so(
        bytes in prop_oneof![mutated(ACCEPTED), mutated(&refused()), prop::collection::vec(any::<u8>(), 0..200)],
    ) {
        if let Ok(leaf) = Leaf::parse(&bytes) {
            prop_assert_eq!(leaf.render().into_bytes(), bytes);
        }
    }

    #[test]
    fn what_is_written_is_read_so(operation: String, resource_id: String, attempt: String, mutations in 0..=MAX_SIZE) {
        let leaf = Leaf { operation, resource_id, attempt, mutations, ..leaf(ACCEPTED) };
        prop_assert_eq!(Leaf::parse(leaf.render().as_bytes()), Ok(leaf));
    }

    #[test]
    fn a_string_is_escaped_as_serde_json_does(text: String) {
        prop_assert_eq!(Json(&text).to_string(), serde_json::to_string(&text).unwrap());
    }
}

/// `docs/TLOG-LEAF.md` has what anybody needs to read an entry: each of its examples holds.
#[test]
fn the_documented_examples_hold() {
    const DOCUMENT: &str = include_str!("../../../../docs/TLOG-LEAF.md");
    let blocks: Vec<&str> = DOCUMENT.split("```").skip(1).step_by(2).collect();
    let bare = blocks.iter().filter_map(|block| block.strip_prefix('\n'));
    let (examples, hashes): (Vec<&str>, Vec<&str>) = bare.partition(|block| block.starts_with('{'));
    let mut hashes = hashes.into_iter();
    let mut count = 0;
    for example in examples {
        let text = example.trim_end();
        let leaf = leaf(text);
        assert_eq!(leaf.render(), text);
        let documented = hashes.next().unwrap_or("no hash").trim_end();
        assert_eq!(leaf.hash().to_string(), documented, "{text}");
        count += 1;
    }
    assert_eq!(count, 3);
    let body = json!({"status": "PENDING", "id": "0d6b3b52-21cf-4d2e-9b0a-5c8e2f4b7a10"});
    let body = jsonb_text(&body).unwrap();
    for expected in [
        id_hash(ActorKind::Human, "6f9619ff-8b86-4d01-b42d-00cf4fc964ff").to_string(),
        body_hash(&body).to_string(),
        body,
        refusal_hash("four-eyes", "{}").to_string(),
    ] {
        assert!(DOCUMENT.contains(&expected), "{expected}");
    }
}
