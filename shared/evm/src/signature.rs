use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};

use crate::{Address, Hash, keccak256};

/// A signature with the one bit that tells which of two possible public keys made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecoverableSignature {
    pub(crate) is_y_odd: bool,
    pub(crate) r: [u8; 32],
    pub(crate) s: [u8; 32],
}

impl RecoverableSignature {
    /// The address of the key that signed `hash`. `None` if no key can have made the signature, or if `s` is the higher
    /// of the two possible values.
    ///
    /// A transaction cannot express a signature whose point has an abscissa above the curve's order. It is infeasible
    /// to find one.
    pub(crate) fn recover(&self, hash: &Hash) -> Option<Address> {
        let signature = Signature::from_scalars(self.r, self.s).ok()?;
        if signature.normalize_s() != signature {
            return None;
        }
        let id = RecoveryId::new(self.is_y_odd, false);
        let key = VerifyingKey::recover_from_prehash(hash.as_bytes(), &signature, id).ok()?;
        Some(address_of(&key))
    }
}

/// The last 20 bytes of the hash of the point's coordinates.
pub(crate) fn address_of(key: &VerifyingKey) -> Address {
    let point = key.to_sec1_point(false);
    // The first byte says that both coordinates follow.
    let hash = keccak256(&point.as_bytes()[1..]);
    let mut address = [0; 20];
    address.copy_from_slice(&hash.as_bytes()[12..]);
    Address::from_bytes(address)
}
