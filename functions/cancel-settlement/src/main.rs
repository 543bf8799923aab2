//! POST /v1/settlements/{id}/cancel: the allocator withdraws a settlement.

fn main() {}
