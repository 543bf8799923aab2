//! The chain as one JSON-RPC node tells it.
//!
//! The node is not trusted. What can be checked is: that it speaks of our chain, that a receipt is of the
//! transaction that was asked for, with our account at both ends, and that the block which is said to hold it
//! lists it and is the one at its height now. Everything is bounded: time, bytes, numbers.

mod answer;

use std::{fmt, time::Duration};

use base16ct::lower as hex;
use bytes::Bytes;
use evm::{Address, Hash, Signed};
use http::{Method, Request, StatusCode, Uri, header::CONTENT_TYPE};
use http_body_util::Full;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared::outbound::{self, Outbound};

use self::answer::{Answer, Block, FeeHistory, Quantity, Receipt, RpcError};
use crate::{config::Chain, fees::Quote};

/// A block lists its transactions: 70 bytes for each of some thousands.
const BYTES_MAX: usize = 4 << 20;

const TIME_MAX: Duration = Duration::from_secs(5);

/// A JSON-RPC node.
pub(crate) struct Node {
    uri: Uri,
    outbound: Outbound,
}

/// Where the node sees a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inclusion {
    /// In no block.
    Absent,
    /// In a block that the chain has not, or not any more: it is being reorganised.
    Orphaned,
    /// In this block of the chain as it is now.
    Mined(Mined),
}

/// A block in which a transaction of ours was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mined {
    pub(crate) block_number: u64,
    pub(crate) block_hash: Hash,
    /// Whether it was executed: one that ran out of gas is in the chain as well, and its nonce is spent.
    pub(crate) succeeded: bool,
}

/// What became of a transaction that was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Submission {
    /// The node has it, now or already.
    Accepted,
    /// It does not want it; its words.
    Refused(RpcError),
}

impl Node {
    pub(crate) fn new(chain: &Chain) -> Self {
        Self {
            outbound: Outbound::new(&chain.rpc_url, BYTES_MAX, TIME_MAX),
            uri: chain.rpc_url.clone(),
        }
    }

    pub(crate) async fn chain_id(&self) -> Result<u64, NodeError> {
        self.number("eth_chainId", &json!([])).await
    }

    /// The height of the chain.
    pub(crate) async fn head(&self) -> Result<u64, NodeError> {
        self.number("eth_blockNumber", &json!([])).await
    }

    /// How many transactions of the account are in the chain up to its head.
    pub(crate) async fn nonce(&self, of: Address) -> Result<u64, NodeError> {
        let parameters = json!([of.to_string(), "latest"]);
        self.number("eth_getTransactionCount", &parameters).await
    }

    /// How many are in the chain up to that block.
    pub(crate) async fn nonce_at(&self, of: Address, block: u64) -> Result<u64, NodeError> {
        let parameters = json!([of.to_string(), format!("{block:#x}")]);
        self.number("eth_getTransactionCount", &parameters).await
    }

    /// How much gas it takes to send the account these bytes from itself.
    pub(crate) async fn gas(&self, account: Address, data: &[u8]) -> Result<u64, NodeError> {
        let account = account.to_string();
        let data = format!("0x{}", hex::encode_string(data));
        let call = json!({"from": account, "to": account, "value": "0x0", "data": data});
        self.number("eth_estimateGas", &json!([call])).await
    }

    pub(crate) async fn quote(&self) -> Result<Quote, NodeError> {
        let method = "eth_feeHistory";
        let history: FeeHistory = self.ask(method, &json!(["0x1", "latest", []])).await?;
        // The last figure is the next block's.
        let base_fee = history.base_fee_per_gas.last();
        let base_fee = base_fee.ok_or(NodeError::Malformed(method))?.0;
        let tip: Quantity = self.ask("eth_maxPriorityFeePerGas", &json!([])).await?;
        Ok(Quote {
            base_fee,
            tip: tip.0,
        })
    }

    /// Looks for the transaction in the chain as it is now.
    pub(crate) async fn see(&self, signed: &Signed) -> Result<Inclusion, NodeError> {
        let method = "eth_getTransactionReceipt";
        let parameters = json!([signed.hash().to_string()]);
        let Some(receipt) = self.ask::<Option<Receipt>>(method, &parameters).await? else {
            return Ok(Inclusion::Absent);
        };
        if !receipt.is_of(signed) {
            return Err(NodeError::Contradiction(method));
        }
        let method = "eth_getBlockByNumber";
        let parameters = json!([format!("{:#x}", receipt.block_number.0), false]);
        let block = self.ask::<Option<Block>>(method, &parameters).await?;
        let Some(block) = block.filter(|block| block.hash.0 == receipt.block_hash.0) else {
            return Ok(Inclusion::Orphaned);
        };
        if !block
            .transactions
            .iter()
            .any(|hash| hash.0 == signed.hash())
        {
            return Err(NodeError::Contradiction(method));
        }
        Ok(Inclusion::Mined(Mined {
            block_number: receipt
                .block_number
                .to_u64()
                .ok_or(NodeError::Malformed(method))?,
            block_hash: block.hash.0,
            succeeded: receipt.status.0 == 1,
        }))
    }

    /// Whether the node has the transaction, mined or waiting.
    pub(crate) async fn knows(&self, signed: &Signed) -> Result<bool, NodeError> {
        let parameters = json!([signed.hash().to_string()]);
        let known: Option<Value> = self.ask("eth_getTransactionByHash", &parameters).await?;
        Ok(known.is_some())
    }

    /// Hands the transaction over; once more is no harm.
    pub(crate) async fn send(&self, signed: &Signed) -> Result<Submission, NodeError> {
        let method = "eth_sendRawTransaction";
        match self
            .ask::<answer::Word<32>>(method, &json!([signed.to_hex()]))
            .await
        {
            Ok(hash) if hash.0 == signed.hash() => Ok(Submission::Accepted),
            Ok(_) => Err(NodeError::Contradiction(method)),
            Err(NodeError::Refused { cause, .. }) if cause.is_known_already() => {
                Ok(Submission::Accepted)
            }
            Err(NodeError::Refused { cause, .. }) => Ok(Submission::Refused(cause)),
            Err(error) => Err(error),
        }
    }

    async fn number(&self, method: &'static str, parameters: &Value) -> Result<u64, NodeError> {
        let quantity: Quantity = self.ask(method, parameters).await?;
        quantity.to_u64().ok_or(NodeError::Malformed(method))
    }

    /// One request on a connection of its own turn: answers need no more of an id than to be the same.
    async fn ask<T: DeserializeOwned>(
        &self,
        method: &'static str,
        parameters: &Value,
    ) -> Result<T, NodeError> {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters});
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.uri.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.to_string())))
            .map_err(|_| NodeError::Malformed(method))?;
        let response = self
            .outbound
            .send(request)
            .await
            .map_err(|source| NodeError::Unreachable { method, source })?;
        let answer = serde_json::from_slice::<Answer>(response.body());
        match answer.ok().and_then(Answer::into_outcome) {
            // Some nodes put an error into a response of another status.
            Some(Err(cause)) => Err(NodeError::Refused { method, cause }),
            Some(Ok(result)) if response.status() == StatusCode::OK => {
                serde_json::from_str(result.get()).map_err(|_| NodeError::Malformed(method))
            }
            _ if response.status() != StatusCode::OK => Err(NodeError::Status {
                method,
                status: response.status(),
            }),
            _ => Err(NodeError::Malformed(method)),
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").finish_non_exhaustive()
    }
}

/// Why the node has not answered. For the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NodeError {
    /// There is no whole response.
    #[error("no answer to {method}")]
    Unreachable {
        method: &'static str,
        source: outbound::Error,
    },
    /// No JSON-RPC in it, and a status that says so.
    #[error("{method} was answered with status {status}")]
    Status {
        method: &'static str,
        status: StatusCode,
    },
    /// An error object.
    #[error("{method} was refused: {cause}")]
    Refused {
        method: &'static str,
        cause: RpcError,
    },
    /// Not what the method answers with, or beyond what is accepted.
    #[error("the answer to {0} cannot be read")]
    Malformed(&'static str),
    /// It answers of something else than was asked for.
    #[error("the answer to {0} contradicts the question")]
    Contradiction(&'static str),
}
