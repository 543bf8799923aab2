use shared::{
    http::{Problem, Success, read_query},
    runtime::HumanCall,
};

pub(crate) async fn handle(call: HumanCall) -> Result<Success, Problem> {
    let key = call.request.path_id()?;
    read_query(&call.request.query, |_| Some(()))?;
    let reply = call
        .gateway
        .get_commitment_proof(call.human.token(), &key)
        .await?;
    Success::from_reply(reply)?.as_text("proof")
}
