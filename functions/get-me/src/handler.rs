use shared::{
    http::{Problem, Success},
    runtime::HumanCall,
};

pub(crate) async fn handle(call: HumanCall) -> Result<Success, Problem> {
    call.request.refuse_query()?;
    let reply = call.gateway.get_me(call.human.token()).await?;
    Success::from_reply(reply)
}
