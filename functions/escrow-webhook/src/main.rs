//! POST /v1/webhooks/escrow/{agent}: an escrow agent reports.

fn main() {}
