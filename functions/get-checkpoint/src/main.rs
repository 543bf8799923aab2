//! `GET /v1/checkpoint: how far the log is signed and anchored`.

fn main() {}
