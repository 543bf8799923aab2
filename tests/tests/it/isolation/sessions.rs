//! Settings that a login makes in its session before it calls its function: the answer stays the same, or the call
//! fails.

use anyhow::Result;
use tests::fixture::Fixture;
use tests::sample_data::{SECURED_FACILITY, USD_FACILITY, find_person, idempotency_key};

use super::settlements;
use crate::direct::{Direct, barrier, call, quote, read};

/// A schema that a hostile session puts first in the search path.
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
        set(
            "optkas.identity",
            &format!(
                "{}(human,{1},{1},{2},\"{{maker,checker}}\")",
                "00".repeat(32),
                alice.sub,
                alice.allocator.id
            ),
        ),
        set("optkas.commitment", &"00".repeat(32)),
        set("optkas.facility", &SECURED_FACILITY.id.to_string()),
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
fn session_settings_change_no_answer() -> Result<()> {
    let fixture = Fixture::new()?;
    let ids = settlements(&fixture)?;
    fixture.admin()?.batch_execute(HOSTILE_SCHEMA)?;
    let token = quote(&fixture.person("mallory").token());
    let questions = [
        ("get-settlement", format!("{token}, '{}'", ids[0])),
        ("get-settlement", format!("{token}, '{}'", ids[2])),
        (
            "list-settlements",
            format!("{token}, 100{}", ", null".repeat(13)),
        ),
        ("list-positions", format!("{token}, '2099-01-01T00:00:00Z'")),
        ("list-audit", format!("{token}, 100, null")),
        ("list-facilities", format!("{token}, 100, null")),
        (
            "get-facility-collateral",
            format!("{token}, '{}', 100, null", SECURED_FACILITY.id),
        ),
    ];
    for (function, arguments) in questions {
        let sql = call(function, &arguments);
        let expected = read(&fixture.login(function)?.simple_query(&sql)?)?;
        for trick in tricks()? {
            let mut client = fixture.login(function)?;
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
fn session_settings_change_no_mutation() -> Result<()> {
    let fixture = Fixture::new()?;
    let ids = settlements(&fixture)?;
    fixture.admin()?.batch_execute(HOSTILE_SCHEMA)?;
    for trick in tricks()?
        .iter()
        .filter(|trick| !trick.contains("row_security"))
    {
        let mut direct = Direct::new(&fixture);
        for function in ["verify-settlement", "cancel-settlement"] {
            direct.client(function)?.batch_execute(trick)?;
            let rest = if function == "cancel-settlement" {
                format!("'{}', null", ids[1])
            } else {
                format!("'{}'", ids[1])
            };
            let reply = direct.human(function, "mallory", &idempotency_key(), &rest)?;
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
        let reply = direct.human("create-settlement", "mallory", &idempotency_key(), &rest)?;
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
fn a_second_call_in_a_transaction_keeps_nothing_of_the_first() -> Result<()> {
    let fixture = Fixture::new()?;
    let ids = settlements(&fixture)?;
    let mut client = fixture.login("get-settlement")?;
    let mut get = |person: &str| -> Result<String> {
        let arguments = format!("{}, '{}'", quote(&fixture.person(person).token()), ids[0]);
        Ok(read(&client.simple_query(&call("get-settlement", &arguments))?)?.name())
    };
    assert_eq!(
        (&*get("alice")?, &*get("mallory")?),
        ("ok", "refused not-found")
    );
    let mut client = fixture.login("get-settlement")?;
    client.batch_execute("begin")?;
    for (person, name) in [
        ("alice", "ok"),
        ("mallory", "refused not-found"),
        ("alice", "ok"),
    ] {
        let arguments = format!("{}, '{}'", quote(&fixture.person(person).token()), ids[0]);
        assert_eq!(
            read(&client.simple_query(&call("get-settlement", &arguments))?)?.name(),
            name,
            "{person}"
        );
    }
    Ok(())
}
