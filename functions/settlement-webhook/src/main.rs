//! POST /v1/webhooks/settlement/{agent}: a settlement agent reports.

fn main() {}
