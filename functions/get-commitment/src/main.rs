//! GET /v1/commitments/{key}: one entry of the commitment ledger.

fn main() {}
