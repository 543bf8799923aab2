use shared::{
    commitment::Sha256,
    http::{Problem, Success, read_body},
    ids::ReleaseId,
    runtime::HumanCall,
};

pub(crate) async fn handle(call: HumanCall) -> Result<Success, Problem> {
    let id: ReleaseId = call.request.path_id()?;
    let claim = call.claim(&id.to_string())?;
    let content = read_body(&call.request.body, |body| {
        body.required::<Sha256>("content_sha256")
    })?;
    let reply = call
        .gateway
        .approve_release(call.human.token(), &claim, id, &content)
        .await?;
    Success::from_reply(reply)
}
