use std::time::Duration;

use serde_json::Value;
use shared::{
    config::Base,
    gateway::Monitoring,
    runtime::{Failed, JobCall},
};
use tracing::error;

use crate::tally::{Named, Tally};

/// A facility is not begun with less time than this.
const FACILITY_TIME_MIN: Duration = Duration::from_secs(5);
/// How much of the others' time one facility may take.
const FACILITY_TIME_MAX: Duration = Duration::from_secs(30);

/// All secured facilities, in the order of their ids. Each is a transaction: what it did stays, whatever becomes of the
/// next. A facility that fails does not keep the others from their turn. A run that has not been through all facilities
/// has failed.
pub(crate) async fn handle(call: JobCall<Base>) -> Result<Value, Failed> {
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
        after = if let Ok(reply) = reply {
            tally.add(reply.read()?)
        } else {
            // Its cause was logged. Which facility it is, only the database knows.
            complete = false;
            let reply = call
                .gateway
                .monitor_collateral(after, Monitoring::Name)
                .await?;
            let Named { facility_id } = reply.read()?;
            error!(facility.id = ?facility_id.map(|id| id.to_string()), "A facility could not be looked at.");
            facility_id
        };
        if after.is_none() {
            break;
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
