//! Valid requests, damaged at random: no damage gives a 5xx.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::http::{Request, Transport as _};
use tests::sample_data::{
    COLLATERAL_AGENT, EUR_FACILITY, PLATFORM, SECURED_FACILITY, WebhookEvent, delivery,
    idempotency_key,
};

use super::{approval, releases, there};
use crate::collateral::secured_facility::SecuredFacility;
use crate::endpoints::assert_decent;
use crate::mutations::platform_events;
use crate::settlements::{of, proposal, report};
use crate::support::assert_books;

const ROUNDS: usize = 60;

/// Bytes that end a text early, or are not text.
const SPLINTERS: &[u8] = b"\"{}[],:\\0\x00\xff";

/// Values that are known to trouble parsers and databases.
const NASTY: [&str; 24] = [
    "null",
    "true",
    "0",
    "-0",
    "1e999",
    "-1",
    "9223372036854775808",
    "0.1",
    "[]",
    "{}",
    "\"\"",
    "\"\\u0000\"",
    "\"\\ud83d\\ude00\"",
    "\"' or 1=1; --\"",
    "\"$1\"",
    "\"{}\"",
    "\"2026-02-29\"",
    "\"infinity\"",
    "\"NaN\"",
    "\"USD\"",
    "\"1\"",
    "\"999999999999999999\"",
    "\"6f9619ff-8b86-4d01-b42d-00cf4fc964ff\"",
    "[[[[[[[[1]]]]]]]]",
];

#[test]
fn a_damaged_request_never_gives_a_5xx() -> Result<()> {
    let fixture = Fixture::new()?;
    let settlement = there(&fixture)?;
    let facility = SecuredFacility::good(&fixture, &[1_000])?;
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let mut statuses = BTreeSet::new();
    for round in 0..ROUNDS {
        for (agent, body) in bodies(&settlement, &facility) {
            let damaged = damage(&body, &mut chance);
            let request = match agent {
                Sender::Dave(target) => {
                    let post = fixture
                        .person("dave")
                        .request("POST", &target)
                        .header("idempotency-key", &idempotency_key());
                    post.header("content-type", "application/json")
                        .body(damaged.clone())
                }
                Sender::Agent(id) => signed(&fixture, id, &damaged),
            };
            let answer = fixture.send(&request)?;
            let what = format!(
                "round {round}, {} {}",
                request.target,
                String::from_utf8_lossy(&damaged)
            );
            assert_decent(&what, &answer);
            statuses.insert(answer.status);
        }
    }
    // Damage of every depth: to the bytes, to the values, and to the names.
    assert!(
        statuses.is_superset(&BTreeSet::from([200, 400, 404, 422])),
        "{statuses:?}"
    );
    assert_books(&mut fixture.admin()?)
}

#[test]
fn a_damaged_query_never_gives_a_5xx() -> Result<()> {
    let fixture = Fixture::new()?;
    let _one = there(&fixture)?;
    let mut chance = Chance(0x2545_f491_4f6c_dd1d);
    let facility = format!("/v1/facilities/{}/collateral", SECURED_FACILITY.id);
    let query = b"limit=10&status=PENDING&facility_id=6f9619ff-8b86-4d01-b42d-00cf4fc964ff\
        &created_after=2026-11-23T00:00:00Z&cursor=AAAAAAAAAAA";
    for round in 0..ROUNDS * 4 {
        let damaged = visible(&bytes_damaged(query, &mut chance));
        let path = [
            "/v1/settlements",
            "/v1/audit",
            "/v1/positions",
            "/v1/facilities",
            &facility,
        ][round % 5];
        let answer = fixture.person("carol").get(&format!("{path}?{damaged}"))?;
        assert_decent(&format!("round {round}, {path}?{damaged}"), &answer);
    }
    Ok(())
}

enum Sender {
    Dave(String),
    Agent(&'static str),
}

/// A valid body of every kind.
fn bodies(settlement: &str, facility: &SecuredFacility<'_>) -> Vec<(Sender, Value)> {
    let mut create = proposal(100);
    create["uetr"] = json!(uuid::Uuid::new_v4().to_string());
    create["reference"] = json!("Tranche 4");
    let mut elsewhere = proposal(100);
    elsewhere["facility_id"] = json!(EUR_FACILITY.id.to_string());
    let mut all = vec![
        (Sender::Dave("/v1/settlements".to_owned()), create),
        (Sender::Dave("/v1/settlements".to_owned()), elsewhere),
        (Sender::Dave(of(settlement, "verify")), json!({})),
        (
            Sender::Dave(of(settlement, "cancel")),
            json!({ "reason": "mistaken" }),
        ),
    ];
    for (agent, kind) in [
        ("escrow-one", "escrow.funded"),
        ("escrow-one", "escrow.failed"),
        ("settle-one", "settlement.completed"),
    ] {
        all.push((Sender::Agent(agent), report(kind, settlement, 100)));
    }
    all.extend(
        platform_events()
            .into_iter()
            .map(|(kind, data)| (Sender::Agent(PLATFORM), delivery(kind, &data))),
    );
    all.extend(of_collateral(facility));
    all
}

/// The same for collateral events and releases.
fn of_collateral(facility: &SecuredFacility<'_>) -> Vec<(Sender, Value)> {
    let terms = &facility.terms;
    let from = |agent: &'static str, event: &WebhookEvent| (Sender::Agent(agent), event.delivery());
    let of_the_platform = [
        terms
            .opened()
            .with("facility_id", uuid::Uuid::new_v4().to_string()),
        terms.party(&terms.debtor).with("bic", "DEUTDEFF500"),
        terms.rules(),
    ];
    let asset = facility.pledged[0].asset;
    let amendment = |kind: &str| terms.amendment(facility.filing, kind, facility.day(-1));
    let lender = terms.secured_party.id.to_string();
    let found = json!([{
        "file_number": "2001 77", "filed_at": "2001-01-01T00:00:00Z", "secured_party": "Other Bank",
        "subordination_sha256": "5b".repeat(32),
    }]);
    let of_the_agent = [
        terms.filing(facility.day(-1)),
        amendment("continuation"),
        amendment("assignment")
            .with("party_id", lender.clone())
            .with("name", "Assignee")
            .with("replaces_party_id", lender.clone()),
        amendment("party")
            .with("action", "change")
            .with("role", "secured")
            .with("party_id", lender)
            .with("name", "Another"),
        amendment("collateral")
            .with("action", "add")
            .with("description", "Schedule B"),
        terms
            .agreement(facility.today)
            .with("ends_on", facility.day(1).to_string()),
        facility.new_pledge(),
        terms.valuation(facility.today, &[(asset, 1_000)]),
        terms.receipt(facility.today, &[asset]),
        terms.search(facility.day(-1)).with("findings", found),
    ];
    let mut all: Vec<(Sender, Value)> = of_the_platform
        .iter()
        .map(|it| from(PLATFORM, it))
        .chain(of_the_agent.iter().map(|it| from(COLLATERAL_AGENT, it)))
        .collect();
    all.push((
        Sender::Dave(releases()),
        facility.release(&facility.pledged),
    ));
    all.push((Sender::Dave(releases()), facility.termination()));
    let approval = approval(&uuid::Uuid::new_v4().to_string());
    all.push((
        Sender::Dave(approval),
        json!({ "content_sha256": "0".repeat(64) }),
    ));
    all
}

/// The damaged body is signed as it is, so that the body is judged and not its signature.
fn signed(fixture: &Fixture, agent: &str, body: &[u8]) -> Request {
    let id = serde_json::from_slice::<Value>(body)
        .ok()
        .and_then(|event| event["id"].as_str().map(visible_text));
    let now = time::OffsetDateTime::now_utc().unix_timestamp().to_string();
    let id = id
        .filter(|id| !id.is_empty())
        .unwrap_or_else(|| "evt_1".to_owned());
    fixture.agent(agent).agent.sign_with(body, &id, &now)
}

/// Half of the time a value is exchanged, else some bytes are.
fn damage(body: &Value, chance: &mut Chance) -> Vec<u8> {
    let text = body.to_string();
    if chance.below(2) == 0 {
        return bytes_damaged(text.as_bytes(), chance);
    }
    let mut leaves = Vec::new();
    collect(body, String::new(), &mut leaves);
    let Some(pointer) = leaves.get(chance.below(leaves.len().max(1))) else {
        return bytes_damaged(text.as_bytes(), chance);
    };
    let mut body = body.clone();
    if let Some(value) = body.pointer_mut(pointer) {
        *value = json!("\u{1}HERE\u{1}");
    }
    body.to_string()
        .replace("\"\\u0001HERE\\u0001\"", NASTY[chance.below(NASTY.len())])
        .into_bytes()
}

fn collect(value: &Value, pointer: String, leaves: &mut Vec<String>) {
    for (name, inner) in value.as_object().into_iter().flatten() {
        collect(inner, format!("{pointer}/{name}"), leaves);
    }
    for (at, inner) in value.as_array().into_iter().flatten().enumerate() {
        collect(inner, format!("{pointer}/{at}"), leaves);
    }
    if !pointer.is_empty() {
        leaves.push(pointer);
    }
}

fn bytes_damaged(bytes: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=chance.below(3) {
        let at = chance.below(bytes.len().max(1));
        match chance.below(4) {
            0 if at < bytes.len() => {
                bytes[at] = u8::try_from(chance.below(256)).unwrap_or_default();
            }
            1 => bytes.truncate(at),
            2 => bytes.insert(
                at.min(bytes.len()),
                SPLINTERS[chance.below(SPLINTERS.len())],
            ),
            _ => {
                let end = (at + chance.below(12)).min(bytes.len());
                let piece = bytes[at.min(end)..end].to_vec();
                let to = chance.below(bytes.len() + 1);
                bytes.splice(to..to, piece);
            }
        }
    }
    bytes
}

fn visible(bytes: &[u8]) -> String {
    visible_text(&String::from_utf8_lossy(bytes))
}

fn visible_text(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).collect()
}

/// xorshift64: the same rounds on every machine and every day, so that a failure can be looked at again.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit).unwrap_or(1)).unwrap_or_default()
    }
}
