//! What a login may set in its session before it calls its function: whatever it is, the answer is the
//! one without it, or none.

use anyhow::Result;
use tests::deployment::{functions, login};
use tests::rig::Rig;
use tests::world::{EUR_FACILITY, USD_FACILITY, find_person, idempotency_key};

use super::settlements;
use crate::direct::{Direct, barrier, call, human_arguments, quote, read};

/// A schema that a hostile session would like to be looked into first.
const HOSTILE_SCHEMA: &str = "
    create schema hostile;
    create table hostile.settlement as select * from capital.settlement;
    create function hostile.sub() returns uuid language sql as $$ select gen_random_uuid() $$;
    create function hostile.present(text) returns void language sql as $$ select $$;
    create function hostile.now() returns timestamptz language sql as $$ select 'epoch'::timestamptz $$;
    create function hostile.equal(uuid, uuid) returns boolean language sql as $$ select true $$;
    create operator hostile.= (leftarg = uuid, rightarg = uuid, function = hostile.equal);
    grant usage on schema hostile to public;
    grant all on all tables in schema hostile to public;
    grant execute on all functions in schema hostile to public";

fn tricks() -> Result<Vec<String>> {
    let alice = find_person("alice")?;
    let set = |name: &str, value: &str| format!("select set_config('{name}', '{value}', false)");
    Ok(vec![
        set("optkas.token", &alice.sub.to_string()),
        set("optkas.agent", "optkas-platform"),
        set("optkas.scope", &alice.allocator.id.to_string()),
        set("optkas.commitment", &"00".repeat(32)),
        set("search_path", "hostile, pg_catalog"),
        set(
            "search_path",
            "hostile, auth, capital, ledger, pg_temp, pg_catalog",
        ),
        set("timezone", "Asia/Tokyo"),
        [
            set("datestyle", "SQL, DMY"),
            set("intervalstyle", "sql_standard"),
            set("bytea_output", "escape"),
        ]
        .join(";"),
        [
            set("standard_conforming_strings", "off"),
            set("transform_null_equals", "on"),
            set("quote_all_identifiers", "on"),
        ]
        .join(";"),
        [
            set("plan_cache_mode", "force_generic_plan"),
            set("enable_indexscan", "off"),
            set("enable_seqscan", "on"),
        ]
        .join(";"),
        set("row_security", "off"),
    ])
}

#[test]
fn what_a_session_sets_changes_no_answer() -> Result<()> {
    let rig = Rig::new()?;
    let ids = settlements(&rig)?;
    rig.admin()?.batch_execute(HOSTILE_SCHEMA)?;
    let token = quote(&rig.person("mallory").token());
    let questions = [
        ("get-settlement", format!("{token}, '{}'", ids[0])),
        ("get-settlement", format!("{token}, '{}'", ids[2])),
        (
            "list-settlements",
            format!("{token}, 100, null, null, null, null, null, null"),
        ),
        ("list-positions", format!("{token}, '2099-01-01T00:00:00Z'")),
        ("list-audit", format!("{token}, 100, null")),
    ];
    for (function, arguments) in questions {
        let sql = call(function, &arguments);
        let expected = read(&rig.login(function)?.simple_query(&sql)?)?;
        for trick in tricks()? {
            let mut client = rig.login(function)?;
            client.batch_execute(&trick)?;
            match client.simple_query(&sql) {
                Ok(rows) => assert_eq!(read(&rows)?, expected, "{function} after {trick}"),
                refused => {
                    let stopped = barrier(refused);
                    assert!(
                        trick.contains("row_security") && stopped.starts_with("42501"),
                        "{function} after {trick}: {stopped}"
                    );
                }
            }
        }
    }
    Ok(())
}

#[test]
fn what_a_session_sets_changes_no_mutation() -> Result<()> {
    let rig = Rig::new()?;
    let ids = settlements(&rig)?;
    rig.admin()?.batch_execute(HOSTILE_SCHEMA)?;
    for trick in tricks()?
        .iter()
        .filter(|trick| !trick.contains("row_security"))
    {
        let mut direct = Direct::new(&rig);
        for function in ["verify-settlement", "cancel-settlement"] {
            direct.client(function)?.batch_execute(trick)?;
            let rest = if function == "cancel-settlement" {
                format!("'{}', null", ids[1])
            } else {
                format!("'{}'", ids[1])
            };
            let reply = direct.human(function, "mallory", &ids[1], &idempotency_key(), &rest)?;
            assert_eq!(
                reply.name(),
                "refused not-found",
                "{function} after {trick}"
            );
        }
        direct.client("create-settlement")?.batch_execute(trick)?;
        let rest = format!(
            "'{}', 7, 'USD', '2099-01-02', null, null, null",
            USD_FACILITY.id
        );
        let reply = direct.human(
            "create-settlement",
            "mallory",
            "",
            &idempotency_key(),
            &rest,
        )?;
        let person = find_person("mallory")?;
        assert_eq!(
            reply.body["allocator_id"],
            person.allocator.id.to_string(),
            "after {trick}"
        );
        assert_eq!(
            reply.body["created_by"],
            person.sub.to_string(),
            "after {trick}"
        );
    }
    Ok(())
}

/// Also within the transaction of an earlier call, whose identity is still established.
#[test]
fn a_second_call_in_a_transaction_is_a_stranger_to_the_first() -> Result<()> {
    let rig = Rig::new()?;
    let ids = settlements(&rig)?;
    let mut client = rig.login("get-settlement")?;
    let mut get = |person: &str| -> Result<u16> {
        let arguments = format!("{}, '{}'", quote(&rig.person(person).token()), ids[0]);
        Ok(read(&client.simple_query(&call("get-settlement", &arguments))?)?.status)
    };
    assert_eq!((get("alice")?, get("mallory")?), (200, 404));
    let mut client = rig.login("get-settlement")?;
    client.batch_execute("begin")?;
    for (person, status) in [("alice", 200), ("mallory", 404), ("alice", 200)] {
        let arguments = format!("{}, '{}'", quote(&rig.person(person).token()), ids[0]);
        assert_eq!(
            read(&client.simple_query(&call("get-settlement", &arguments))?)?.status,
            status,
            "{person}"
        );
    }
    Ok(())
}

/// Every function with arguments of the right types, which need not mean anything.
fn any_call(rig: &Rig, function: &str) -> Result<String> {
    let id = "00000000-0000-4000-8000-000000000000";
    call_with(function, &quote(&rig.person("alice").token()), id)
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
            "verify-settlement" => format!("{token}, 'a', 'k', {hashes}, '{id}'"),
            "escrow-webhook" | "settlement-webhook" => report,
            "platform-webhook" => {
                format!("'optkas-platform', 'a', 'd', {hashes}, 'agent.registered', now(), '{{}}'")
            }
            "expire-settlements" | "prune-tokens" => "'a', 10".to_owned(),
            "sync-jwks" => "'a', '[]'".to_owned(),
            "migrate" => "'a', 'i', 'a', 'p-one'".to_owned(),
            "get-commitment" => format!(r"{token}, '\x00'"),
            "get-settlement" => format!("{token}, '{id}'"),
            "list-audit" => format!("{token}, 10, null"),
            "list-positions" => format!("{token}, null"),
            "list-settlements" => format!("{token}, 10, null, null, null, null, null, null"),
            other => anyhow::bail!("{other} is new: say how to call it"),
        },
    ))
}

#[test]
fn every_function_refuses_a_weaker_isolation_level() -> Result<()> {
    let rig = Rig::new()?;
    for function in functions()? {
        let sql = any_call(&rig, &function)?;
        for level in ["read committed", "repeatable read"] {
            for setting in ["default_transaction_isolation", "transaction_isolation"] {
                let mut client = rig.login(&function)?;
                client.batch_execute("select 1")?;
                client.batch_execute(&if setting == "transaction_isolation" {
                    format!("begin isolation level {level}")
                } else {
                    format!("set {setting} = '{level}'")
                })?;
                assert_eq!(
                    barrier(client.simple_query(&sql)),
                    "OPK04 isolation-too-weak",
                    "{function} at {level}"
                );
            }
        }
    }
    Ok(())
}

#[test]
fn a_login_executes_nothing_of_another_and_becomes_nobody_else() -> Result<()> {
    let rig = Rig::new()?;
    let functions = functions()?;
    let calls = functions
        .iter()
        .map(|function| any_call(&rig, function))
        .collect::<Result<Vec<_>>>()?;
    for function in &functions {
        let mut client = rig.login(function)?;
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
            "select auth.present('x')",
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
fn nobody_claims_a_key_that_does_not_follow_from_the_principal() -> Result<()> {
    const REFUSED: &str = "OPK04 idempotency-key-not-derived";
    let rig = Rig::new()?;
    let ids = settlements(&rig)?;
    let create = format!(
        "'{}', 7, 'EUR', '2099-01-02', null, null, null",
        EUR_FACILITY.id
    );
    let verify = format!("'{}'", ids[1]);
    let cancel = format!("'{}', null", ids[1]);
    for (function, resource, rest) in [
        ("create-settlement", "", &create),
        ("verify-settlement", &*ids[1], &verify),
        ("cancel-settlement", &*ids[1], &cancel),
    ] {
        let key = idempotency_key();
        let own = human_arguments(&rig, function, "mallory", resource, &key, rest)?;
        let bytes = |arguments: &str| {
            arguments
                .split(", ")
                .nth(3)
                .map(str::to_owned)
                .unwrap_or_default()
        };
        let squatted = [
            bytes(&human_arguments(
                &rig, function, "alice", resource, &key, rest,
            )?),
            bytes(&human_arguments(
                &rig,
                "another-operation",
                "mallory",
                resource,
                &key,
                rest,
            )?),
            bytes(&human_arguments(
                &rig,
                function,
                "mallory",
                "another-resource",
                &key,
                rest,
            )?),
            bytes(&human_arguments(
                &rig,
                function,
                "mallory",
                resource,
                &idempotency_key(),
                rest,
            )?),
            r"'\x00'".to_owned(),
            "null".to_owned(),
        ];
        let mut client = rig.login(function)?;
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
        ("platform-webhook", "optkas-platform", "agent.registered"),
    ] {
        let what = if function == "platform-webhook" {
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
                rig.login(function)?
                    .simple_query(&call(function, &arguments))
            ),
            REFUSED,
            "{function}"
        );
    }
    Ok(())
}
