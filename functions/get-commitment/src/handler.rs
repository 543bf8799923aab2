use shared::{
    http::{Problem, Success},
    runtime::HumanCall,
};

pub(crate) async fn handle(call: HumanCall) -> Result<Success, Problem> {
    let key = call.request.path_id()?;
    call.request.refuse_query()?;
    let reply = call
        .gateway
        .get_commitment(call.human.token(), &key)
        .await?;
    Success::from_reply(reply)?.as_answered()
}
