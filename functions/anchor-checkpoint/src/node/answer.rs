//! What a node may answer, and nothing else. Members that are not needed are ignored.

use std::fmt;

use evm::{Octets, Signed};
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::value::RawValue;

/// So much of a node's words goes into the log.
const WORDS_MAX: usize = 200;

/// The envelope of JSON-RPC 2.0.
#[derive(Deserialize)]
pub(super) struct Answer {
    id: serde_json::Value,
    result: Option<Box<RawValue>>,
    error: Option<RpcError>,
}

impl Answer {
    /// The result or the error. `None` if the answer has neither or both, or answers another question.
    pub(super) fn into_outcome(self) -> Option<Result<Box<RawValue>, RpcError>> {
        match (self.result, self.error) {
            (None, Some(cause)) => Some(Err(cause)),
            // `null` is an answer, which an optional member reads as none.
            (result, None) if self.id == 1 => Some(Ok(result.unwrap_or_default())),
            _ => None,
        }
    }
}

/// A node's own words. They are no evidence of anything.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct RpcError {
    code: i64,
    #[serde(default)]
    message: String,
}

impl RpcError {
    /// What the clients say of a transaction that they have: `already known`, `AlreadyKnown`, `Known transaction`,
    /// `transaction already imported`.
    pub(super) fn is_known_already(&self) -> bool {
        let words = self.message.to_ascii_lowercase();
        words.contains("known") && !words.contains("unknown") || words.contains("already imported")
    }
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: String = self.message.chars().take(WORDS_MAX).collect();
        write!(f, "{} {words:?}", self.code)
    }
}

/// A number in hexadecimal, without leading zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quantity(pub(super) u128);

impl Quantity {
    pub(super) fn to_u64(self) -> Option<u64> {
        self.0.try_into().ok()
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.strip_prefix("0x")
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .filter(|digits| *digits == "0" || !digits.starts_with('0'))
            .and_then(|digits| u128::from_str_radix(digits, 16).ok())
            .map(Self)
            .ok_or_else(|| D::Error::custom("no quantity"))
    }
}

/// So many bytes in hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word<const N: usize>(pub(super) Octets<N>);

impl<'de, const N: usize> Deserialize<'de> for Word<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // Some nodes write addresses in the mixed case of EIP-55.
        let octets = text.to_ascii_lowercase().parse();
        octets.map(Self).map_err(D::Error::custom)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FeeHistory {
    pub(super) base_fee_per_gas: Vec<Quantity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Receipt {
    pub(super) transaction_hash: Word<32>,
    pub(super) block_hash: Word<32>,
    pub(super) block_number: Quantity,
    pub(super) status: Quantity,
    pub(super) from: Word<20>,
    pub(super) to: Option<Word<20>>,
}

impl Receipt {
    pub(super) fn is_of(&self, signed: &Signed) -> bool {
        self.transaction_hash.0 == signed.hash()
            && self.from.0 == signed.sender()
            && self.to.map(|to| to.0) == Some(signed.transaction().to)
    }
}

#[derive(Deserialize)]
pub(super) struct Block {
    pub(super) hash: Word<32>,
    pub(super) transactions: Vec<Word<32>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities() {
        let read = |text: &str| {
            serde_json::from_str::<Quantity>(text)
                .ok()
                .map(|read| read.0)
        };
        for (text, expected) in [
            (r#""0x0""#, Some(0)),
            (r#""0x41""#, Some(65)),
            (r#""0x3B9ACA00""#, Some(1_000_000_000)),
            (r#""0xffffffffffffffffffffffffffffffff""#, Some(u128::MAX)),
            (r#""0x100000000000000000000000000000000""#, None),
            (r#""0x""#, None),
            (r#""0x00""#, None),
            (r#""0x041""#, None),
            (r#""0x+1""#, None),
            (r#""0x-1""#, None),
            (r#""41""#, None),
            (r#""""#, None),
            ("65", None),
            ("null", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn envelopes() {
        let read = |text: &str| {
            let answer = serde_json::from_str::<Answer>(text).ok();
            answer.and_then(Answer::into_outcome).map(|outcome| {
                outcome.map_or_else(|cause| cause.to_string(), |result| result.get().to_owned())
            })
        };
        for (text, expected) in [
            (
                r#"{"jsonrpc":"2.0","id":1,"result":"0x1"}"#,
                Some(r#""0x1""#),
            ),
            (r#"{"jsonrpc":"2.0","id":1,"result":null}"#, Some("null")),
            (r#"{"jsonrpc":"2.0","id":2,"result":"0x1"}"#, None),
            (r#"{"jsonrpc":"2.0","result":"0x1"}"#, None),
            (
                r#"{"id":1,"error":{"code":-32000,"message":"no \"funds\"\n","data":"x"}}"#,
                Some(r#"-32000 "no \"funds\"\n""#),
            ),
            (
                r#"{"id":null,"error":{"code":-32700}}"#,
                Some(r#"-32700 """#),
            ),
            (r#"{"id":1,"result":"0x1","error":{"code":1}}"#, None),
            (r#"{"id":1,"error":"no"}"#, None),
            (r#"{"id":1,"id":1,"result":"0x1"}"#, None),
            ("[]", None),
            ("", None),
        ] {
            assert_eq!(read(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn words_of_a_node_that_has_it() {
        for (words, has_it) in [
            ("already known", true),
            ("AlreadyKnown", true),
            ("Known transaction", true),
            ("transaction already imported", true),
            ("unknown account", false),
            ("nonce too low", false),
            ("replacement transaction underpriced", false),
            ("", false),
        ] {
            let cause = RpcError {
                code: -32000,
                message: words.to_owned(),
            };
            assert_eq!(cause.is_known_already(), has_it, "{words}");
        }
    }
}
