//! Lanes: who has lost a race takes its turn before its snapshot. A lane that somebody holds is passed over.

use std::collections::BTreeSet;
use std::fs;
use std::thread;

use anyhow::Result;
use postgres::Client;
use shared::gateway::LANES;
use tests::deployment::{functions, login};
use tests::fixture::Fixture;
use tests::folders;
use tests::http::{Request, Transport as _};
use tests::sample_data::{AURORA, idempotency_key};
use uuid::Uuid;

use crate::direct::{barrier, claim};
use crate::locks::{until, waiting};
use crate::metrics::retries;
use crate::mutations::scale;
use crate::races::act;
use crate::settlements::{AMOUNT, fund, of, pending, verified};
use crate::support::{assert_books, together};

const VERIFY: &str = "verify-settlement";

/// The lane to which a function is sent that has lost a race for this.
fn lane_of(fixture: &Fixture, contended: Uuid) -> Result<String> {
    let error = fixture
        .owner()?
        .execute("select ledger.send_to_lane($1)", &[&contended])
        .expect_err("it always fails");
    let error = error.as_db_error().expect("an answer");
    assert_eq!(error.code().code(), "40001");
    assert_eq!(error.schema(), Some("lane"));
    Ok(error.table().unwrap_or_default().to_owned())
}

fn lanes(admin: &mut Client) -> Result<Vec<String>> {
    let rows = admin.query(
        "select c.relname::text from pg_class as c
         where c.relnamespace = 'lane'::regnamespace and c.relkind = 'r' order by 1",
        &[],
    )?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

#[test]
fn there_are_as_many_lanes_as_the_functions_know_and_all_are_used() -> Result<()> {
    let fixture = Fixture::new()?;
    let expected: Vec<String> = (0..LANES).map(|number| format!("l{number:02}")).collect();
    assert_eq!(lanes(&mut fixture.admin()?)?, expected);
    let used = (0..400)
        .map(|_| lane_of(&fixture, Uuid::new_v4()))
        .collect::<Result<BTreeSet<_>>>()?;
    assert_eq!(used, expected.into_iter().collect());
    Ok(())
}

/// Logins whose functions are sent to lanes may lock them. Nobody may do anything else with them.
#[test]
fn a_login_locks_a_lane_or_does_nothing_with_it() -> Result<()> {
    let fixture = Fixture::new()?;
    for function in functions()? {
        let path =
            folders::workspace().join(format!("migrations/gateway/{}.sql", login(&function)));
        let queues = fs::read_to_string(path)?.contains("on schema lane to");
        let mut client = fixture.login(&function)?;
        let mut attempt = |statement: &str| {
            let answer = barrier(client.batch_execute(&format!("begin; {statement}")));
            client.batch_execute("rollback").map(|()| answer)
        };
        let locked = attempt("lock table lane.l00 in share update exclusive mode")?;
        assert_eq!(locked == "nothing", queues, "{function}: {locked}");
        assert!(queues || locked.starts_with("42501"), "{locked}");
        for statement in [
            "select from lane.l00",
            "insert into lane.l00 default values",
            "delete from lane.l00",
            "truncate lane.l00",
            "alter table lane.l00 add column x int",
            "alter table lane.l00 no force row level security",
            "create policy p on lane.l00",
            "create trigger t before update on lane.l00 execute function suppress_redundant_updates_trigger()",
            "create rule r as on update to lane.l00 do nothing",
            "create index on lane.l00 ((1))",
            "drop table lane.l00",
            "create table lane.mine ()",
            "grant update on lane.l00 to list_audit",
        ] {
            let stopped = attempt(statement)?;
            // Of a right that one has not a part, PostgreSQL says so in a warning.
            let granted = statement.starts_with("grant") && queues && stopped == "nothing";
            assert!(
                stopped.starts_with("42501") || granted,
                "{function}: {statement}: {stopped}"
            );
        }
    }
    Ok(())
}

/// Waits until somebody waits for a lane.
fn until_somebody_queues(watcher: &mut Client) -> Result<()> {
    until("the function waits in its lane", || {
        let waits = "select from pg_locks as l join pg_class as c on c.oid = l.relation
             where c.relnamespace = 'lane'::regnamespace and not l.granted
                and l.database = (select oid from pg_database where datname = current_database())";
        Ok(!watcher.query(waits, &[])?.is_empty())
    })
}

/// A transaction that has the lane of AURORA's accounts.
fn lane_held(fixture: &Fixture) -> Result<Client> {
    let mut holder = fixture.login("cancel-settlement")?;
    holder.batch_execute(&format!(
        "begin; lock table lane.{} in share update exclusive mode",
        lane_of(fixture, AURORA.id)?
    ))?;
    Ok(holder)
}

#[test]
fn who_has_lost_a_race_takes_its_turn_in_a_lane_and_next_time_at_once() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut watcher = fixture.admin()?;
    let [theirs, ours, next] = [(); 3].map(|()| pending(&fixture, AMOUNT));
    let (theirs, ours, next) = (theirs?, ours?, next?);
    let token = fixture.person("bob").token();
    let verify = |id: &str| {
        Request::new("POST", &of(id, "verify"))
            .header("authorization", &format!("Bearer {token}"))
            .header("idempotency-key", &idempotency_key())
    };
    let mut first = lane_held(&fixture)?;
    let mut rival = fixture.login(VERIFY)?;
    rival.batch_execute("begin")?;
    let sql = format!(
        "select outcome from gateway.verify_settlement($1, {}, $2::text::uuid)",
        claim(&idempotency_key(), "")
    );
    let dave = fixture.person("dave");
    let outcome: String = rival
        .query_one(&sql, &[&dave.token(), &theirs])?
        .try_get(0)?;
    assert_eq!(outcome, "accepted");

    let answer = thread::scope(|scope| {
        let answer = scope.spawn(|| fixture.send(&verify(&ours)));
        until("the function waits for its rival", || {
            Ok(!waiting(&mut watcher, VERIFY)?.is_empty())
        })?;
        rival.batch_execute("commit")?;
        until_somebody_queues(&mut watcher)?;
        first.batch_execute("commit")?;
        answer.join().expect("it has said why")
    })?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(retries(&fixture, VERIFY, &answer)?, (1, 0));

    // Nobody is in the way, but bob has lost a race just now.
    let mut first = lane_held(&fixture)?;
    let answer = thread::scope(|scope| {
        let answer = scope.spawn(|| fixture.send(&verify(&next)));
        until_somebody_queues(&mut watcher)?;
        first.batch_execute("commit")?;
        answer.join().expect("it has said why")
    })?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(retries(&fixture, VERIFY, &answer)?, (0, 0));
    assert_books(&mut watcher)
}

/// A compromised login takes every lane, in the mode that lets nobody else in, and does not let go.
#[test]
fn held_lanes_are_passed_over() -> Result<()> {
    let fixture = Fixture::new()?;
    scale(&fixture, 2, 8)?;
    let ids = together(16, |_| pending(&fixture, AMOUNT))?;
    let mut admin = fixture.admin()?;
    let mut hostile = fixture.login(VERIFY)?;
    let all: Vec<String> = lanes(&mut admin)?
        .iter()
        .map(|lane| format!("lane.{lane}"))
        .collect();
    hostile.batch_execute(&format!(
        "set idle_in_transaction_session_timeout = 0; begin; lock table {} in access exclusive mode",
        all.join(", ")
    ))?;
    let requests: Vec<_> = ids
        .iter()
        .map(|id| act(&fixture, "bob", id, "verify"))
        .collect();
    let answers = together(requests.len(), |number| fixture.send(&requests[number]))?;
    for answer in answers {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    hostile.batch_execute("commit")?;
    assert_books(&mut admin)
}

/// The agents' reports on one allocator's settlements contend for its accounts as its members do.
#[test]
fn of_32_reports_at_once_on_one_allocator_every_one_is_accepted() -> Result<()> {
    let fixture = Fixture::new()?;
    scale(&fixture, 2, 8)?;
    let ids = together(32, |_| verified(&fixture, AMOUNT))?;
    together(ids.len(), |number| fund(&fixture, &ids[number], AMOUNT))?;
    assert_books(&mut fixture.admin()?)
}
