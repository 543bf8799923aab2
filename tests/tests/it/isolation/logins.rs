//! The limits of a login: it calls its own functions only, takes no other role, and claims keys for its own principal
//! only.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use generate::Isolation;
use postgres::Client;
use serde_json::json;
use shared::commitment::{Actor, Request};
use tests::deployment::{functions, login};
use tests::fixture::Fixture;
use tests::sample_data::{
    COLLATERAL_AGENT, EUR_FACILITY, SECURED_FACILITY, WebhookEvent, idempotency_key,
};

use super::settlements;
use crate::collateral::secured_facility::SecuredFacility;
use crate::direct::{barrier, call, claim, human_arguments, quote};
use crate::endpoints::TABLE;
use crate::support::count;

/// Each gateway function of a login, with arguments of the right types but without meaning.
fn any_calls(fixture: &Fixture, function: &str) -> Result<Vec<(String, String)>> {
    let id = "00000000-0000-4000-8000-000000000000";
    let token = quote(&fixture.person("alice").token());
    let own = TABLE.find(function).context("a row")?.gateway_functions();
    own.into_iter()
        .map(|name| {
            let sql = call_with(&name, &token, id)?;
            Ok((name, sql))
        })
        .collect()
}

/// A call of a gateway function with that token and that settlement, where it takes one.
pub(crate) fn call_with(function: &str, token: &str, id: &str) -> Result<String> {
    let claim = claim("client-key-of-nobody", "");
    let report = |kind: &str| {
        let data = format!(
            r#"{{"settlement_id": "{id}", "facility_id": "{id}", "amount_minor": "1", "currency": "USD"}}"#
        );
        format!("'escrow-one', {claim}, '{kind}', '{data}'")
    };
    Ok(call(
        function,
        &match &*login(function) {
            "cancel_settlement" => format!("{token}, {claim}, '{id}', null"),
            "create_settlement" => {
                format!("{token}, {claim}, '{id}', 1, 'USD', '2099-01-02', null, null, null")
            }
            "create_risk_run" => format!("{token}, {claim}, '{{\"currency\": \"USD\"}}', null"),
            "list_risk_runs" => format!("{token}, 10, null, null"),
            "verify_settlement" => format!("{token}, {claim}, '{id}'"),
            "request_release" => {
                format!("{token}, {claim}, '{id}', 'termination', '{id}', null, null, 'paid'")
            }
            "approve_release" => format!(r"{token}, {claim}, '{id}', '\x00'"),
            "collateral_webhook" => {
                format!("'collateral-one', {claim}, 'search.reported', '{{}}'")
            }
            "escrow_webhook" => report("escrow.funded"),
            "settlement_webhook" => report("settlement.completed"),
            "platform_webhook" => {
                format!("'optkas-platform', {claim}, 'agent.registered', '{{}}'")
            }
            "next_anchor" => "1".to_owned(),
            "record_anchor" | "record_anchor_transaction" => "1, '{}'".to_owned(),
            "next_entries" => "0, 10".to_owned(),
            "record_checkpoint" => r"1, '\x00', 'n'".to_owned(),
            "reconcile_books" => "'allocators', null, 10".to_owned(),
            "expire_settlements" => "'a', 10".to_owned(),
            "prune_tokens" | "sequence_tlog" => "10".to_owned(),
            "watch_database" => String::new(),
            "sync_jwks" => "'a', '[]'".to_owned(),
            "retire_key" => "'a', sha256('x'), 'operator'".to_owned(),
            "migrate" => "'a', '{\"issuer\": \"i\", \"audience\": \"a\", \"client_ids\": [], \
                          \"platform_agent_id\": \"p-one\"}'"
                .to_owned(),
            "next_secured_facility" => "null".to_owned(),
            "monitor_facility" => format!("'a', '{id}'"),
            "get_checkpoint" | "get_me" => token.to_owned(),
            "get_commitment" | "get_commitment_proof" => format!(r"{token}, '\x00'"),
            "get_facility" | "get_release" | "get_risk_chart" | "get_risk_run"
            | "get_settlement" | "get_verification" => {
                format!("{token}, '{id}'")
            }
            "get_facility_collateral" => format!("{token}, '{id}', 10, null"),
            "find_commitment" => format!("{token}, 'create-settlement', '', 'a-key-of-sixteen'"),
            "get_filing" => format!("{token}, '{id}', '{id}'"),
            "list_audit" | "list_facilities" => format!("{token}, 10, null"),
            "list_positions" => format!("{token}, null"),
            "list_settlements" => format!("{token}, 10{}", ", null".repeat(13)),
            "list_releases" => format!("{token}, 10, null, null, null, null"),
            "list_warnings" => format!("{token}, 10, null, null, '{{open}}', null, null"),
            other => anyhow::bail!("{other} is new: say how to call it"),
        },
    ))
}

#[test]
fn every_function_refuses_another_isolation_level_than_its_own() -> Result<()> {
    let fixture = Fixture::new()?;
    for function in functions()? {
        // The functions that keep the log or add up the books stay outside the writers' conflicts; all others take part
        // in them.
        let isolation = TABLE.find(&function).context("a row")?.isolation;
        let others = match isolation {
            Isolation::RepeatableRead => ["serializable", "read committed"],
            Isolation::ReadCommitted => ["serializable", "repeatable read"],
            Isolation::Serializable => ["read committed", "repeatable read"],
        };
        for level in others {
            for setting in ["default_transaction_isolation", "transaction_isolation"] {
                for (name, sql) in any_calls(&fixture, &function)? {
                    let mut client = fixture.login(&function)?;
                    client.batch_execute("select 1")?;
                    client.batch_execute(&if setting == "transaction_isolation" {
                        format!("begin isolation level {level}")
                    } else {
                        format!("set {setting} = '{level}'")
                    })?;
                    assert_eq!(
                        barrier(client.simple_query(&sql)),
                        "OPK04 isolation-not-its-own",
                        "{name} at {level}"
                    );
                }
            }
        }
    }
    Ok(())
}

#[test]
fn a_login_executes_no_other_logins_function_and_takes_no_other_role() -> Result<()> {
    let fixture = Fixture::new()?;
    let functions = functions()?;
    let calls = functions
        .iter()
        .map(|function| any_calls(&fixture, function))
        .collect::<Result<Vec<_>>>()?;
    for function in &functions {
        let mut client = fixture.login(function)?;
        let others = functions
            .iter()
            .zip(&calls)
            .filter(|(other, _)| *other != function);
        for (name, sql) in others.flat_map(|(_, calls)| calls) {
            let stopped = barrier(client.simple_query(sql));
            assert_eq!(
                stopped,
                format!("42501 permission denied for function {name}"),
                "{function}"
            );
        }
        let denied = [
            "select auth.authenticate('x')",
            "select auth.scope_to('a0000000-0000-4000-8000-000000000001')",
            "select ledger.claim('', '{}')",
            "set role optkas_owner",
            "set session authorization optkas_owner",
            "set session_replication_role = replica",
            "alter table capital.settlement disable trigger all",
            "alter function gateway.get_settlement reset all",
            "set log_statement = 'none'",
        ];
        for statement in denied {
            let stopped = barrier(client.batch_execute(statement));
            assert!(
                stopped.starts_with("42501"),
                "{function}: {statement}: {stopped}"
            );
        }
        // migrate owns the database; the others cannot even shadow a name.
        if function != "migrate" {
            for statement in [
                "create temp table settlement (x int)",
                "create schema mine",
                "create table public.mine ()",
                "create table gateway.mine ()",
            ] {
                let stopped = barrier(client.batch_execute(statement));
                assert!(
                    stopped.starts_with("42501"),
                    "{function}: {statement}: {stopped}"
                );
            }
        }
    }
    Ok(())
}

/// The database derives each key from the principal that it authenticated. There is no way to name another key, and a
/// claim without one of its parts is none.
#[test]
fn a_key_is_derived_from_the_principal_and_a_claim_without_a_part_is_refused() -> Result<()> {
    let fixture = Fixture::new()?;
    let ids = settlements(&fixture)?;
    let create = format!(
        "'{}', 7, 'EUR', '2099-01-02', null, null, null",
        EUR_FACILITY.id
    );
    let verify = format!("'{}'", ids[1]);
    let cancel = format!("'{}', null", ids[1]);
    let nowhere = SECURED_FACILITY.id.to_string();
    let request = format!("'{nowhere}', 'termination', '{nowhere}', null, null, 'paid'");
    let approve = format!(r"'{nowhere}', '\x00'");
    let mut admin = fixture.admin()?;
    let mut claimed = |actor: &Actor, operation: &str, resource: &str, key: &str| -> Result<i64> {
        let request = Request {
            actor,
            operation,
            resource,
        };
        let key = request.commitment_id(&key.parse().context("a client key")?);
        let sql = format!("select count(*) from ledger.commitment_ledger where key = '\\x{key}'");
        count(&mut admin, &sql)
    };
    let person = |name: &str| -> Result<Actor> {
        let sub = fixture.person(name).person.sub.to_string();
        Ok(Actor::Human(sub.parse().context("a sub")?))
    };
    for (function, resource, rest) in [
        ("create-settlement", "", &create),
        ("verify-settlement", &*ids[1], &verify),
        ("cancel-settlement", &*ids[1], &cancel),
        ("request-release", &*nowhere, &request),
        ("approve-release", &*nowhere, &approve),
    ] {
        let key = idempotency_key();
        let own = human_arguments(&fixture, "mallory", &key, rest)?;
        let mut client = fixture.login(function)?;
        assert_parts_are_needed(&mut client, function, &own)?;
        client.simple_query(&call(function, &own))?;
        let (mallory, alice) = (person("mallory")?, person("alice")?);
        assert_eq!(
            claimed(&mallory, function, resource, &key)?,
            1,
            "{function}"
        );
        assert_eq!(claimed(&alice, function, resource, &key)?, 0, "{function}");
    }
    for (function, agent, event) in [
        ("escrow-webhook", "escrow-one", "escrow.failed"),
        ("settlement-webhook", "settle-one", "settlement.failed"),
        ("collateral-webhook", "collateral-one", "search.reported"),
        ("platform-webhook", "optkas-platform", "member.revoked"),
    ] {
        let data = format!(
            r#"{{"settlement_id": "{0}", "facility_id": "{0}", "reason": "none",
                "allocator_id": "{0}", "sub": "{0}", "role": "maker",
                "search_id": "{0}", "office": "US-DE", "party_id": "{0}", "searched_name": "Nobody",
                "through_on": "2025-01-01", "document_sha256": "00", "findings": []}}"#,
            ids[1]
        );
        let key = idempotency_key();
        let own = format!("'{agent}', {}, '{event}', '{data}'", claim(&key, ""));
        let mut client = fixture.login(function)?;
        assert_parts_are_needed(&mut client, function, &own)?;
        client.simple_query(&call(function, &own))?;
        // A leaf has four digits for the year. What cannot be written into one must never be claimed.
        for time in ODD_TIMES {
            let other = claim(&idempotency_key(), "").replace(
                "\"attempt\"",
                &format!("\"occurred_at\": \"{time}\", \"attempt\""),
            );
            let sql = call(
                function,
                &format!("'{agent}', {other}, '{event}', '{data}'"),
            );
            assert_eq!(
                barrier(client.simple_query(&sql)),
                "23514 commitment_ledger_occurred_at_range",
                "{function} at {time}"
            );
        }
        let actor = Actor::Agent(agent.parse().context("an agent")?);
        assert_eq!(claimed(&actor, function, "", &key)?, 1, "{function}");
    }
    Ok(())
}

/// Times that RFC 3339 cannot write.
const ODD_TIMES: [&str; 4] = [
    "infinity",
    "-infinity",
    "20000-01-01T00:00:00Z",
    "0044-03-15 BC",
];

/// A reply and the trail show instants as RFC 3339. What they could not show is not stored, whoever calls.
#[test]
fn an_instant_that_a_login_gives_is_one_that_replies_can_show() -> Result<()> {
    const STORED: &str = "
        select count(*)
        from (
            select expires_at from capital.settlement where expires_at is not null
            union all select filed_at from collateral.filing
            union all select filed_at from collateral.amendment
            union all select filed_at from collateral.search_finding
        ) as given (at)
        where at not between '0001-01-01T00:00:00Z' and '9999-12-31T23:59:59.999999Z'";
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    let facility = SecuredFacility::good(&fixture, &[])?;
    let terms = &facility.terms;
    let mut stopped = BTreeSet::new();
    for time in ODD_TIMES {
        // So that the office's date does not differ from the instant's.
        let day = time.split('T').next().unwrap_or(time);
        let filed = |event: WebhookEvent| event.with("filed_at", time).with("filed_on", day);
        let found = json!([{ "file_number": "1", "filed_at": time, "secured_party": "Bank" }]);
        let rest = format!(
            "'{}', 100, 'USD', '2099-01-02', null, null, '{time}'",
            terms.facility
        );
        let proposal = human_arguments(&fixture, "alice", &idempotency_key(), &rest)?;
        let mut calls = vec![("create-settlement", proposal)];
        for event in [
            filed(terms.filing(facility.day(-1))),
            filed(terms.amendment(facility.filing, "continuation", facility.day(-1))),
            terms.search(facility.day(-1)).with("findings", found),
        ] {
            let (claim, data) = (
                claim(&idempotency_key(), ""),
                quote(&event.data.to_string()),
            );
            let rest = format!("'{COLLATERAL_AGENT}', {claim}, '{}', {data}", event.kind);
            calls.push(("collateral-webhook", rest));
        }
        for (number, (function, arguments)) in calls.into_iter().enumerate() {
            let answer = fixture
                .login(function)?
                .simple_query(&call(function, &arguments));
            // Some are refused for another reason before.
            if answer.is_err() {
                assert_eq!(
                    barrier(answer),
                    "23514 instant_range",
                    "{function} {number}, {time}"
                );
                stopped.insert(number);
            }
            assert_eq!(count(&mut admin, STORED)?, 0, "{function} {number}, {time}");
        }
    }
    assert_eq!(
        stopped.len(),
        4,
        "each is stopped by its column: {stopped:?}"
    );
    Ok(())
}

/// Each part of the claim in turn under another name, which is as if it were absent.
fn assert_parts_are_needed(client: &mut Client, function: &str, arguments: &str) -> Result<()> {
    for part in ["attempt", "client_key", "fingerprint"] {
        let without = arguments.replace(&format!("\"{part}\""), "\"other\"");
        anyhow::ensure!(without != arguments, "{arguments} has no {part}");
        assert_eq!(
            barrier(client.simple_query(&call(function, &without))),
            "OPK04 claim-incomplete",
            "{function} without {part}"
        );
    }
    Ok(())
}
