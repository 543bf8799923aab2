//! Transactions of an EVM chain, to the byte: built, signed, read back.
//!
//! Only transactions of EIP-1559 to an address with an empty access list are supported: they write data into a chain.
//! The bytes of a signed one are
//!
//! ```text
//! 0x02 || rlp([chain_id, nonce, max_priority_fee_per_gas, max_fee_per_gas, gas_limit, to, value, data, [],
//!              y_parity, r, s])
//! ```
//!
//! and the signature is over the Keccak-256 of `0x02 || rlp([chain_id, …, []])`. The sender is not a field: it is the
//! address of the key that is recovered from the signature.
//!
//! The crate is pure: no clock, no network, no randomness (a signature's nonce is RFC 6979's). Malformed bytes are
//! refused and never panic. Only the one canonical encoding is accepted, so a transaction's bytes, hash and fields say
//! the same.
//!
//! Not here: other types of transactions, contracts, receipts, and whether a chain has a transaction.

mod key;
mod octets;
mod signature;
mod transaction;

pub use self::{
    key::{MalformedKey, SigningKey},
    octets::{Address, Hash, MalformedOctets, Octets},
    transaction::{MalformedTransaction, Signed, Transaction},
};

use sha3::{Digest, Keccak256};

/// Keccak-256, with the padding from before its standardisation as SHA-3.
#[must_use]
pub fn keccak256(bytes: &[u8]) -> Hash {
    Hash::from_bytes(Keccak256::digest(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_nothing_as_eip_1052_has_it() {
        let expected = "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
        assert_eq!(keccak256(b"").to_string(), expected);
    }
}
