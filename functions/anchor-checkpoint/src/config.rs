use std::fmt;

use http::Uri;
use once_cell::sync::OnceCell;
use shared::config::{Base, Variables, http_url, whole_number};
use tlog::note::{Algorithm, VerifierKey};

/// The environment as it was parsed at the start.
pub(crate) static CONFIG: OnceCell<AnchorConfig> = OnceCell::new();

/// The transaction's block and one on top: a chain hardly ever undoes more.
const CONFIRMATIONS_DEFAULT: u64 = 2;

/// A node that keeps no history still knows the accounts of the last 128 blocks.
const CONFIRMATIONS_MAX: u64 = 100;

/// Readers of JSON do not agree on larger numbers.
const CHAIN_ID_MAX: u64 = (1 << 53) - 1;

/// The environment of the function that writes checkpoints into a chain.
#[derive(Debug)]
pub(crate) struct AnchorConfig {
    /// What every function has.
    pub(crate) base: Base,
    /// `TLOG_VERIFIER_KEY`: the key that must have signed a checkpoint.
    pub(crate) log_key: VerifierKey,
    /// Where checkpoints go.
    pub(crate) chain: Chain,
}

/// A chain and how it is reached.
pub(crate) struct Chain {
    /// `CHAIN_RPC_URL`, of a node that is not trusted. Its path may be an access key, so it is not printed.
    pub(crate) rpc_url: Uri,
    /// `CHAIN_ID`.
    pub(crate) id: u64,
    /// `CHAIN_CONFIRMATIONS`: how many blocks, the transaction's own among them, make it count.
    pub(crate) confirmations: u64,
}

impl AnchorConfig {
    /// Reads the environment.
    pub(crate) fn read(variables: &mut Variables) -> Option<Self> {
        let base = Base::read(variables);
        let log_key = variables.required("TLOG_VERIFIER_KEY", log_key);
        let chain = Chain::read(variables);
        Some(Self {
            base: base?,
            log_key: log_key?,
            chain: chain?,
        })
    }
}

impl Chain {
    fn read(variables: &mut Variables) -> Option<Self> {
        let rpc_url = variables.required("CHAIN_RPC_URL", rpc_url);
        let id = variables.required("CHAIN_ID", |text| {
            whole_number(text, 1, CHAIN_ID_MAX).ok_or("must be a number from 1 to 9007199254740991")
        });
        let confirmations = variables.optional("CHAIN_CONFIRMATIONS", |text| {
            whole_number(text, 1, CONFIRMATIONS_MAX).ok_or("must be a number from 1 to 100")
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

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(name: &'static str, value: Option<&'static str>) -> Option<Chain> {
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
