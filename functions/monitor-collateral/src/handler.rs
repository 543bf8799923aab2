use std::time::Duration;

use serde_json::Value;
use shared::{
    config::Base,
    runtime::{Failed, JobCall},
};
use tracing::error;

use crate::tally::{Next, Tally};

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
        let Next { facility_id } = call.gateway.next_secured_facility(after).await?.read()?;
        let Some(facility_id) = facility_id else {
            break;
        };
        let gateway = call.gateway.within(FACILITY_TIME_MAX);
        if let Ok(reply) = gateway.monitor_facility(facility_id).await {
            tally.add(&reply.read()?);
        } else {
            // The cause was logged.
            complete = false;
            error!(facility.id = %facility_id, "A facility could not be looked at.");
        }
        after = Some(facility_id);
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
