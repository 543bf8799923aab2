//! GET /v1/positions: capital per currency and facility.

fn main() {}
