use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use tests::fixture::Fixture;
use tests::folders;
use tests::sample_data::{
    AURORA, BOREALIS, COLLATERAL_AGENT, EUR_FACILITY, PLATFORM, SECURED_FACILITY, SecuredTerms,
    USD_FACILITY, idempotency_key,
};
use uuid::Uuid;

use super::{Fate, domain, fate, lacking, pointers};
use crate::collateral::secured_facility::SecuredFacility;
use crate::direct::{Direct, call, claim, quote};
use crate::risk_runs::fixture::{matrix, profile, record};
use crate::settlements::{escrowed, verified};

/// Members that an event may lack, and why. Each has an event below that has it.
const OPTIONAL: [(&str, &str, &str); 11] = [
    ("agreement.recorded", "/ends_on", "it has no end"),
    (
        "amendment.recorded",
        "/release_id",
        "without one the filing becomes disputed",
    ),
    (
        "amendment.recorded",
        "/replaces_party_id",
        "the assignment is of a part",
    ),
    (
        "facility.risk_updated",
        "/lgd/deviation_ppb",
        "the loss given default is fixed",
    ),
    (
        "facility.risk_updated",
        "/pd_ppb",
        "the rating has a probability",
    ),
    (
        "facility.risk_updated",
        "/rating",
        "the facility has a probability of its own",
    ),
    ("member.granted", "/display_name", "the member gets no name"),
    (
        "member.granted",
        "/display_name/salt",
        "the function in front demands it, and does not hand it on",
    ),
    (
        "member.named",
        "/display_name/salt",
        "the function in front demands it, and does not hand it on",
    ),
    ("party.recorded", "/bic", "not every party has one"),
    (
        "search.reported",
        "/findings/0/subordination_sha256",
        "the other party does not stand back",
    ),
];

/// An agent's route, its id, the type of an event and its data.
type Event = (&'static str, &'static str, &'static str, Value);

#[test]
fn an_event_without_one_of_its_members_is_not_accepted() -> Result<()> {
    let fixture = Fixture::new()?;
    let events = good(&fixture)?;
    let before = domain(&fixture)?;
    let mut direct = Direct::new(&fixture);
    let mut taken = BTreeSet::new();
    let mut tried = 0;
    for (function, agent, kind, data) in &events {
        let mut report = |data: Option<&Value>, kind: Option<&str>| {
            let data = data.map_or("null".to_owned(), |data| quote(&data.to_string()));
            let kind = kind.map_or("null".to_owned(), quote);
            let claim = claim(&idempotency_key(), &data);
            let sql = call(function, &format!("'{agent}', {claim}, {kind}, {data}"));
            fate(direct.client(function)?, &sql)
        };
        assert_eq!(
            report(Some(data), Some(kind))?,
            Fate::Taken,
            "{kind} {data}"
        );
        for (data, kind) in [
            (None, Some(*kind)),
            (Some(&Value::Null), Some(*kind)),
            (Some(&json!([])), Some(*kind)),
            (Some(data), None),
        ] {
            assert_ne!(report(data, kind)?, Fate::Taken, "{kind:?} {data:?}");
        }
        let mut all = Vec::new();
        pointers(data, "", &mut all);
        for (pointer, absent) in all.iter().flat_map(|it| [(it, true), (it, false)]) {
            let less = lacking(data, pointer, absent);
            if less == *data {
                continue;
            }
            tried += 1;
            if report(Some(&less), Some(kind))? == Fate::Taken {
                taken.insert((*kind, pointer.clone()));
            }
        }
    }
    let optional = OPTIONAL.map(|(kind, pointer, _)| (kind, pointer.to_owned()));
    assert_eq!(taken, BTreeSet::from(optional));
    assert!(tried > 200, "{tried}");
    assert_eq!(domain(&fixture)?, before);
    Ok(())
}

/// What the API document knows of events is what is tried above.
#[test]
fn every_documented_member_of_an_event_is_tried() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut tried = BTreeSet::new();
    for (_, _, kind, data) in good(&fixture)? {
        let mut all = Vec::new();
        pointers(&data, "", &mut all);
        tried.extend(all.into_iter().map(|pointer| (kind.to_owned(), pointer)));
    }
    let text = fs::read_to_string(folders::workspace().join("docs/openapi.yaml"))?;
    let api: Value = serde_norway::from_str(&text)?;
    let mut documented = BTreeSet::new();
    for name in [
        "EscrowEvent",
        "SettlementEvent",
        "PlatformEvent",
        "CollateralEvent",
    ] {
        let mapping = &api["components"]["schemas"][name]["discriminator"]["mapping"];
        for (kind, reference) in mapping.as_object().context(name)? {
            let mut all = BTreeSet::new();
            members(&api, &json!({ "$ref": reference }), "", &mut all);
            let data = all.iter().filter_map(|it| it.strip_prefix("/data"));
            documented.extend(
                data.filter(|it| !it.is_empty())
                    .map(|it| (kind.clone(), it.to_owned())),
            );
        }
    }
    assert!(documented.len() > 100, "{}", documented.len());
    let missed: Vec<_> = documented.difference(&tried).collect();
    assert!(missed.is_empty(), "{missed:#?}");
    Ok(())
}

/// The pointers of all members that a schema knows; of an array's elements, those of the first.
fn members(api: &Value, schema: &Value, at: &str, all: &mut BTreeSet<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = api.pointer(reference.trim_start_matches('#'));
        return members(api, target.unwrap_or(&Value::Null), at, all);
    }
    for word in ["allOf", "oneOf"] {
        for inner in schema[word].as_array().into_iter().flatten() {
            members(api, inner, at, all);
        }
    }
    let properties = schema["properties"].as_object().into_iter();
    for (name, inner) in properties.flat_map(Map::iter) {
        let at = format!("{at}/{name}");
        members(api, inner, &at, all);
        all.insert(at);
    }
    if schema.get("items").is_some() {
        members(api, &schema["items"], &format!("{at}/0"), all);
    }
}

/// Events that are each accepted, with every member that an event of its type can have.
fn good(fixture: &Fixture) -> Result<Vec<Event>> {
    record(fixture, "ratings.recorded", &matrix())?;
    let mut facility = SecuredFacility::good(fixture, &[1_000])?;
    let waiting = facility.requested(&facility.termination())?;
    // Of another filing than the one whose termination waits.
    facility.file(|filing| filing)?;
    Ok([
        of_platform(fixture, &facility.terms),
        disputes(fixture, &facility)?,
        of_settlements(fixture)?,
        of_collateral(&facility, &waiting)?,
    ]
    .concat())
}

fn of_platform(fixture: &Fixture, terms: &SecuredTerms) -> Vec<Event> {
    let mut events = Vec::new();
    let mut platform = |kind, data| events.push(("platform-webhook", PLATFORM, kind, data));
    let unused = SecuredTerms::new(AURORA);
    let aurora = AURORA.id.to_string();
    let (somebody, money) = (
        |sub: String, role: &str| json!({"allocator_id": aurora, "sub": sub, "role": role}),
        json!({"allocator_id": aurora, "amount_minor": "100", "currency": "USD", "reference": "wire"}),
    );
    let alice = fixture.person("alice").person.sub.to_string();
    let mut rated = profile(USD_FACILITY.id);
    rated["rating"] = json!("BB");
    platform(
        "allocator.onboarded",
        json!({"allocator_id": Uuid::new_v4(), "legal_name": "New Fund"}),
    );
    let name = json!({"text": "Alice Moore", "salt": "A".repeat(22)});
    let mut named = somebody(alice.clone(), "viewer");
    named["display_name"] = name.clone();
    platform("member.granted", named);
    platform("member.revoked", somebody(alice.clone(), "maker"));
    platform(
        "member.named",
        json!({"allocator_id": aurora, "sub": alice, "display_name": name}),
    );
    // Of somebody who has a name in this world.
    let bob = fixture.person("bob").person.sub.to_string();
    platform(
        "member.name_erased",
        json!({"allocator_id": aurora, "sub": bob}),
    );
    platform(
        "agent.registered",
        json!({"agent_id": "escrow-two", "kind": "escrow", "name": "Second Escrow"}),
    );
    platform("facility.opened", unused.opened().data);
    platform(
        "party.recorded",
        terms.party(&unused.debtor).with("bic", "DEUTDEFF").data,
    );
    platform("rules.recorded", terms.rules().data);
    for (kind, facility) in [
        ("facility.admitted", SECURED_FACILITY),
        ("facility.excluded", EUR_FACILITY),
    ] {
        let data = json!({"facility_id": facility.id, "allocator_id": BOREALIS.id});
        platform(kind, data);
    }
    platform("facility.risk_updated", rated);
    platform("ratings.recorded", matrix());
    platform("capital.deposited", money.clone());
    platform("capital.withdrawn", money);
    events
}

/// A filing and an asset of the facility, chosen by the platform.
fn disputes(fixture: &Fixture, facility: &SecuredFacility<'_>) -> Result<Vec<Event>> {
    let asset = "select asset_id from collateral.asset where facility_id = $1 limit 1";
    let asset: Uuid = fixture
        .admin()?
        .query_one(asset, &[&facility.terms.facility])?
        .try_get(0)?;
    Ok([("filing_id", facility.filing), ("asset_id", asset)]
        .map(|(member, id)| {
            let data = json!({"facility_id": facility.terms.facility, member: id});
            ("platform-webhook", PLATFORM, "dispute.decided", data)
        })
        .into())
}

fn of_settlements(fixture: &Fixture) -> Result<Vec<Event>> {
    let mut events = Vec::new();
    let (verified, escrowed) = (verified(fixture, 100)?, escrowed(fixture, 100)?);
    for (function, agent, settlement, success, failure) in [
        (
            "escrow-webhook",
            "escrow-one",
            verified,
            "escrow.funded",
            "escrow.failed",
        ),
        (
            "settlement-webhook",
            "settle-one",
            escrowed,
            "settlement.completed",
            "settlement.failed",
        ),
    ] {
        let of = json!({"settlement_id": settlement, "facility_id": USD_FACILITY.id});
        let (mut success_data, mut failure_data) = (of.clone(), of);
        success_data["amount_minor"] = json!("100");
        success_data["currency"] = json!("USD");
        failure_data["reason"] = json!("no funds");
        events.push((function, agent, success, success_data));
        events.push((function, agent, failure, failure_data));
    }
    Ok(events)
}

fn of_collateral(facility: &SecuredFacility<'_>, waiting: &Value) -> Result<Vec<Event>> {
    let (terms, filing) = (&facility.terms, facility.filing);
    let assets: Vec<Uuid> = facility.pledged.iter().map(|it| it.asset).collect();
    let mut events = Vec::new();
    let mut reported = |event: tests::sample_data::WebhookEvent| {
        events.push((
            "collateral-webhook",
            COLLATERAL_AGENT,
            event.kind,
            event.data,
        ));
    };
    let (debtor, lender) = (terms.debtor.id, terms.secured_party.id);
    let amended = |kind: &str, members: Value| {
        let mut event = terms.amendment(filing, kind, facility.day(-1));
        let members = members.as_object().into_iter().flatten();
        for (name, value) in members {
            event = event.with(name, value.clone());
        }
        event
    };
    reported(terms.filing(facility.day(-3)));
    reported(amended(
        "party",
        json!({
            "action": "add", "role": "debtor", "party_id": lender, "name": "Another name",
        }),
    ));
    reported(amended(
        "party",
        json!({
            "action": "delete", "role": "debtor", "party_id": debtor,
        }),
    ));
    reported(amended(
        "assignment",
        json!({
            "party_id": debtor, "name": "Assignee", "replaces_party_id": lender,
        }),
    ));
    reported(amended(
        "collateral",
        json!({ "action": "add", "description": "more" }),
    ));
    reported(
        terms
            .amendment(
                waiting["content"]["filing"]["id"]
                    .as_str()
                    .context("a filing")?
                    .parse()?,
                "termination",
                facility.day(-1),
            )
            .with("release_id", waiting["id"].clone()),
    );
    reported(
        terms
            .agreement(facility.day(-3))
            .with("ends_on", facility.day(900).to_string()),
    );
    reported(facility.new_pledge());
    reported(terms.valuation(facility.today, &[(assets[0], 5)]));
    reported(terms.receipt(facility.today, &assets));
    reported(terms.search(facility.day(-1)).with(
        "findings",
        json!([{
            "file_number": "2001 77", "filed_at": "2001-01-01T00:00:00Z", "secured_party": "Other Bank",
            "subordination_sha256": "5b".repeat(32),
        }]),
    ));
    Ok(events)
}
