//! The database derives the same keys as the functions in front of it, to the byte.

use anyhow::Result;
use postgres::Client;
use shared::commitment::{Actor, ClientKey, Request};
use tests::fixture::Fixture;
use uuid::Uuid;

use crate::direct::quote;
use crate::random::Random;

const CASES: usize = 500;

/// What a key may consist of; a colon may not come first.
const KEY_CHARACTERS: &str =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=";

fn key(client: &mut Client, fields: &[String]) -> Result<String> {
    let fields: Vec<String> = fields.iter().map(|field| quote(field)).collect();
    let sql = format!(
        "select encode(ledger.commitment_id({}), 'hex')",
        fields.join(", ")
    );
    Ok(client.query_one(&sql, &[])?.get(0))
}

fn fingerprint(client: &mut Client, fields: [&[u8]; 3]) -> Result<String> {
    let sql =
        "select encode(fixed.tagged_hash('optkas/request-fingerprint/v1', $1, $2, $3), 'hex')";
    Ok(client
        .query_one(sql, &[&fields[0], &fields[1], &fields[2]])?
        .get(0))
}

/// The formula, written again for any texts: more can be hashed than can be sent.
pub(crate) fn tagged_hash(tag: &str, fields: &[&[u8]]) -> String {
    let tag = ring::digest::digest(&ring::digest::SHA256, tag.as_bytes());
    let mut bytes = [tag.as_ref(), tag.as_ref()].concat();
    for field in fields {
        bytes.extend((field.len() as u64).to_be_bytes());
        bytes.extend(*field);
    }
    tests::secrets::hex(ring::digest::digest(&ring::digest::SHA256, &bytes).as_ref())
}

#[test]
fn sql_and_rust_derive_the_same_key_and_fingerprint() -> Result<()> {
    let fixture = Fixture::empty()?;
    let mut admin = fixture.admin()?;
    let mut random = Random::seeded("keys");
    for case in 0..CASES {
        let actor = if random.chance(2) {
            Actor::Human(Uuid::from_u128(random.wide()).to_string().parse()?)
        } else {
            Actor::Agent(
                random
                    .text_of("abcdefghijklmnopqrstuvwxyz", 3, 63)
                    .parse()?,
            )
        };
        let client_key: ClientKey = random.text_of(KEY_CHARACTERS, 16, 255).parse()?;
        let operation = random.unicode(0, 40);
        let resource = random.unicode(0, 40);
        let body = random.bytes(0, 300);
        let request = Request {
            actor: &actor,
            operation: &operation,
            resource: &resource,
        };
        let fields = [
            actor.kind().to_string(),
            actor.id(),
            operation.clone(),
            resource.clone(),
            client_key.as_str().to_owned(),
        ];
        assert_eq!(
            key(&mut admin, &fields)?,
            request.commitment_id(&client_key).to_string(),
            "case {case}: {fields:?}"
        );
        let in_sql = fingerprint(
            &mut admin,
            [operation.as_bytes(), resource.as_bytes(), &body],
        )?;
        assert_eq!(
            in_sql,
            request.fingerprint(&body).to_string(),
            "case {case}: {operation:?} {resource:?} {body:?}"
        );
    }
    Ok(())
}

#[test]
fn random_fields_hash_as_the_formula_says() -> Result<()> {
    let fixture = Fixture::empty()?;
    let mut admin = fixture.admin()?;
    let mut random = Random::seeded("tagged-hash");
    for case in 0..CASES {
        let fields: Vec<String> = (0..5).map(|_| random.unicode(0, 30)).collect();
        let bytes: Vec<&[u8]> = fields.iter().map(String::as_bytes).collect();
        assert_eq!(
            key(&mut admin, &fields)?,
            tagged_hash("optkas/idempotency-key/v1", &bytes),
            "case {case}: {fields:?}"
        );
    }
    let empty = vec![String::new(); 5];
    assert_eq!(
        key(&mut admin, &empty)?,
        tagged_hash("optkas/idempotency-key/v1", &[b"", b"", b"", b"", b""])
    );
    Ok(())
}

/// Computed with Python's hashlib from the formula.
#[test]
fn keys_and_fingerprints_equal_the_known_answers() -> Result<()> {
    const SUB: &str = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";
    const SETTLEMENT: &str = "0d6b3b52-21cf-4d2e-9b0a-5c8e2f4b7a10";
    let fixture = Fixture::empty()?;
    let mut admin = fixture.admin()?;
    for (fields, expected) in [
        (
            ["human", SUB, "create-settlement", "", "3f1a9c52-retry-0001"],
            "887e35df7cd03ab9749674d7bd75267675405ab69beb383bd17b23d7cd89472f",
        ),
        (
            [
                "human",
                SUB,
                "verify-settlement",
                SETTLEMENT,
                "3f1a9c52-retry-0001",
            ],
            "dafc145de335f5113cf65226ae84db5e30869d4ad6167aa0a8e35b1ddbfb044d",
        ),
        (
            [
                "agent",
                "escrow-one",
                "escrow-webhook",
                "",
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
            ],
            "5f20091b21243abe64e98ff578b5b676c862d1be7d3dc2eb9e7e53ecb58127f9",
        ),
    ] {
        assert_eq!(
            key(&mut admin, &fields.map(str::to_owned))?,
            expected,
            "{fields:?}"
        );
    }
    Ok(())
}

/// Moving a character from one field into the next gives another key, since lengths are hashed too.
#[test]
fn no_field_can_be_shifted_into_another() -> Result<()> {
    let fixture = Fixture::empty()?;
    let mut admin = fixture.admin()?;
    let mut seen = std::collections::BTreeSet::new();
    let text = "abcdé";
    let borders: Vec<usize> = text
        .char_indices()
        .map(|(at, _)| at)
        .chain([text.len()])
        .collect();
    for (first, second) in borders
        .iter()
        .flat_map(|first| borders.iter().map(move |second| (*first, *second)))
        .filter(|(first, second)| first <= second)
    {
        let fields = [
            "human",
            &text[..first],
            &text[first..second],
            &text[second..],
            "",
        ]
        .map(str::to_owned);
        assert!(seen.insert(key(&mut admin, &fields)?), "{fields:?}");
    }
    Ok(())
}
