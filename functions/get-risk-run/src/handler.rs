use shared::{
    http::{Problem, Success, accept::preferred, read_query},
    runtime::HumanCall,
};

use crate::chart;

const JSON: &str = "application/json";
const SVG: &str = "image/svg+xml";

pub(crate) async fn handle(call: HumanCall) -> Result<Success, Problem> {
    let id = call.request.path_id()?;
    read_query(&call.request.query, |_| Some(()))?;
    let form = preferred(&call.request.headers, &[JSON, SVG])?;
    let reply = call.gateway.get_risk_run(call.human.token(), id).await?;
    let success = Success::from_reply(reply)?;
    if form == SVG {
        success.as_svg(chart::draw)
    } else {
        Ok(success)
    }
}
