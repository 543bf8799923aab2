//! The least that `lambda_http` lets one write: `cargo xtask bench` starts it beside our functions.

use lambda_http::{Body, Error, Request, Response, run, service_fn};

// One thread, as our functions have: what threads cost is not to be what they win by.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(hello)).await
}

async fn hello(_request: Request) -> Result<Response<Body>, Error> {
    Ok(Response::new(Body::from("hello")))
}
