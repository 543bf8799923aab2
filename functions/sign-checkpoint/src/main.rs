//! Scheduled: signs the log as far as it has grown, and publishes it.

fn main() {}
