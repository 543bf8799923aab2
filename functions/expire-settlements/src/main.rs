//! Scheduled: settlements whose time has run out become EXPIRED.

fn main() {}
