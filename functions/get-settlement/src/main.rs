//! GET /v1/settlements/{id}: one settlement and its transitions.

fn main() {}
