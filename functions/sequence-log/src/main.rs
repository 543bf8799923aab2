//! Scheduled: gives the outcomes of the ledger their places in the log.

fn main() {}
