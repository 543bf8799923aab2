//! Random bytes, and bytes as text.

use ring::hmac;
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

/// Whether two texts are the same, in a time that does not tell where they differ.
#[must_use]
pub fn same(one: &str, other: &str) -> bool {
    // Under a key that nobody knows, how much of two tags is the same says nothing of the texts.
    let key = hmac::Key::new(hmac::HMAC_SHA256, &random(32));
    hmac::verify(
        &key,
        other.as_bytes(),
        hmac::sign(&key, one.as_bytes()).as_ref(),
    )
    .is_ok()
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
