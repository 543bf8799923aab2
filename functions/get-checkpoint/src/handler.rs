use shared::{
    http::{Problem, Success, read_query},
    runtime::HumanCall,
};

pub(crate) async fn handle(call: HumanCall) -> Result<Success, Problem> {
    read_query(&call.request.query, |_| Some(()))?;
    let reply = call.gateway.get_checkpoint(call.human.token()).await?;
    Success::from_reply(reply)
}
