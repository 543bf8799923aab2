//! Every outcome gets one place in the log with its own bytes, beside concurrent writers, rollbacks and transactions
//! that never end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use postgres::Client;
use postgres::error::SqlState;
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::http::Transport as _;
use tests::lambda::{Answer, Invocation};
use tests::sample_data::idempotency_key;
use tlog::leaf::{Leaf, tagged_hash};
use tlog::merkle::{Tree, leaf_hash};

use crate::direct::{Direct, claim, token};
use crate::locks::until;
use crate::mutations::creation;
use crate::settlements::{AMOUNT, pending, proposal, propose};
use crate::support::{count, together};

const SEQUENCE: &str = "sequence-tlog";
const WRITERS: usize = 24;
const ROUNDS: usize = 8;

/// Sequences until no outcome waits. Other tests' transactions in the same cluster hold the horizon back as well.
fn sequence_all(fixture: &Fixture) -> Result<Value> {
    let mut sequencer = fixture.login(SEQUENCE)?;
    let mut body = Value::Null;
    until("the log is complete", || {
        body = batch(&mut sequencer, 100)?;
        Ok(body["backlog"] == 0)
    })?;
    Ok(body)
}

/// One batch, as the login.
pub(crate) fn batch(sequencer: &mut Client, size: i32) -> Result<Value> {
    let sql = "select body from gateway.sequence_tlog($1)";
    Ok(sequencer.query_one(sql, &[&size])?.try_get(0)?)
}

/// The log is the outcomes, each once, in the order of their transactions, and the tree is that of their leaves.
fn assert_log(admin: &mut Client) -> Result<()> {
    let lost = "select count(*) from ledger.commitment_outcome as o
        where not exists (select from tlog.entry as e where e.key = o.key)";
    assert_eq!(count(admin, lost)?, 0, "outcomes without a place");
    let unordered = "select count(*) from (
            select index, row_number() over (order by epoch, xid, key) - 1 as due from tlog.entry
        ) as e where index <> due";
    assert_eq!(count(admin, unordered)?, 0, "entries out of place");
    let mut tree = Tree::new();
    for row in admin.query(
        "select o.leaf from tlog.entry as e join ledger.commitment_outcome as o using (key) order by e.index",
        &[],
    )? {
        tree.push(leaf_hash(row.try_get::<_, String>(0)?.as_bytes()));
    }
    let root: Vec<u8> = admin
        .query_one("select tlog.root(tlog.size())", &[])?
        .try_get(0)?;
    assert_eq!(root, tree.root().as_bytes(), "the root of {}", tree.size());
    Ok(())
}

#[test]
fn concurrent_writers_lose_nothing_where_a_cursor_by_number_would() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    // The control: a number that is given out before the commit, and a reader that continues from the last number seen.
    admin.batch_execute(
        "create table public.control (id bigint generated always as identity);
         grant usage on schema public to optkas_owner;
         grant insert on public.control to optkas_owner",
    )?;
    let token = token(&fixture, "alice")?;
    // The memo of verified tokens would be a race of its own.
    fixture.owner()?.batch_execute(&format!(
        "begin isolation level serializable; select auth.authenticate_member({token}); commit"
    ))?;
    let done = AtomicBool::new(false);
    let seen_by_cursor = thread::scope(|scope| -> Result<usize> {
        let sequencing = scope.spawn(|| -> Result<()> {
            let mut sequencer = fixture.login(SEQUENCE)?;
            while !done.load(Ordering::Relaxed) {
                batch(&mut sequencer, 5)?;
            }
            sequence_all(&fixture).map(drop)
        });
        let reading = scope.spawn(|| -> Result<usize> {
            let (mut reader, mut last, mut seen) = (fixture.admin()?, 0_i64, 0);
            loop {
                let ending = done.load(Ordering::Relaxed);
                for row in reader.query(
                    "select id from public.control where id > $1 order by id",
                    &[&last],
                )? {
                    last = row.try_get(0)?;
                    seen += 1;
                }
                if ending {
                    return Ok(seen);
                }
            }
        });
        let writing = together(WRITERS, |writer| write(&fixture, &token, writer));
        done.store(true, Ordering::Relaxed);
        sequencing.join().expect("it has said why")?;
        let seen = reading.join().expect("it has said why")?;
        writing?;
        Ok(seen)
    })?;
    assert_log(&mut admin)?;
    let committed = count(&mut admin, "select count(*) from public.control")?;
    assert_eq!(committed, i64::try_from(WRITERS * ROUNDS * 3 / 4)?);
    assert!(
        i64::try_from(seen_by_cursor)? < committed,
        "the control lost nothing of {committed}: this race proves nothing"
    );
    Ok(())
}

/// The statements of a mutation's transaction, as the owner.
fn commitment(token: &str) -> String {
    let claim = claim(&idempotency_key(), "");
    format!(
        "select auth.authenticate_member({token});
         select ledger.claim('', {claim});
         select ledger.conclude('accepted', 200, auth.allocator_id(), '{{}}')"
    )
}

/// Commitments in transactions of all lengths; one in four is rolled back. In tables this small writers may abort each
/// other; they then try again.
fn write(fixture: &Fixture, token: &str, writer: usize) -> Result<()> {
    let mut owner = fixture.owner()?;
    for round in 0..ROUNDS {
        let commitment = commitment(token);
        let pause_ms = (writer * 7 + round * 13) % 20;
        let end = if round % 4 == 3 { "rollback" } else { "commit" };
        let transaction = format!(
            "begin isolation level serializable; {commitment};
             insert into public.control default values;
             select pg_sleep(0.001 * {pause_ms}); {end}"
        );
        while let Err(error) = owner.batch_execute(&transaction) {
            owner.batch_execute("rollback")?;
            if error.code() != Some(&SqlState::T_R_SERIALIZATION_FAILURE) {
                return Err(error.into());
            }
        }
    }
    Ok(())
}

#[test]
fn a_sequencer_between_any_two_statements_of_a_writer_does_not_abort_it() -> Result<()> {
    let fixture = Fixture::new()?;
    let token = token(&fixture, "alice")?;
    let mut sequencer = fixture.login(SEQUENCE)?;
    let mut one = fixture.owner()?;
    one.batch_execute("begin isolation level serializable")?;
    for statement in commitment(&token).split(';') {
        one.batch_execute(statement)?;
        batch(&mut sequencer, 100)?;
        one.batch_execute("select tlog.root(tlog.size())")?;
    }
    one.batch_execute("commit")?;
    sequence_all(&fixture)?;
    assert_log(&mut fixture.admin()?)
}

#[test]
fn a_writer_that_never_ends_holds_the_log_back_and_is_reported() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    sequence_all(&fixture)?;
    let mut stuck = fixture.admin()?;
    stuck.batch_execute("begin; select pg_current_xact_id()")?;
    let before = count(&mut admin, "select tlog.size()")?;
    pending(&fixture, AMOUNT)?;
    thread::sleep(Duration::from_millis(30));
    let mut sequencer = fixture.login(SEQUENCE)?;
    let held = batch(&mut sequencer, 100)?;
    assert_eq!(
        (&held["sequenced"], &held["backlog"]),
        (&json!(0), &json!(1))
    );
    assert!(
        held["horizon_lag_ms"].as_u64().context("a number")? >= 30,
        "{held}"
    );
    let report = fixture
        .function(SEQUENCE)?
        .invoke(Invocation::new(&Value::Null))?;
    assert_eq!(report.json()["size"], before);
    let logs = fixture.function(SEQUENCE)?.logs();
    assert!(logs.contains("\"log_backlog\":1"), "{logs}");
    stuck.batch_execute("rollback")?;
    assert_eq!(sequence_all(&fixture)?["horizon_lag_ms"], 0);
    assert_log(&mut admin)
}

#[test]
fn only_one_sequencer_runs_at_a_time() -> Result<()> {
    let fixture = Fixture::new()?;
    pending(&fixture, AMOUNT)?;
    let mut first = fixture.login(SEQUENCE)?;
    let mut second = fixture.login(SEQUENCE)?;
    first.batch_execute("begin")?;
    let mut placed = Value::Null;
    until("something can be placed", || {
        placed = batch(&mut first, 1_000)?;
        Ok(placed["size"].as_u64() > Some(0))
    })?;
    let idle = batch(&mut second, 1_000)?;
    assert_eq!(
        (&idle["sequenced"], &idle["more"], &idle["size"]),
        (&json!(0), &json!(false), &json!(0))
    );
    first.batch_execute("commit")?;
    assert!(batch(&mut second, 1_000)?["size"].as_u64() >= placed["size"].as_u64());
    sequence_all(&fixture)?;
    assert_log(&mut fixture.admin()?)
}

#[test]
fn a_leaf_is_frozen_with_its_outcome_and_reveals_neither_person_nor_content() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut body = proposal(AMOUNT);
    body["reference"] = json!("Tranche of Mrs. Example");
    propose(&fixture, "alice", &body)?;
    let mut admin = fixture.admin()?;
    let row = admin.query_one(
        "select o.leaf, l.fingerprint, o.body::text, o.committed_at::text,
            (select array_agg(a.mutation_hash::bytea order by a.id)
                from audit.trail as a where a.commitment_key = o.key)
        from ledger.commitment_outcome as o join ledger.commitment_ledger as l using (key)
        where l.operation = 'create-settlement'",
        &[],
    )?;
    let text: String = row.try_get(0)?;
    assert_eq!(Leaf::parse(text.as_bytes())?.render(), text);
    let leaf: Value = serde_json::from_str(&text)?;
    let hash = |tag: &str, fields: &[&[u8]]| tagged_hash(tag, fields).to_string();
    let alice = fixture.person("alice").person;
    assert_eq!(
        leaf["actor"],
        json!({"kind": "human", "id_hash": hash("optkas/log-actor/v1", &[b"human", alice.sub.to_string().as_bytes()])})
    );
    assert_eq!(
        leaf["body_hash"],
        hash(
            "optkas/log-body/v1",
            &[row.try_get::<_, String>(2)?.as_bytes()]
        )
    );
    let mutations: Vec<Vec<u8>> = row.try_get(4)?;
    let digest = mutations.iter().fold([0; 32], |digest, mutation| {
        *tagged_hash("optkas/log-mutations/v1", &[&digest, mutation]).as_bytes()
    });
    assert_eq!(leaf["mutations"], mutations.len());
    assert_eq!(
        leaf["mutations_hash"],
        tlog::merkle::Hash::from_bytes(digest).to_string()
    );
    for hidden in [
        "Example",
        &*alice.sub.to_string(),
        "amount",
        &AMOUNT.to_string(),
    ] {
        assert!(!text.contains(hidden), "{hidden} in {text}");
    }
    Ok(())
}

#[test]
fn a_restored_cluster_concludes_nothing_until_its_epoch_opens_and_then_loses_nothing() -> Result<()>
{
    let _alone = crate::migrations::DEPLOYING
        .write()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let fixture = Fixture::new()?;
    pending(&fixture, AMOUNT)?;
    let size = sequence_all(&fixture)?["size"].clone();
    let mut admin = fixture.admin()?;
    // A dump restored into a cluster whose transaction counter is lower.
    admin.batch_execute(
        "set session_replication_role = replica;
         alter table tlog.entry disable trigger entry_append_only;
         update tlog.entry set xid = '4000000000000' where index = (select max(index) from tlog.entry);
         alter table tlog.entry enable always trigger entry_append_only;
         reset session_replication_role",
    )?;
    let before = count(&mut admin, "select count(*) from ledger.commitment_ledger")?;
    let request = creation(&fixture);
    assert_eq!(fixture.send(&request)?.status, 500);
    assert_eq!(
        count(&mut admin, "select count(*) from ledger.commitment_ledger")?,
        before,
        "nothing half-done"
    );
    let deployed = fixture
        .function("migrate")?
        .invoke(Invocation::new(&Value::Null))?;
    assert!(matches!(deployed, Answer::Response(_)), "{deployed:?}");
    assert_eq!(fixture.send(&request)?.status, 201);
    let after = sequence_all(&fixture)?;
    assert_eq!(after["size"].as_u64(), size.as_u64().map(|size| size + 1));
    assert_eq!(
        count(&mut admin, "select max(epoch)::bigint from tlog.entry")?,
        2
    );
    Ok(())
}

#[test]
fn a_sequencer_that_is_killed_leaves_a_batch_undone_or_done() -> Result<()> {
    use tests::lambda::Moment;
    let fixture = Fixture::new()?;
    let mut direct = Direct::new(&fixture);
    let early = Moment::After(Duration::from_millis(1));
    for moment in [early, Moment::AtReply] {
        pending(&fixture, AMOUNT)?;
        let killed = fixture
            .function(SEQUENCE)?
            .invoke(Invocation::new(&Value::Null).killed(moment))?;
        assert!(matches!(killed, Answer::Killed(_)), "{killed:?}");
        // The statement of the killed sequencer may still run, and block the next one.
        sequence_all(&fixture)?;
        assert_log(&mut fixture.admin()?)?;
    }
    assert_eq!(direct.call(SEQUENCE, "1")?.body["backlog"], 0);
    Ok(())
}

/// What a round costs must not grow with the log: the outcomes that wait are found in the index, also by a plan that
/// knows no values, and past row-level security.
#[test]
fn the_outcomes_that_wait_are_found_in_the_index() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut owner = fixture.admin()?;
    owner.batch_execute(
        "set role optkas_owner; set enable_seqscan = off; set plan_cache_mode = force_generic_plan;
         prepare waiting(tlog.entry) as
             select o.committed_at from tlog.outcomes_after($1) as o order by o.epoch, o.xid, o.key limit 1",
    )?;
    let plan = owner.query("explain execute waiting(null)", &[])?;
    let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
    let plan = plan.join("\n");
    assert!(plan.contains("Index Cond: (ROW(epoch, xid"), "{plan}");
    Ok(())
}
