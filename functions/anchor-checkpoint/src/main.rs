//! Scheduled: writes the latest checkpoint into a public chain.

fn main() {}
