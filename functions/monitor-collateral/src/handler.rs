use std::time::Duration;

use serde_json::Value;
use shared::{
    gateway::Monitoring,
    runtime::{Failed, SystemCall},
};
use tracing::error;

use crate::tally::Tally;

/// A facility is not begun with less time than this.
const FACILITY_TIME_MIN: Duration = Duration::from_secs(5);
/// What one facility may take of the others' time, whatever goes on in it.
const FACILITY_TIME_MAX: Duration = Duration::from_secs(30);

/// All secured facilities, in the order of their ids. What one has got stays, whatever becomes of the next; and one
/// that fails does not keep the others from their turn. A run that has not been through all of them has failed.
pub(crate) async fn handle(call: SystemCall) -> Result<Value, Failed> {
    let mut tally = Tally::default();
    let mut after = None;
    let mut complete = true;
    loop {
        if call.gateway.remaining() < FACILITY_TIME_MIN {
            error!(
                facilities.done = tally.facilities,
                "The time is over before all facilities were looked at."
            );
            complete = false;
            break;
        }
        let reply = call
            .gateway
            .within(FACILITY_TIME_MAX)
            .monitor_collateral(after, Monitoring::Warn)
            .await;
        let next = if let Ok(reply) = reply {
            tally.add(&reply.body)
        } else {
            // Its cause was logged. Which facility it is, only the database knows.
            complete = false;
            let named = call
                .gateway
                .monitor_collateral(after, Monitoring::Name)
                .await?;
            let id = named.body.get("facility_id").and_then(Value::as_str);
            error!(facility.id = id, "A facility could not be looked at.");
            Tally::facility(&named.body)
        };
        match next.ok_or(Failed::Broken)? {
            Some(id) => after = Some(id),
            None => break,
        }
    }
    call.meter.set("warnings_opened", tally.opened);
    call.meter.set("warnings_closed", tally.closed);
    call.meter.set("warnings_open", tally.open);
    if complete {
        Ok(tally.report())
    } else {
        Err(Failed::Broken)
    }
}
