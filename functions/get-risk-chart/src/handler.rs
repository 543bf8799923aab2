use shared::{
    http::{Problem, Success},
    runtime::HumanCall,
};

use crate::chart;

pub(crate) async fn handle(call: HumanCall) -> Result<Success, Problem> {
    let id = call.request.path_id()?;
    call.request.refuse_query()?;
    let reply = call.gateway.get_risk_chart(call.human.token(), id).await?;
    Success::from_reply(reply)?.as_svg(chart::draw)
}
