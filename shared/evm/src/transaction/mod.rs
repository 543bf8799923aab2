use alloy_rlp::{Decodable, Encodable, Header};

use crate::{
    Address, Hash, keccak256,
    octets::{decode_hex, to_hex},
    signature::RecoverableSignature,
};

/// The type's number by EIP-2718.
const TYPE: u8 = 2;

/// The longest transaction that is read. An anchor has about two hundred bytes.
const BYTES_MAX: usize = 4_096;

/// A transaction before it is signed. Fees are in wei for each unit of gas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// The chain it is for. It is void on any other.
    pub chain_id: u64,
    /// How many of the sender's transactions come before it. Of two with the same nonce a chain takes one.
    pub nonce: u64,
    /// The most that the maker of the block gets.
    pub max_priority_fee_per_gas: u128,
    /// The most that is paid in all.
    pub max_fee_per_gas: u128,
    /// The most gas that is used. Unused gas is not paid.
    pub gas_limit: u64,
    /// The recipient.
    pub to: Address,
    /// The amount sent, in wei.
    pub value: u128,
    /// The data that the chain records.
    pub data: Vec<u8>,
}

impl Transaction {
    pub(crate) fn signing_hash(&self) -> Hash {
        keccak256(&envelope(&self.fields()))
    }

    /// The encoded fields that are signed.
    fn fields(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.data.len() + 128);
        self.chain_id.encode(&mut out);
        self.nonce.encode(&mut out);
        self.max_priority_fee_per_gas.encode(&mut out);
        self.max_fee_per_gas.encode(&mut out);
        self.gas_limit.encode(&mut out);
        self.to.as_bytes().encode(&mut out);
        self.value.encode(&mut out);
        self.data.as_slice().encode(&mut out);
        list_header(0).encode(&mut out);
        out
    }

    fn decode_fields(fields: &mut &[u8]) -> alloy_rlp::Result<Self> {
        let transaction = Self {
            chain_id: u64::decode(fields)?,
            nonce: u64::decode(fields)?,
            max_priority_fee_per_gas: u128::decode(fields)?,
            max_fee_per_gas: u128::decode(fields)?,
            gas_limit: u64::decode(fields)?,
            to: Address::from_bytes(Decodable::decode(fields)?),
            value: u128::decode(fields)?,
            data: Header::decode_bytes(fields, false)?.to_vec(),
        };
        match Header::decode_bytes(fields, true)? {
            [] => Ok(transaction),
            _ => Err(alloy_rlp::Error::Custom("the access list is not empty")),
        }
    }
}

/// A signed transaction. Its fields, bytes, hash and sender agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    transaction: Transaction,
    sender: Address,
    bytes: Vec<u8>,
    hash: Hash,
}

impl Signed {
    pub(crate) fn assemble(
        transaction: Transaction,
        signature: &RecoverableSignature,
        sender: Address,
    ) -> Self {
        let mut fields = transaction.fields();
        signature.is_y_odd.encode(&mut fields);
        trimmed(&signature.r).encode(&mut fields);
        trimmed(&signature.s).encode(&mut fields);
        let bytes = envelope(&fields);
        Self {
            hash: keccak256(&bytes),
            transaction,
            sender,
            bytes,
        }
    }

    /// Reads a transaction and recovers its sender.
    ///
    /// # Errors
    ///
    /// The bytes are not one transaction of the supported type and form, in its canonical encoding, with a signature
    /// that some key can have made.
    pub fn decode(bytes: &[u8]) -> Result<Self, MalformedTransaction> {
        let (first, mut rest) = bytes.split_first().ok_or(MalformedTransaction)?;
        if *first != TYPE || bytes.len() > BYTES_MAX {
            return Err(MalformedTransaction);
        }
        let (transaction, signature) =
            decode_payload(&mut rest).map_err(|_| MalformedTransaction)?;
        let sender = signature
            .recover(&transaction.signing_hash())
            .ok_or(MalformedTransaction)?;
        let signed = Self::assemble(transaction, &signature, sender);
        // Whatever the parser may have let through: another encoding would have another hash.
        if signed.bytes == bytes {
            Ok(signed)
        } else {
            Err(MalformedTransaction)
        }
    }

    /// Reads a transaction from `0x` and lower-case hexadecimal digits.
    ///
    /// # Errors
    ///
    /// As [`Signed::decode`], or the text is not such digits.
    pub fn from_hex(text: &str) -> Result<Self, MalformedTransaction> {
        let digits = text.strip_prefix("0x").ok_or(MalformedTransaction)?;
        if digits.len() > 2 * BYTES_MAX {
            return Err(MalformedTransaction);
        }
        let mut bytes = vec![0; digits.len() / 2];
        decode_hex(digits, &mut bytes).ok_or(MalformedTransaction)?;
        Self::decode(&bytes)
    }

    /// `0x` and the bytes in lower-case hexadecimal digits.
    #[must_use]
    pub fn to_hex(&self) -> String {
        to_hex(&self.bytes)
    }

    /// What was signed.
    #[must_use]
    pub const fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// The address of the key that has signed it.
    #[must_use]
    pub const fn sender(&self) -> Address {
        self.sender
    }

    /// The hash that names it on a chain.
    #[must_use]
    pub const fn hash(&self) -> Hash {
        self.hash
    }

    /// The bytes that are sent to a node.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

fn decode_payload(rest: &mut &[u8]) -> alloy_rlp::Result<(Transaction, RecoverableSignature)> {
    let mut fields = Header::decode_bytes(rest, true)?;
    let transaction = Transaction::decode_fields(&mut fields)?;
    let signature = RecoverableSignature {
        is_y_odd: bool::decode(&mut fields)?,
        r: scalar(&mut fields)?,
        s: scalar(&mut fields)?,
    };
    if rest.is_empty() && fields.is_empty() {
        Ok((transaction, signature))
    } else {
        Err(alloy_rlp::Error::UnexpectedLength)
    }
}

/// A number of up to 256 bits, without leading zeros.
fn scalar(fields: &mut &[u8]) -> alloy_rlp::Result<[u8; 32]> {
    let digits = Header::decode_bytes(fields, false)?;
    if digits.first() == Some(&0) {
        return Err(alloy_rlp::Error::LeadingZero);
    }
    let zeros = 32_usize
        .checked_sub(digits.len())
        .ok_or(alloy_rlp::Error::Overflow)?;
    let mut number = [0; 32];
    number[zeros..].copy_from_slice(digits);
    Ok(number)
}

fn trimmed(number: &[u8; 32]) -> &[u8] {
    let zeros = number.iter().take_while(|digit| **digit == 0).count();
    &number[zeros..]
}

/// The type's number and the list of the encoded fields.
fn envelope(fields: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(fields.len() + 8);
    out.push(TYPE);
    list_header(fields.len()).encode(&mut out);
    out.extend_from_slice(fields);
    out
}

const fn list_header(payload_length: usize) -> Header {
    Header {
        list: true,
        payload_length,
    }
}

/// The bytes are not a supported transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no signed EIP-1559 transaction in its one encoding")]
pub struct MalformedTransaction;

#[cfg(test)]
mod tests;
