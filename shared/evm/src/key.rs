use std::fmt;

use k256::ecdsa::SigningKey as Secp256k1;
use zeroize::Zeroizing;

use crate::{
    Address, Hash,
    octets::decode_hex,
    signature::{RecoverableSignature, address_of},
    transaction::{Signed, Transaction},
};

/// The private key of an account. Not printable, zeroized when dropped.
pub struct SigningKey {
    secret: Secp256k1,
    address: Address,
}

impl SigningKey {
    /// Reads 64 lower-case hexadecimal digits.
    ///
    /// # Errors
    ///
    /// The text is not 64 such digits, or its number is zero or not below the order of the curve secp256k1.
    pub fn from_hex(digits: &str) -> Result<Self, MalformedKey> {
        let mut bytes = Zeroizing::new([0; 32]);
        decode_hex(digits, bytes.as_mut()).ok_or(MalformedKey)?;
        let secret = Secp256k1::from_slice(bytes.as_ref()).map_err(|_| MalformedKey)?;
        let address = address_of(secret.verifying_key());
        Ok(Self { secret, address })
    }

    /// The account's address.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.address
    }

    /// Signs the transaction. The same transaction gets the same bytes again (RFC 6979).
    #[must_use]
    pub fn sign(&self, transaction: Transaction) -> Signed {
        let signature = self.sign_hash(&transaction.signing_hash());
        Signed::assemble(transaction, &signature, self.address)
    }

    /// Signs the hash, with the lower of the two possible values of `s` (EIP-2).
    pub(crate) fn sign_hash(&self, hash: &Hash) -> RecoverableSignature {
        let (signature, id) = self.secret.sign_prehash_recoverable(hash.as_bytes());
        let (r, s) = signature.split_bytes();
        RecoverableSignature {
            is_y_odd: id.is_y_odd(),
            r: r.into(),
            s: s.into(),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// The text is not a private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 64 lower-case hexadecimal digits of a key of secp256k1")]
pub struct MalformedKey;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keccak256;

    const ORDER: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

    /// The example of EIP-155: its signing data, hash, private key and signature, digit by digit.
    #[test]
    fn the_example_of_eip_155() {
        let mut data = [0; 45];
        decode_hex(
            "ec098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080018080",
            &mut data,
        )
        .unwrap();
        let hash = keccak256(&data);
        assert_eq!(
            hash.to_string(),
            "0xdaf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53"
        );
        let key = SigningKey::from_hex(&"46".repeat(32)).unwrap();
        let signature = key.sign_hash(&hash);
        assert_eq!(
            Hash::from_bytes(signature.r).to_string(),
            "0x28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276"
        );
        assert_eq!(
            Hash::from_bytes(signature.s).to_string(),
            "0x67cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"
        );
        // v = 37 = 2 * chain id + 35 + parity.
        assert!(!signature.is_y_odd);
        assert_eq!(signature.recover(&hash), Some(key.address()));
    }

    #[test]
    fn the_higher_s_is_refused() {
        let key = SigningKey::from_hex(&"46".repeat(32)).unwrap();
        let hash = keccak256(b"anything");
        let mut signature = key.sign_hash(&hash);
        let mut order = [0; 32];
        decode_hex(ORDER, &mut order).unwrap();
        // The order less s is a valid signature too, with the other parity. If both were accepted, a relay could
        // choose between them.
        let mut borrow = false;
        for (byte, from) in signature.s.iter_mut().zip(order).rev() {
            let (less, first) = from.overflowing_sub(*byte);
            let (less, second) = less.overflowing_sub(u8::from(borrow));
            (*byte, borrow) = (less, first || second);
        }
        signature.is_y_odd = !signature.is_y_odd;
        assert_eq!(signature.recover(&hash), None);
    }

    #[test]
    fn keys() {
        let one = format!("{:064x}", 1);
        let key = SigningKey::from_hex(&one).unwrap();
        // The generator's own address.
        assert_eq!(
            key.address().to_string(),
            "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf"
        );
        assert!(!format!("{key:?}").contains(&one));
        for bad in [
            "",
            &"0".repeat(64),
            &"f".repeat(64),
            ORDER,
            &one[1..],
            &format!("0x{one}"),
        ] {
            assert!(SigningKey::from_hex(bad).is_err(), "{bad}");
        }
    }
}
