//! Transactions of the test that block those of a function.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use postgres::Client;
use tests::fixture::Fixture;
use tests::http::{Request, Response};
use tests::lambda::{Answer, response};

const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until the condition holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    while !holds()? {
        ensure!(start.elapsed() < PATIENCE, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// Holds a settlement's row lock, so that its next step waits.
pub(crate) fn hold_settlement(fixture: &Fixture, id: &str) -> Result<Client> {
    let mut holder = fixture.admin()?;
    holder.batch_execute(&format!(
        "begin; select from capital.settlement where settlement_id = '{id}' for update"
    ))?;
    Ok(holder)
}

/// The backends of a function's login here that wait for a lock.
pub(crate) fn waiting(watcher: &mut Client, function: &str) -> Result<Vec<i32>> {
    let rows = watcher.query(
        "select pid from pg_stat_activity
         where datname = current_database() and usename = $1 and wait_event_type = 'Lock'",
        &[&tests::deployment::login(function)],
    )?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Ends the backends of a function's login here, as an operator or a failover does.
pub(crate) fn terminate(admin: &mut Client, function: &str) -> Result<usize> {
    let ended = admin.query(
        "select pg_terminate_backend(pid, 10000) from pg_stat_activity
         where datname = current_database() and usename = $1",
        &[&tests::deployment::login(function)],
    )?;
    Ok(ended.len())
}

/// Sends a request with little time, so that the function gives up soon.
pub(crate) fn send_hurried(fixture: &Fixture, request: &Request) -> Result<Response> {
    let answer = fixture.invoke(request, |invocation| {
        invocation.with_timeout(Duration::from_millis(1_500))
    })?;
    assert!(
        matches!(answer, Answer::Response(_)),
        "no answer before the deadline: {answer:?}"
    );
    response(&answer.json())
}
