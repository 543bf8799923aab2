//! POST /v1/webhooks/platform/{agent}: the platform onboards.

fn main() {}
