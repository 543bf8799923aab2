//! Random bytes, and bytes as text.

use ring::rand::{SecureRandom as _, SystemRandom};

pub use crate::aws::Aws as Secrets;

/// Random bytes in hex, for passwords and ids.
#[must_use]
pub fn random_hex(bytes: usize) -> String {
    hex(&random(bytes))
}

/// Random bytes.
#[must_use]
pub fn random(bytes: usize) -> Vec<u8> {
    let mut buffer = vec![0; bytes];
    SystemRandom::new()
        .fill(&mut buffer)
        .expect("the system has random numbers");
    buffer
}

/// Bytes in lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a string takes every text");
            text
        })
}
