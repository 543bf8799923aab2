//! Attempts against the seal: who acts is a setting that a login can read and write. It is believed in the transaction,
//! the session and the login that it was made for, and as it was made.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use postgres::Client;
use serde_json::json;
use tests::deployment::functions;
use tests::sample_data::{AURORA, BOREALIS, PLATFORM, find_person, idempotency_key};

use super::fixture::{AttackFixture, endpoints, seen, shown};
use crate::direct::{attempt, barrier, call, claim, quote};
use crate::endpoints::{PEOPLES, TABLE};
use crate::isolation::call_with;

const READ: &str = "select pg_catalog.current_setting('optkas.identity', true)";
const NO_ID: &str = "00000000-0000-4000-8000-000000000000";

fn set(seal: &str, local: bool) -> String {
    format!(
        "select pg_catalog.set_config('optkas.identity', {}, {local})",
        quote(seal)
    )
}

fn read(client: &mut Client) -> Result<String> {
    Ok(client
        .query_one(READ, &[])?
        .get::<_, Option<String>>(0)
        .unwrap_or_default())
}

/// A call that authenticates the login's own principal, and goes on to commit: mallory, an agent or the job itself.
fn presentations(fixture: &AttackFixture, function: &str) -> Result<Vec<String>> {
    let own = TABLE.find(function).context("a row")?.gateway_functions();
    own.iter()
        .map(|name| match &**name {
            // An event that has its members; the allocator is there already.
            "platform_webhook" => {
                let data = json!({ "allocator_id": AURORA.id, "legal_name": "Aurora" });
                let rest = format!("'allocator.onboarded', {}", quote(&data.to_string()));
                let claim = claim(&idempotency_key(), &rest);
                Ok(call(function, &format!("'{PLATFORM}', {claim}, {rest}")))
            }
            _ => call_with(name, &fixture.own(), NO_ID),
        })
        .collect()
}

/// A genuine seal of a login, with the call that made it; its transaction is still open. `None` if no call of this
/// login's succeeds without more arguments.
fn sealed(
    fixture: &AttackFixture,
    function: &str,
    client: &mut Client,
) -> Result<Option<(String, String)>> {
    for sql in presentations(fixture, function)? {
        client.batch_execute("begin")?;
        if client.batch_execute(&sql).is_ok() {
            let seal = read(client)?;
            if !seal.is_empty() {
                return Ok(Some((seal, sql)));
            }
        }
        client.batch_execute("rollback")?;
    }
    Ok(None)
}

/// What an attacker wants to be.
fn identities() -> Result<Vec<String>> {
    let alice = find_person("alice")?.sub;
    let aurora = AURORA.id;
    Ok(vec![
        format!(r#"(human,{alice},{alice},{aurora},"{{maker,checker}}")"#),
        format!("(agent,{PLATFORM},,{aurora},)"),
        format!("(agent,escrow-one,,{aurora},)"),
        format!("(system,reconcile-books,,{aurora},)"),
        format!("(system,migrate,,{aurora},)"),
    ])
}

/// An identity under every MAC that needs no key.
fn forgeries(identity: &str) -> Vec<String> {
    let mut macs: Vec<String> = ["0", "f", " ", "x"].map(|digit| digit.repeat(64)).into();
    macs.push(String::new());
    macs.push("00".repeat(31));
    // The bare hash, and the MAC under a key of the attacker's, here no octets.
    let hash = |octets: &[u8]| ring::digest::digest(&ring::digest::SHA256, octets);
    macs.push(tests::secrets::hex(hash(identity.as_bytes()).as_ref()));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"");
    macs.push(tests::secrets::hex(
        ring::hmac::sign(&key, identity.as_bytes()).as_ref(),
    ));
    let mut all: Vec<String> = macs.iter().map(|mac| format!("{mac}{identity}")).collect();
    all.push("(".to_owned());
    all
}

#[test]
fn a_forged_seal_is_believed_of_no_login() -> Result<()> {
    let fixture = AttackFixture::new()?;
    for function in endpoints()? {
        let mut client = fixture.base.login(&function)?;
        let nobody = seen(&mut client, "select 1")?;
        for identity in identities()? {
            for (place, forged) in forgeries(&identity).iter().enumerate() {
                let seen = seen(&mut client, &set(forged, place % 2 == 0))?;
                assert_eq!(seen, nobody, "{function}: {forged}");
            }
        }
    }
    Ok(())
}

/// Each genuine seal is changed into what an attacker wants, in its own transaction.
#[test]
fn a_seal_is_believed_only_as_it_was_made() -> Result<()> {
    let fixture = AttackFixture::new()?;
    // The attempts may take as long as they like.
    fixture.base.owner()?.batch_execute(
        "create or replace function auth.transaction_age_max() returns interval
         language sql immutable parallel safe return interval '1 hour'",
    )?;
    let mut tried = BTreeSet::new();
    for function in endpoints()? {
        let mut client = fixture.base.login(&function)?;
        let nobody = seen(&mut client, "select 1")?;
        let Some((seal, _)) = sealed(&fixture, &function, &mut client)? else {
            continue;
        };
        let (mac, identity) = seal.split_at(64);
        let mine = shown(&mut client)?;
        let borealis = BOREALIS.id.to_string();
        let mut changed = vec![
            format!("{mac}{identity} "),
            format!("{mac} {identity}"),
            format!("{}{identity}", mac.to_uppercase()),
            format!(
                "{mac}{}",
                identity.replace(&borealis, &AURORA.id.to_string())
            ),
            format!("{mac}{}", identity.replace("system", "human")),
            format!("{mac}{}", identity.replace("agent", "human")),
            format!(
                "{mac}{}",
                identity.replace(",,)", &format!(",{},)", AURORA.id))
            ),
            seal[..64].to_owned(),
            seal[1..].to_owned(),
        ];
        changed.extend(identities()?.iter().map(|wanted| format!("{mac}{wanted}")));
        // Each digit of the MAC counts.
        changed.extend((0..64).map(|place| {
            let digit = if seal.as_bytes()[place] == b'0' {
                "1"
            } else {
                "0"
            };
            format!("{}{digit}{}", &seal[..place], &seal[place + 1..])
        }));
        for changed in changed.iter().filter(|changed| **changed != seal) {
            client.batch_execute(&set(changed, true))?;
            assert_eq!(shown(&mut client)?, nobody, "{function}: {changed}");
        }
        // As it was made it is believed again.
        client.batch_execute(&set(&seal, true))?;
        assert_eq!(shown(&mut client)?, mine, "{function}");
        client.batch_execute("rollback")?;
        tried.insert(function);
    }
    for function in PEOPLES.iter() {
        assert!(tried.contains(*function), "{function} was not tried");
    }
    for function in ["escrow-webhook", "platform-webhook", "expire-settlements"] {
        assert!(tried.contains(function), "{function} was not tried");
    }
    Ok(())
}

#[test]
fn a_seal_is_worth_nothing_in_another_transaction_session_or_login() -> Result<()> {
    let fixture = AttackFixture::new()?;
    let mut bystander = fixture.base.login("get-settlement")?;
    let by_nobody = seen(&mut bystander, "select 1")?;
    let mut writers = 0;
    for function in endpoints()? {
        let mut client = fixture.base.login(&function)?;
        let nobody = seen(&mut client, "select 1")?;
        let Some((seal, sql)) = sealed(&fixture, &function, &mut client)? else {
            continue;
        };
        // While its transaction is open: another session of the login, and of another login.
        let mut second = fixture.base.login(&function)?;
        assert_eq!(seen(&mut second, &set(&seal, true))?, nobody, "{function}");
        assert_eq!(
            seen(&mut bystander, &set(&seal, true))?,
            by_nobody,
            "{function}"
        );
        // Kept for the session, so that the next transaction has it.
        client.batch_execute(&set(&seal, false))?;
        client.batch_execute("commit and chain")?;
        assert_eq!(read(&mut client)?, seal, "the session keeps it");
        assert_eq!(shown(&mut client)?, nobody, "{function}, chained");
        client.batch_execute("rollback and chain")?;
        assert_eq!(
            shown(&mut client)?,
            nobody,
            "{function}, chained by a rollback"
        );
        client.batch_execute("rollback")?;
        for local in [true, false] {
            assert_eq!(seen(&mut client, &set(&seal, local))?, nobody, "{function}");
        }
        // In one message, whose transactions begin at one time: what was written tells them apart.
        let kept = "select pg_catalog.set_config('mine.seal', \
            pg_catalog.current_setting('optkas.identity'), false)";
        let wrote = "select pg_catalog.set_config('mine.wrote', \
            coalesce(pg_catalog.pg_current_xact_id_if_assigned()::pg_catalog.text, ''), false)";
        client.batch_execute(&format!(
            "begin; {sql}; {kept}; {wrote}; commit and chain;
             select pg_catalog.set_config('optkas.identity', pg_catalog.current_setting('mine.seal'), true)"
        ))?;
        let wrote: String = client
            .query_one("select pg_catalog.current_setting('mine.wrote')", &[])?
            .get(0);
        if !wrote.is_empty() {
            writers += 1;
            assert_eq!(shown(&mut client)?, nobody, "{function}, in one message");
        }
        client.batch_execute("rollback")?;
        // What was planted before does not outlast an authentication.
        client.batch_execute(&format!("begin; {}", set(&seal, false)))?;
        if client.batch_execute(&sql).is_ok() {
            assert_ne!(read(&mut client)?, seal, "{function}");
        }
        client.batch_execute("rollback")?;
    }
    assert!(writers > 3, "{writers} wrote");
    Ok(())
}

/// A clock that goes back brings the same start of a transaction again: here all of them begin at one time. What was
/// written in between tells them apart.
#[test]
fn a_seal_is_worth_nothing_after_the_clock_has_gone_back() -> Result<()> {
    let fixture = AttackFixture::new()?;
    let mut admin = fixture.base.admin()?;
    let definition: String = admin
        .query_one(
            "select pg_get_functiondef('auth.sealed_octets'::regproc)",
            &[],
        )?
        .get(0);
    // PostgreSQL writes it as the keyword or as the function, by version.
    let stopped = definition
        .replace("transaction_timestamp()", "'epoch'::timestamptz")
        .replace("now()", "'epoch'::timestamptz");
    assert_ne!(stopped, definition);
    admin.batch_execute(&stopped)?;
    for function in PEOPLES.iter().copied() {
        let mut client = fixture.base.login(function)?;
        let nobody = seen(&mut client, "select 1")?;
        let (seal, _) = sealed(&fixture, function, &mut client)?.context("a person's call")?;
        let mine = shown(&mut client)?;
        assert_ne!(mine, nobody, "{function}");
        client.batch_execute("commit")?;
        admin.batch_execute("select pg_current_xact_id()")?;
        assert_eq!(seen(&mut client, &set(&seal, true))?, nobody, "{function}");
    }
    Ok(())
}

#[test]
fn an_identity_follows_the_seal_through_savepoints_resets_and_kept_plans() -> Result<()> {
    let fixture = AttackFixture::new()?;
    let mut client = fixture.base.login("list-positions")?;
    let positions = |token: &str| call("list-positions", &format!("{token}, null"));
    let own = positions(&fixture.own());
    let hers = positions(&quote(&fixture.base.person("alice").token()));
    // The memo has both, so that the transactions below only read.
    client.batch_execute(&own)?;
    client.batch_execute(&hers)?;
    for mode in ["auto", "force_generic_plan", "force_custom_plan"] {
        client.batch_execute(&format!(
            "set plan_cache_mode = {mode};
             set parallel_setup_cost = 0; set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0"
        ))?;
        // One statement, planned once for the session.
        let kept = client
            .prepare("select id::pg_catalog.text from gateway.unguarded() as id order by 1")?;
        let rows = |client: &mut Client| -> Result<BTreeSet<String>> {
            let rows = client.query(&kept, &[])?;
            Ok(rows.iter().map(|row| row.get(0)).collect())
        };
        let whose = |rows: &BTreeSet<String>| -> Vec<&str> {
            [("mallory", BOREALIS.id), ("alice", AURORA.id)]
                .into_iter()
                .filter(|(_, allocator)| rows.contains(&allocator.to_string()))
                .map(|(name, _)| name)
                .collect()
        };
        client.batch_execute("begin")?;
        assert!(rows(&mut client)?.is_empty(), "{mode}: nobody");
        client.batch_execute(&format!("savepoint s; {own}"))?;
        assert_eq!(whose(&rows(&mut client)?), ["mallory"], "{mode}");
        client.batch_execute("rollback to s")?;
        assert!(
            rows(&mut client)?.is_empty(),
            "{mode}: as before the savepoint"
        );
        client.batch_execute(&format!("{own}; savepoint s; {hers}"))?;
        assert_eq!(
            whose(&rows(&mut client)?),
            ["alice"],
            "{mode}: the later token"
        );
        client.batch_execute("rollback to s")?;
        assert_eq!(
            whose(&rows(&mut client)?),
            ["mallory"],
            "{mode}: the earlier again"
        );
        for end in ["reset optkas.identity", "reset all"] {
            client.batch_execute(&format!("savepoint r; {end}"))?;
            assert!(rows(&mut client)?.is_empty(), "{mode}: {end}");
            client.batch_execute("rollback to r")?;
            assert_eq!(
                whose(&rows(&mut client)?),
                ["mallory"],
                "{mode}: {end} undone"
            );
        }
        client.batch_execute("commit")?;
        assert!(
            rows(&mut client)?.is_empty(),
            "{mode}: the next transaction"
        );
        client.batch_execute("discard plans; set plan_cache_mode = auto")?;
    }
    Ok(())
}

/// Who could read the key could be anybody. Nobody can, a part of it by statistics included; and without a key nobody
/// is believed.
#[test]
fn the_key_of_seals_is_read_by_nobody() -> Result<()> {
    let fixture = AttackFixture::new()?;
    let mut admin = fixture.base.admin()?;
    admin.batch_execute("analyze auth.seal_key")?;
    for function in functions()?
        .iter()
        .filter(|function| *function != "migrate")
    {
        let mut client = fixture.base.login(function)?;
        let stopped = attempt(&mut client, "select from auth.seal_key")?;
        assert!(stopped.starts_with("42501"), "{function}: {stopped}");
        let statistics = client.query(
            "select from pg_catalog.pg_stats where tablename operator(pg_catalog.=) 'seal_key'",
            &[],
        )?;
        assert!(statistics.is_empty(), "{function}");
    }
    admin.batch_execute("set role optkas_auditor")?;
    let stopped = barrier(admin.batch_execute("select inner_pad from auth.seal_key"));
    assert!(stopped.starts_with("42501"), "{stopped}");
    admin.batch_execute("reset role")?;

    let mut old = fixture.base.login("list-positions")?;
    old.batch_execute(&format!("begin; {}", positions_of(&fixture)))?;
    let mine = shown(&mut old)?;
    assert_ne!(mine, [""; 0]);
    let again: String = admin
        .query_one(
            "select format('select from gateway.migrate(''a'', %L)', jsonb_build_object(
                'issuer', issuer, 'audience', audience, 'client_ids', client_ids, 'platform_agent_id', $1::text))
             from auth.expected_claims",
            &[&PLATFORM],
        )?
        .get(0);
    // As each deployment does. A transaction that is open goes on with the key that it began with.
    fixture.base.login("migrate")?.batch_execute(&again)?;
    assert_eq!(shown(&mut old)?, mine);
    old.batch_execute("rollback")?;
    let keys = |admin: &mut Client| -> Result<Vec<Vec<u8>>> {
        let rows = admin.query("select inner_pad from auth.seal_key", &[])?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    };
    let first = keys(&mut admin)?;
    fixture.base.login("migrate")?.batch_execute(&again)?;
    let second = keys(&mut admin)?;
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_ne!(first, second);
    admin.batch_execute("delete from auth.seal_key")?;
    for function in endpoints()? {
        let mut client = fixture.base.login(&function)?;
        for sql in presentations(&fixture, &function)? {
            let stopped = barrier(client.batch_execute(&sql));
            assert_eq!(stopped, "OPK04 seal-key-missing", "{function}");
        }
    }
    Ok(())
}

fn positions_of(fixture: &AttackFixture) -> String {
    call("list-positions", &format!("{}, null", fixture.own()))
}
