use shared::{
    http::{Problem, Success},
    runtime::HumanCall,
};

use crate::{accept::preferred, chart};

const JSON: &str = "application/json";
const SVG: &str = "image/svg+xml";

pub(crate) async fn handle(call: HumanCall) -> Result<Success, Problem> {
    let id = call.request.path_id()?;
    call.request.refuse_query()?;
    let form = preferred(&call.request.headers, &[JSON, SVG])?;
    let reply = call.gateway.get_risk_run(call.human.token(), id).await?;
    let success = Success::from_reply(reply)?;
    if form == SVG {
        success.as_svg(chart::draw)
    } else {
        Ok(success)
    }
}
