//! The same for what is told of collateral, and for releases: nothing of it gets as far as a constraint.

use anyhow::Result;
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::sample_data::{
    AURORA, COLLATERAL_AGENT, PLATFORM, SECURED_FACILITY, SecuredTerms, WebhookEvent,
    idempotency_key,
};
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use super::values::{no_currencies, no_ids, no_money, no_texts, with, without, words};
use super::{approval, assert_invalid, ledger_rows, post, releases};

/// What would be accepted or refused for what it says, a member of it, and what that must not be.
type Row = (WebhookEvent, &'static str, Vec<Value>);

fn today() -> Date {
    OffsetDateTime::now_utc().date()
}

fn sent(fixture: &Fixture, body: &Value) -> Result<tests::http::Response> {
    let of_the_platform = ["facility.opened", "party.recorded", "rules.recorded"];
    let kind = body["type"].as_str().unwrap_or_default();
    let agent = if of_the_platform.contains(&kind) {
        PLATFORM
    } else {
        COLLATERAL_AGENT
    };
    fixture.agent(agent).deliver(body)
}

#[test]
fn each_bad_member_of_a_collateral_event_is_named() -> Result<()> {
    let fixture = Fixture::new()?;
    let before = ledger_rows(&fixture)?;
    for (event, pointer, values) in of_the_agent().into_iter().chain(of_the_platform()) {
        let good = event.delivery();
        let bodies = values
            .iter()
            .map(|value| with(&good, pointer, value.clone()));
        for body in bodies.chain([without(&good, pointer)]) {
            let what = format!("{pointer}: {body:.300}");
            assert_invalid(&what, &sent(&fixture, &body)?, &[pointer]);
        }
        let unknown = with(&good, "/data/note", json!("x"));
        assert_invalid(event.kind, &sent(&fixture, &unknown)?, &["/data/note"]);
    }
    // What may be left out must be right where it is there.
    let terms = SecuredTerms::new(AURORA);
    for (event, pointer, values) in [
        (
            terms.party(&terms.debtor),
            "/data/bic",
            words(&["", "DEUT1EFF", "DEUTDEF", "deutdeff"]),
        ),
        (terms.agreement(today()), "/data/ends_on", no_dates()),
    ] {
        for value in values.into_iter().filter(|value| !value.is_null()) {
            let body = with(&event.delivery(), pointer, value);
            assert_invalid(pointer, &sent(&fixture, &body)?, &[pointer]);
        }
    }
    assert_eq!(
        ledger_rows(&fixture)?,
        before,
        "nothing of it reached the ledger"
    );
    Ok(())
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn members_go_together() -> Result<()> {
    let fixture = Fixture::new()?;
    let before = ledger_rows(&fixture)?;
    let terms = SecuredTerms::new(AURORA);
    let asset = Uuid::new_v4();
    let (filing, search) = (terms.filing(today()), terms.search(today()));
    let party = filing.data["debtors"][0].clone();
    let two_days = today() - Duration::days(2);
    let found = |number: &str| json!({ "file_number": number, "filed_at": "2001-01-01T00:00:00Z", "secured_party": "X" });
    let rules = terms.rules();
    let kind = rules.data["kinds"][0].clone();
    let opened = terms.opened();
    for (event, places) in [
        (
            filing.clone().with("filed_on", two_days.to_string()),
            &["/data/filed_on"][..],
        ),
        (
            filing.clone().with("debtors", json!([party, party])),
            &["/data/debtors/1/party_id"],
        ),
        (
            filing.clone().with("debtors", json!([{}])),
            &["/data/debtors/0/party_id", "/data/debtors/0/name"],
        ),
        (
            filing.clone().with("debtors", json!({ "0": party })),
            &["/data/debtors"],
        ),
        (
            filing.clone().with("debtors", json!([party["party_id"]])),
            &["/data/debtors/0"],
        ),
        (
            filing.with("secured_parties", json!(vec![party; 65])),
            &["/data/secured_parties"],
        ),
        (
            terms
                .agreement(today())
                .with("ends_on", today().to_string()),
            &["/data/ends_on"],
        ),
        (
            terms.agreement(today()).with("asset_kinds", json!([])),
            &["/data/asset_kinds"],
        ),
        (
            terms
                .agreement(today())
                .with("asset_kinds", json!(["loan", "loan"])),
            &["/data/asset_kinds/1"],
        ),
        (terms.valuation(today(), &[]), &["/data/assets"]),
        (
            terms.valuation(today(), &[(asset, 1), (asset, 2)]),
            &["/data/assets/1/asset_id"],
        ),
        (terms.receipt(today(), &[]), &["/data/assets"]),
        (terms.receipt(today(), &[asset, asset]), &["/data/assets/1"]),
        (terms.receipt(today(), &vec![asset; 501]), &["/data/assets"]),
        // Compared as file numbers are: by letters and digits.
        (
            search
                .clone()
                .with("findings", json!([found("1 a"), found("1-A")])),
            &["/data/findings/1/file_number"],
        ),
        (
            search.with("findings", json!([{}])),
            &[
                "/data/findings/0/file_number",
                "/data/findings/0/filed_at",
                "/data/findings/0/secured_party",
            ],
        ),
        (rules.clone().with("kinds", json!([])), &["/data/kinds"]),
        (
            rules.with("kinds", json!([kind, kind])),
            &["/data/kinds/1/asset_kind"],
        ),
        (
            opened.clone().with("secured", false),
            &["/data/collateral_agent", "/data/lead_allocator_id"],
        ),
        (opened.with("secured", "true"), &["/data/secured"]),
    ] {
        let what = format!("{:.300}", event.data);
        assert_invalid(&what, &sent(&fixture, &event.delivery())?, places);
    }
    for (kind, members, places) in amendments() {
        let event = members.iter().fold(
            terms.amendment(Uuid::new_v4(), kind, today()),
            |event, (member, value)| event.with(member, value.clone()),
        );
        assert_invalid(
            &event.data.to_string(),
            &sent(&fixture, &event.delivery())?,
            places,
        );
    }
    assert_eq!(
        ledger_rows(&fixture)?,
        before,
        "nothing of it reached the ledger"
    );
    Ok(())
}

/// A kind of amendment, members, and those of them that are wrong.
type Amendment = (
    &'static str,
    Vec<(&'static str, Value)>,
    &'static [&'static str],
);

fn amendments() -> Vec<Amendment> {
    let id = || json!(Uuid::new_v4().to_string());
    vec![
        ("renewal", vec![], &["/data/kind"]),
        (
            "continuation",
            vec![("action", json!("add"))],
            &["/data/action"],
        ),
        (
            "continuation",
            vec![("release_id", id())],
            &["/data/release_id"],
        ),
        (
            "termination",
            vec![("name", json!("X")), ("role", json!("debtor"))],
            &["/data/name", "/data/role"],
        ),
        ("assignment", vec![], &["/data/party_id", "/data/name"]),
        (
            "assignment",
            vec![
                ("party_id", id()),
                ("name", json!("X")),
                ("role", json!("secured")),
            ],
            &["/data/role"],
        ),
        (
            "party",
            vec![
                ("role", json!("debtor")),
                ("party_id", id()),
                ("name", json!("X")),
            ],
            &["/data/action"],
        ),
        (
            "party",
            vec![
                ("action", json!("restate")),
                ("role", json!("debtor")),
                ("party_id", id()),
            ],
            &["/data/action"],
        ),
        (
            "party",
            vec![
                ("action", json!("add")),
                ("role", json!("debtor")),
                ("party_id", id()),
            ],
            &["/data/name"],
        ),
        (
            "party",
            vec![
                ("action", json!("delete")),
                ("role", json!("debtor")),
                ("party_id", id()),
                ("name", json!("X")),
            ],
            &["/data/name"],
        ),
        (
            "party",
            vec![
                ("action", json!("add")),
                ("role", json!("secured")),
                ("party_id", id()),
                ("name", json!("X")),
                ("release_id", id()),
            ],
            &["/data/release_id"],
        ),
        (
            "collateral",
            vec![("action", json!("add"))],
            &["/data/description"],
        ),
        (
            "collateral",
            vec![("action", json!("delete")), ("description", json!(""))],
            &["/data/description"],
        ),
        (
            "collateral",
            vec![
                ("action", json!("add")),
                ("description", json!("X")),
                ("party_id", id()),
            ],
            &["/data/party_id"],
        ),
    ]
}

#[test]
fn each_bad_member_of_a_release_is_named() -> Result<()> {
    let fixture = Fixture::new()?;
    let before = ledger_rows(&fixture)?;
    let (id, other) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
    let good =
        json!({ "kind": "assets", "filing_id": other, "pledge_ids": [id], "reason": "Paid off" });
    for (pointer, values) in [
        ("/kind", words(&["", "all", "Assets"])),
        ("/filing_id", no_ids()),
        ("/reason", no_texts(false)),
        (
            "/pledge_ids",
            vec![
                json!([]),
                json!({}),
                json!(id),
                json!(null),
                json!(vec![id.clone(); 1_001]),
            ],
        ),
        ("/pledge_ids/0", no_ids()),
    ] {
        for value in values {
            let mut body = good.clone();
            *body.pointer_mut(pointer).expect("a member of it") = value;
            let answer = post(&fixture, &releases(), body.to_string().as_bytes())?;
            assert_invalid(&format!("{body:.200}"), &answer, &[pointer]);
        }
        if pointer != "/pledge_ids/0" {
            let body = without(&good, pointer).to_string();
            assert_invalid(
                &body,
                &post(&fixture, &releases(), body.as_bytes())?,
                &[pointer],
            );
        }
    }
    let of_all = json!({ "kind": "termination", "filing_id": other, "reason": "Paid off" });
    for (body, places) in [
        (
            with(&good, "/pledge_ids", json!([id, id])),
            &["/pledge_ids/1"][..],
        ),
        (with(&of_all, "/pledge_ids", json!([id])), &["/pledge_ids"]),
        (with(&of_all, "/pledge_ids", json!([])), &["/pledge_ids"]),
        (with(&good, "/requested_by", json!(id)), &["/requested_by"]),
        (json!({}), &["/kind", "/filing_id", "/reason"]),
    ] {
        let answer = post(&fixture, &releases(), body.to_string().as_bytes())?;
        assert_invalid(&body.to_string(), &answer, places);
    }
    for value in no_hashes() {
        let body = json!({ "content_sha256": value });
        let answer = post(&fixture, &approval(&id), body.to_string().as_bytes())?;
        assert_invalid(&body.to_string(), &answer, &["/content_sha256"]);
    }
    assert_invalid(
        "nothing",
        &post(&fixture, &approval(&id), b"{}")?,
        &["/content_sha256"],
    );
    assert_eq!(
        ledger_rows(&fixture)?,
        before,
        "nothing of it reached the ledger"
    );
    Ok(())
}

#[test]
fn malformed_facility_and_release_ids_are_answered_with_404() -> Result<()> {
    let fixture = Fixture::new()?;
    let before = ledger_rows(&fixture)?;
    let dave = fixture.person("dave");
    for id in [
        "x",
        "%00",
        "%27",
        "..",
        "null",
        "6F9619FF-8B86-4D01-B42D-00CF4FC964FF",
    ] {
        for part in ["", "/collateral"] {
            let answer = dave.get(&format!("/v1/facilities/{id}{part}"))?;
            assert_eq!(answer.status, 404, "{id}{part}: {}", answer.text());
        }
        for (path, body) in [
            (
                format!("/v1/facilities/{id}/releases"),
                json!({ "kind": "termination", "filing_id": Uuid::new_v4().to_string(), "reason": "x" }),
            ),
            (approval(id), json!({ "content_sha256": "0".repeat(64) })),
        ] {
            let answer = dave.post(&path, &idempotency_key(), &body)?;
            assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        }
    }
    let collateral = format!("/v1/facilities/{}/collateral", SECURED_FACILITY.id);
    for path in ["/v1/facilities", &collateral] {
        for (query, parameter) in [
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=1&limit=1", "limit"),
            ("cursor=", "cursor"),
            ("cursor=AAAA", "cursor"),
            ("cursor=6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "cursor"),
            ("secured=true", "secured"),
        ] {
            let target = format!("{path}?{query}");
            assert_invalid(&target, &dave.get(&target)?, &[parameter]);
        }
    }
    assert_eq!(
        ledger_rows(&fixture)?,
        before,
        "nothing of it reached the ledger"
    );
    Ok(())
}

fn of_the_agent() -> Vec<Row> {
    let terms = SecuredTerms::new(AURORA);
    let filing = terms.filing(today());
    let amendment = terms.amendment(Uuid::new_v4(), "continuation", today());
    let agreement = terms.agreement(today());
    let pledge = terms.pledge(Uuid::new_v4(), Uuid::new_v4(), today());
    let valuation = terms.valuation(today(), &[(Uuid::new_v4(), 1)]);
    let receipt = terms.receipt(today(), &[Uuid::new_v4()]);
    let found =
        json!([{ "file_number": "1", "filed_at": "2001-01-01T00:00:00Z", "secured_party": "X" }]);
    let search = terms.search(today()).with("findings", found);
    let rows = [
        (&filing, "/data/facility_id", no_ids()),
        (&filing, "/data/filing_id", no_ids()),
        (&filing, "/data/office", no_offices()),
        (&filing, "/data/file_number", no_numbers()),
        (&filing, "/data/filed_at", no_instants()),
        (&filing, "/data/filed_on", no_dates()),
        (
            &filing,
            "/data/designation",
            words(&["", "Standard", "thirty"]),
        ),
        (
            &filing,
            "/data/description",
            words(&[" ", "--", "a\u{0}", "a\u{1b}", &"x".repeat(16_385)]),
        ),
        (&filing, "/data/document_sha256", no_hashes()),
        (&filing, "/data/debtors/0/party_id", no_ids()),
        (&filing, "/data/debtors/0/name", no_names()),
        (&filing, "/data/secured_parties/0/name", no_names()),
        (&amendment, "/data/filing_id", no_ids()),
        (&amendment, "/data/amendment_id", no_ids()),
        (&amendment, "/data/file_number", no_numbers()),
        (&amendment, "/data/filed_on", no_dates()),
        (&amendment, "/data/document_sha256", no_hashes()),
        (&agreement, "/data/agreement_id", no_ids()),
        (&agreement, "/data/debtor_party_id", no_ids()),
        (&agreement, "/data/secured_party_id", no_ids()),
        (&agreement, "/data/dated_on", no_dates()),
        (&pledge, "/data/pledge_id", no_ids()),
        (&pledge, "/data/agreement_id", no_ids()),
        (&pledge, "/data/debtor_party_id", no_ids()),
        (&pledge, "/data/pledged_on", no_dates()),
        (
            &pledge,
            "/data/asset",
            vec![json!(null), json!([]), json!("x"), json!(7)],
        ),
        (&pledge, "/data/asset/asset_id", no_ids()),
        (&pledge, "/data/asset/kind", no_kinds()),
        (&pledge, "/data/asset/obligor", no_texts(false)),
        (
            &pledge,
            "/data/asset/custodian",
            words(&["", "5493001KJTIIGC8Y1R13"]),
        ),
        (
            &pledge,
            "/data/asset/identifier",
            words(&["", " ", "-/-", "é1", "a\u{0}", &"x".repeat(141)]),
        ),
        (&valuation, "/data/valuation_id", no_ids()),
        (&valuation, "/data/as_of", no_dates()),
        (&valuation, "/data/currency", no_currencies()),
        (&valuation, "/data/assets/0/asset_id", no_ids()),
        (
            &valuation,
            "/data/assets/0/value_minor",
            no_values("1000000000000000"),
        ),
        (&receipt, "/data/receipt_id", no_ids()),
        (&receipt, "/data/as_of", no_dates()),
        (
            &receipt,
            "/data/custodian",
            words(&["", "5493001KJTIIGC8Y1R13"]),
        ),
        (&search, "/data/search_id", no_ids()),
        (&search, "/data/office", no_offices()),
        (&search, "/data/party_id", no_ids()),
        (&search, "/data/searched_name", no_names()),
        (&search, "/data/through_on", no_dates()),
        (&search, "/data/findings/0/filed_at", no_instants()),
        (&search, "/data/findings/0/file_number", no_numbers()),
        (&search, "/data/findings/0/secured_party", no_names()),
    ];
    rows.map(|(event, pointer, values)| (event.clone(), pointer, values))
        .to_vec()
}

fn of_the_platform() -> Vec<Row> {
    let terms = SecuredTerms::new(AURORA);
    let (opened, party, rules) = (terms.opened(), terms.party(&terms.debtor), terms.rules());
    let rows = [
        (
            &opened,
            "/data/secured",
            vec![json!(null), json!("false"), json!(0), json!([])],
        ),
        (
            &opened,
            "/data/collateral_agent",
            words(&["", "ab", "Agent"]),
        ),
        (&opened, "/data/lead_allocator_id", no_ids()),
        (&party, "/data/party_id", no_ids()),
        (&party, "/data/legal_name", no_names()),
        (&party, "/data/organic_name", no_names()),
        (
            &party,
            "/data/jurisdiction",
            words(&["", "US", "US-ZZ", "us-DE", "U", "LU-ABCD", "US-DE\u{0}"]),
        ),
        (
            &party,
            "/data/organisation_number",
            words(&["", "1\n", &"1".repeat(41)]),
        ),
        (
            &rules,
            "/data/concentration_cap_bp",
            no_numbers_to(1, 10_000),
        ),
        (
            &rules,
            "/data/coverage_floor_bp",
            no_numbers_to(0, 1_000_000),
        ),
        (
            &rules,
            "/data/valuation_age_max_days",
            no_numbers_to(0, 3_660),
        ),
        (
            &rules,
            "/data/receipt_age_max_days",
            no_numbers_to(0, 3_660),
        ),
        (&rules, "/data/lapse_guard_days", no_numbers_to(0, 3_660)),
        (
            &rules,
            "/data/reserves_minor",
            no_values("1000000000000000000"),
        ),
        (&rules, "/data/kinds/0/asset_kind", no_kinds()),
        (
            &rules,
            "/data/kinds/0/advance_rate_bp",
            no_numbers_to(0, 10_000),
        ),
        (&rules, "/data/kinds/0/haircut_bp", no_numbers_to(0, 10_000)),
    ];
    rows.map(|(event, pointer, values)| (event.clone(), pointer, values))
        .to_vec()
}

fn no_numbers_to(least: i64, most: i64) -> Vec<Value> {
    vec![
        json!(least - 1),
        json!(most + 1),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1.5),
        json!("30"),
        json!(true),
        json!(null),
    ]
}

/// What no amount is that may be zero, the first that is too long among them.
fn no_values(too_much: &str) -> Vec<Value> {
    let others = no_money().into_iter().filter(|value| *value != json!("0"));
    others.chain([json!(too_much)]).collect()
}

fn no_dates() -> Vec<Value> {
    words(&[
        "",
        "soon",
        "infinity",
        "2026-02-29",
        "2027-13-01",
        "2027-1-1",
        "20270101",
        "2027-01-01T00:00:00Z",
        "+12027-01-01",
        "2027-01-01\u{0}",
        "99999-01-01",
    ])
}

fn no_instants() -> Vec<Value> {
    words(&[
        "",
        "yesterday",
        "2026-01-01",
        "2026-02-30T00:00:00Z",
        "infinity",
    ])
}

fn no_hashes() -> Vec<Value> {
    words(&[
        "",
        &"0".repeat(63),
        &"0".repeat(65),
        &"A".repeat(64),
        &"g".repeat(64),
        &format!("0x{}", "0".repeat(62)),
    ])
}

fn no_names() -> Vec<Value> {
    words(&["", "\u{0}", "a\nb", "a\u{85}", &"x".repeat(301)])
}

fn no_offices() -> Vec<Value> {
    words(&[
        "",
        "DE",
        "US",
        "US-",
        "US-ZZ",
        "us-DE",
        "DE-BY",
        "US-DE ",
        "US-DE\u{0}",
    ])
}

fn no_numbers() -> Vec<Value> {
    words(&[
        "",
        " ",
        "--",
        "é1",
        "1\n",
        "1\u{0}",
        &"7".repeat(41),
        &" 7".repeat(31),
    ])
}

fn no_kinds() -> Vec<Value> {
    words(&[
        "",
        "a",
        "A1",
        "1a",
        "-a",
        "a b",
        "a_b",
        "aé",
        "a\u{0}",
        &"a".repeat(32),
    ])
}
