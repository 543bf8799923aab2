//! GET /v1/audit: the allocator's own audit trail.

fn main() {}
