//! Transactions of an EVM chain, to the byte: built, signed, read back.
//!
//! One type is known, that of EIP-1559, in the form in which data is written into a chain: to an address, with
//! an empty access list. Its bytes are
//!
//! ```text
//! 0x02 || rlp([chain_id, nonce, max_priority_fee_per_gas, max_fee_per_gas, gas_limit, to, value, data, [],
//!              y_parity, r, s])
//! ```
//!
//! and what is signed is the Keccak-256 of `0x02 || rlp([chain_id, …, []])`. The sender is not among the
//! fields: it is the address of the key that the signature recovers to.
//!
//! Pure: no clock, no network, no randomness (a signature's nonce is RFC 6979's). Foreign bytes are refused and
//! never panic. What is read has one encoding only, so that a transaction's bytes, its hash and its fields say
//! the same. Not here: other types of transactions, contracts, receipts, and whether a chain has any of it.

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

/// Keccak-256, with the padding it had before it became SHA-3.
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
