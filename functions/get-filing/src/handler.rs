use shared::{
    http::{Problem, Success},
    runtime::HumanCall,
};

pub(crate) async fn handle(call: HumanCall) -> Result<Success, Problem> {
    let facility = call.request.path_id()?;
    let id = call.request.path_id_at(1)?;
    call.request.refuse_query()?;
    let reply = call
        .gateway
        .get_filing(call.human.token(), facility, id)
        .await?;
    Success::from_reply(reply)
}
