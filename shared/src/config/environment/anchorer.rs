use std::fmt;

use http::Uri;
use tlog::note::{Algorithm, VerifierKey};

use crate::config::{Base, Malformed, Variables, urls::http_url};

/// Whoever waits for more than a block on top of its transaction waits for what a chain hardly ever undoes.
const CONFIRMATIONS_DEFAULT: u64 = 2;

/// A node that keeps no history still knows the accounts of the last 128 blocks.
const CONFIRMATIONS_MAX: u64 = 100;

/// Numbers beyond are not the same for every reader of JSON.
const CHAIN_ID_MAX: u64 = (1 << 53) - 1;

/// The environment of the function that writes checkpoints into a chain.
#[derive(Debug)]
pub struct Anchorer {
    /// What every function has.
    pub base: Base,
    /// `TLOG_VERIFIER_KEY`: by whose key a checkpoint must be signed.
    pub log_key: VerifierKey,
    /// Where checkpoints go.
    pub chain: Chain,
}

/// A chain and how it is reached.
pub struct Chain {
    /// `CHAIN_RPC_URL`, of a node that is not trusted. Its path may be what lets us in: it is not printed.
    pub rpc_url: Uri,
    /// `CHAIN_ID`.
    pub id: u64,
    /// `CHAIN_CONFIRMATIONS`: a transaction counts when so many blocks, its own among them, hold it.
    pub confirmations: u64,
}

impl Anchorer {
    /// # Errors
    ///
    /// Every variable that is missing or malformed.
    pub fn parse<F: Fn(&str) -> Option<String>>(
        mut variables: Variables<F>,
    ) -> Result<Self, Malformed> {
        let base = Base::read(&mut variables);
        let log_key = variables.required("TLOG_VERIFIER_KEY", log_key);
        let chain = Chain::read(&mut variables);
        let anchorer = base
            .zip(log_key)
            .zip(chain)
            .map(|((base, log_key), chain)| Self {
                base,
                log_key,
                chain,
            });
        variables.finish(anchorer)
    }
}

impl Chain {
    fn read<F: Fn(&str) -> Option<String>>(variables: &mut Variables<F>) -> Option<Self> {
        let rpc_url = variables.required("CHAIN_RPC_URL", rpc_url);
        let id = variables.required("CHAIN_ID", |text| {
            number(text, CHAIN_ID_MAX).ok_or("must be a number from 1 to 9007199254740991")
        });
        let confirmations = variables.optional("CHAIN_CONFIRMATIONS", |text| {
            number(text, CONFIRMATIONS_MAX).ok_or("must be a number from 1 to 100")
        });
        Some(Self {
            rpc_url: rpc_url?,
            id: id?,
            confirmations: confirmations?.unwrap_or(CONFIRMATIONS_DEFAULT),
        })
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain")
            .field("id", &self.id)
            .field("confirmations", &self.confirmations)
            .finish_non_exhaustive()
    }
}

fn log_key(text: &str) -> Result<VerifierKey, &'static str> {
    VerifierKey::parse(text)
        .ok()
        .filter(|key| key.algorithm() == Algorithm::Ed25519)
        .ok_or("must be the Ed25519 verifier key of a signed note")
}

fn rpc_url(text: &str) -> Result<Uri, &'static str> {
    http_url(text).and_then(|url| url.parse().map_err(|_| "must be a URL"))
}

fn number(text: &str, max: u64) -> Option<u64> {
    Some(text)
        .filter(|text| text.bytes().all(|c| c.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .filter(|number| (1..=max).contains(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(name: &str, value: Option<&str>) -> Option<Chain> {
        let get = move |asked: &str| match asked {
            _ if asked == name => value.map(str::to_owned),
            "CHAIN_RPC_URL" => Some("https://node.example/v3/0123456789".to_owned()),
            "CHAIN_ID" => Some("11155111".to_owned()),
            _ => None,
        };
        Chain::read(&mut Variables::new(get))
    }

    #[test]
    fn a_chain_is_accepted_and_its_url_is_not_printed() {
        let accepted = chain("OTHER", None).unwrap();
        assert_eq!(accepted.confirmations, CONFIRMATIONS_DEFAULT);
        assert!(!format!("{accepted:?}").contains("node.example"));
        let deep = chain("CHAIN_CONFIRMATIONS", Some("64")).unwrap();
        assert_eq!(deep.confirmations, 64);
        assert!(chain("CHAIN_RPC_URL", Some("http://127.0.0.1:8545")).is_some());
    }

    #[test]
    fn the_log_has_a_key_of_its_own_kind() {
        let key = |algorithm| {
            VerifierKey::new("optkas.example/log", algorithm, [7; 32])
                .unwrap()
                .to_string()
        };
        let good = key(Algorithm::Ed25519);
        assert_eq!(log_key(&good).unwrap().to_string(), good);
        for bad in ["", &good[1..], &key(Algorithm::CosignatureV1)] {
            assert!(log_key(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn anything_else_is_not() {
        for (name, value) in [
            ("CHAIN_RPC_URL", None),
            ("CHAIN_RPC_URL", Some("http://node.example/")),
            ("CHAIN_RPC_URL", Some("https://node.example/?key=0123")),
            ("CHAIN_RPC_URL", Some("wss://node.example/")),
            ("CHAIN_ID", None),
            ("CHAIN_ID", Some("")),
            ("CHAIN_ID", Some("0")),
            ("CHAIN_ID", Some("0x1")),
            ("CHAIN_ID", Some("+1")),
            ("CHAIN_ID", Some("9007199254740992")),
            ("CHAIN_CONFIRMATIONS", Some("")),
            ("CHAIN_CONFIRMATIONS", Some("0")),
            ("CHAIN_CONFIRMATIONS", Some("101")),
            ("CHAIN_CONFIRMATIONS", Some("-1")),
        ] {
            assert!(chain(name, value).is_none(), "{name} {value:?}");
        }
    }
}
