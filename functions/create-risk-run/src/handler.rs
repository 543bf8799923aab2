use risk::{input::Portfolio, outcome::Outcome, snapshot::Snapshot};
use serde_json::{Map, Value};
use shared::{
    gateway,
    http::{Problem, Success},
    runtime::HumanCall,
};
use tracing::error;

use crate::{body, compute};

/// The database is asked twice. It answers the book first; given the results, it records them if the book is still
/// the same, and else answers the new one, for which they are computed again. Only what records claims the key, so
/// a crash anywhere before leaves nothing.
pub(crate) async fn handle(call: HumanCall) -> Result<Success, Problem> {
    let claim = call.claim("")?;
    let asked = body::read(&call.request.body)?;
    let mut result: Option<Outcome> = None;
    loop {
        let reply = call
            .gateway
            .create_risk_run(call.human.token(), &claim, &asked.currency, result.as_ref())
            .await?;
        if reply.outcome != gateway::Outcome::Ok {
            return Ok(Success::from_reply(reply)?.located_in("/v1/risk-runs"));
        }
        let (run, portfolio) = book(&reply.body).ok_or_else(|| {
            error!("The database's book is not one that the engine reads.");
            Problem::Internal
        })?;
        let work = compute::Work::new(portfolio, asked.settings(&run)).ok_or(Problem::Internal)?;
        let available = call.gateway.remaining();
        match work.longer_than(available) {
            // Time was lost to a book that changed: there is more of it the next time.
            Some(_) if result.is_some() => return Err(Problem::Unavailable),
            Some(too_long) => return Err(too_long),
            None => {}
        }
        result = Some(work.run(available, &call.meter).await?);
    }
}

fn book(body: &Map<String, Value>) -> Option<(String, Portfolio)> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let portfolio = Snapshot::decode(text("snapshot")?.as_bytes()).ok()?;
    Some((text("run_id")?.to_owned(), portfolio))
}
