//! POST /v1/settlements/{id}/verify: a checker confirms and reserves capital.

fn main() {}
