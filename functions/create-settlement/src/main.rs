//! POST /v1/settlements: a maker proposes a settlement.

fn main() {}
