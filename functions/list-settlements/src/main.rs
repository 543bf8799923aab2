//! GET /v1/settlements: the allocator's own settlements.

fn main() {}
