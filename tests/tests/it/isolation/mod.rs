//! Tables are reached through gateway functions only, and each caller reaches the rows of its own allocator only. Tried
//! by a login with SQL of its own, by the owner, and by a stranger with a valid token.

mod catalog;
mod endpoints;
mod logins;
mod matrix;
mod sessions;

use anyhow::{Result, ensure};
use serde_json::json;
use tests::fixture::Fixture;
use tests::sample_data::{BOREALIS, EUR_FACILITY, Facility, USD_FACILITY, idempotency_key};

use crate::collateral::secured_facility::{SecuredFacility, monitor};
use crate::direct::{Direct, ERIN};
use crate::risk_runs::fixture::{matrix, profile};
use crate::risk_runs::trust::recorded;
pub(crate) use logins::call_with;

/// Proposes a settlement by that person in that facility; returns its id.
pub(crate) fn proposed(
    direct: &mut Direct<'_>,
    person: &str,
    facility: Facility,
) -> Result<String> {
    let rest = format!(
        "'{}', 1000, '{}', '2099-01-02', null, null, null",
        facility.id, facility.currency
    );
    let reply = direct.human("create-settlement", person, &idempotency_key(), &rest)?;
    ensure!(reply.status == Some(201), "not created: {reply:?}");
    Ok(reply.body["id"].as_str().unwrap_or_default().to_owned())
}

/// A secured facility of each allocator, with a pending release and a warning.
fn secure(fixture: &Fixture) -> Result<()> {
    let own = SecuredFacility::good(fixture, &[1_000, 500])?;
    own.drawn(10)?;
    own.amend("termination", -1, |event| event)?;
    let found = serde_json::json!([{
        "file_number": "2001 77", "filed_at": "2001-01-01T00:00:00Z", "secured_party": "Other Bank",
    }]);
    own.record(&own.terms.search(own.day(-1)).with("findings", found))?;
    let theirs =
        SecuredFacility::led_by(fixture, BOREALIS, "mallory", "mallory")?.secured_by(&[1_000])?;
    for facility in [&own, &theirs] {
        facility.requested(&facility.release(&facility.pledged[..1]))?;
    }
    monitor(fixture).map(drop)
}

/// Brings a settlement in dollars to SETTLED; returns its id.
fn settled(direct: &mut Direct<'_>, maker: &str, checker: &str) -> Result<String> {
    let id = proposed(direct, maker, USD_FACILITY)?;
    let (facility, amount) = (USD_FACILITY.id, Some((1000, "USD")));
    let verifying = format!("'{id}'");
    let key = idempotency_key();
    let reports = [
        direct.human("verify-settlement", checker, &key, &verifying)?,
        direct.report(
            "escrow-webhook",
            "escrow-one",
            "escrow.funded",
            &id,
            facility,
            amount,
        )?,
        direct.report(
            "settlement-webhook",
            "settle-one",
            "settlement.completed",
            &id,
            facility,
            amount,
        )?,
    ];
    ensure!(
        reports.iter().all(|reply| reply.outcome == "accepted"),
        "not settled: {reports:?}"
    );
    Ok(id)
}

/// A risk run of each allocator, of a position of each.
fn assess(direct: &mut Direct<'_>) -> Result<()> {
    let erin = json!({
        "allocator_id": BOREALIS.id.to_string(), "sub": ERIN.sub.to_string(), "role": "checker",
    });
    for (kind, data) in [
        ("member.granted", erin),
        ("facility.risk_updated", profile(USD_FACILITY.id)),
        ("ratings.recorded", matrix()),
    ] {
        let reply = direct.platform(&idempotency_key(), kind, &data)?;
        ensure!(reply.outcome == "accepted", "not accepted: {reply:?}");
    }
    settled(direct, "mallory", "erin")?;
    for person in ["alice", "mallory"] {
        let run = recorded(direct, person)?;
        ensure!(run.outcome == "accepted", "no run: {run:?}");
    }
    Ok(())
}

/// The settlements, a key that is retired for ever, and a row in each of the tables of risk.
fn everything(fixture: &Fixture) -> Result<()> {
    settlements(fixture)?;
    let retired = "select gateway.retire_key('a', sha256('x'), 'operator')";
    fixture.login("sync-jwks")?.execute(retired, &[])?;
    assess(&mut Direct::new(fixture))
}

/// One settlement of each allocator in every table: Aurora's settled in dollars and pending in euros,
/// Borealis's pending in dollars. Their ids.
fn settlements(fixture: &Fixture) -> Result<[String; 3]> {
    let mut direct = Direct::new(fixture);
    let settled = settled(&mut direct, "alice", "bob")?;
    secure(fixture)?;
    Ok([
        settled,
        proposed(&mut direct, "alice", EUR_FACILITY)?,
        proposed(&mut direct, "mallory", USD_FACILITY)?,
    ])
}
