//! `GET /v1/commitments/{key}/proof: the receipt of one commitment, as a file`.

fn main() {}
