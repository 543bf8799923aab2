//! The limits of a login: it calls its own functions only, takes no other role, and claims keys for its own principal
//! only.

use anyhow::{Context as _, Result};
use generate::Isolation;
use tests::deployment::{functions, login};
use tests::fixture::Fixture;
use tests::sample_data::{EUR_FACILITY, SECURED_FACILITY, idempotency_key};

use super::settlements;
use crate::direct::{barrier, call, human_arguments, quote};
use crate::endpoints::TABLE;

/// Every function with arguments of the right types but without meaning.
fn any_call(fixture: &Fixture, function: &str) -> Result<String> {
    let id = "00000000-0000-4000-8000-000000000000";
    call_with(function, &quote(&fixture.person("alice").token()), id)
}

/// A call of each function with that token and that settlement, where it takes one.
pub(crate) fn call_with(function: &str, token: &str, id: &str) -> Result<String> {
    let hashes = r"'\x00', '\x00'";
    let report = format!(
        "'escrow-one', 'a', 'd', {hashes}, 'escrow.funded', now(), '{id}', '{id}', 1, 'USD', null"
    );
    Ok(call(
        function,
        &match function {
            "cancel-settlement" => format!("{token}, 'a', 'k', {hashes}, '{id}', null"),
            "create-settlement" => format!(
                "{token}, 'a', 'k', {hashes}, '{id}', 1, 'USD', '2099-01-02', null, null, null"
            ),
            "create-risk-run" => format!("{token}, 'a', 'k', {hashes}, 'USD', null"),
            "list-risk-runs" => format!("{token}, 10, null, null"),
            "verify-settlement" => format!("{token}, 'a', 'k', {hashes}, '{id}'"),
            "request-release" => {
                format!("{token}, 'a', 'k', {hashes}, '{id}', 'termination', '{id}', null, 'paid'")
            }
            "approve-release" => format!(r"{token}, 'a', 'k', {hashes}, '{id}', '\x00'"),
            "collateral-webhook" => {
                format!("'collateral-one', 'a', 'd', {hashes}, 'search.reported', now(), '{{}}'")
            }
            "escrow-webhook" | "settlement-webhook" => report,
            "platform-webhook" => {
                format!("'optkas-platform', 'a', 'd', {hashes}, 'agent.registered', now(), '{{}}'")
            }
            "anchor-checkpoint" => "'a', 1, null".to_owned(),
            "sign-checkpoint" => "'a', 0, 10, null".to_owned(),
            "reconcile-books" => "'allocators', null, 10".to_owned(),
            "expire-settlements" | "prune-tokens" | "sequence-tlog" => "'a', 10".to_owned(),
            "sync-jwks" => "'a', '[]'".to_owned(),
            "migrate" => "'a', 'i', 'a', 'p-one'".to_owned(),
            "monitor-collateral" => "'a', null".to_owned(),
            "get-checkpoint" => token.to_owned(),
            "get-commitment" | "get-commitment-proof" => format!(r"{token}, '\x00'"),
            "get-facility" | "get-risk-run" | "get-settlement" => format!("{token}, '{id}'"),
            "get-facility-collateral" => format!("{token}, '{id}', 10, null"),
            "list-audit" | "list-facilities" => format!("{token}, 10, null"),
            "list-positions" => format!("{token}, null"),
            "list-settlements" => format!("{token}, 10, null, null, null, null, null, null"),
            other => anyhow::bail!("{other} is new: say how to call it"),
        },
    ))
}

#[test]
fn every_function_refuses_another_isolation_level_than_its_own() -> Result<()> {
    let fixture = Fixture::new()?;
    for function in functions()? {
        let sql = any_call(&fixture, &function)?;
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
                    "{function} at {level}"
                );
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
        .map(|function| any_call(&fixture, function))
        .collect::<Result<Vec<_>>>()?;
    for function in &functions {
        let mut client = fixture.login(function)?;
        for (other, sql) in functions
            .iter()
            .zip(&calls)
            .filter(|(other, _)| *other != function)
        {
            let stopped = barrier(client.simple_query(sql));
            assert_eq!(
                stopped,
                format!("42501 permission denied for function {}", login(other)),
                "{function}"
            );
        }
        let denied = [
            "select auth.authenticate('x')",
            "select auth.scope_to('a0000000-0000-4000-8000-000000000001')",
            "select ledger.claim('a', 'o', '', 'k', 'k', 'f')",
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

#[test]
fn no_login_claims_a_key_that_is_not_derived_from_its_principal() -> Result<()> {
    const REFUSED: &str = "OPK04 idempotency-key-not-derived";
    let fixture = Fixture::new()?;
    let ids = settlements(&fixture)?;
    let create = format!(
        "'{}', 7, 'EUR', '2099-01-02', null, null, null",
        EUR_FACILITY.id
    );
    let verify = format!("'{}'", ids[1]);
    let cancel = format!("'{}', null", ids[1]);
    let nowhere = SECURED_FACILITY.id.to_string();
    let request = format!("'{nowhere}', 'termination', '{nowhere}', null, 'paid'");
    let approve = format!(r"'{nowhere}', '\x00'");
    for (function, resource, rest) in [
        ("create-settlement", "", &create),
        ("verify-settlement", &*ids[1], &verify),
        ("cancel-settlement", &*ids[1], &cancel),
        ("request-release", &*nowhere, &request),
        ("approve-release", &*nowhere, &approve),
    ] {
        let key = idempotency_key();
        let own = human_arguments(&fixture, function, "mallory", resource, &key, rest)?;
        let bytes = |arguments: &str| {
            arguments
                .split(", ")
                .nth(3)
                .map(str::to_owned)
                .unwrap_or_default()
        };
        let squatted = [
            bytes(&human_arguments(
                &fixture, function, "alice", resource, &key, rest,
            )?),
            bytes(&human_arguments(
                &fixture,
                "another-operation",
                "mallory",
                resource,
                &key,
                rest,
            )?),
            bytes(&human_arguments(
                &fixture,
                function,
                "mallory",
                "another-resource",
                &key,
                rest,
            )?),
            bytes(&human_arguments(
                &fixture,
                function,
                "mallory",
                resource,
                &idempotency_key(),
                rest,
            )?),
            r"'\x00'".to_owned(),
            "null".to_owned(),
        ];
        let mut client = fixture.login(function)?;
        for other in squatted {
            let sql = call(function, &own.replace(&bytes(&own), &other));
            assert_eq!(
                barrier(client.simple_query(&sql)),
                REFUSED,
                "{function}: {sql}"
            );
        }
    }
    for (function, agent, another) in [
        ("escrow-webhook", "escrow-one", "escrow.funded"),
        ("settlement-webhook", "settle-one", "settlement.completed"),
        ("collateral-webhook", "collateral-one", "search.reported"),
        ("platform-webhook", "optkas-platform", "agent.registered"),
    ] {
        let what = if ["collateral-webhook", "platform-webhook"].contains(&function) {
            "'{}'".to_owned()
        } else {
            format!("'{0}', '{0}', 1, 'USD', null", ids[1])
        };
        let arguments = format!(
            r"'{agent}', 'a', 'delivery', '\x{}', '\x{0}', '{another}', now(), {what}",
            "ab".repeat(32)
        )
        .replace("{0}", &"ab".repeat(32));
        assert_eq!(
            barrier(
                fixture
                    .login(function)?
                    .simple_query(&call(function, &arguments))
            ),
            REFUSED,
            "{function}"
        );
    }
    Ok(())
}
