//! What keeps and shows the transparency log.

use serde::Serialize;
use tokio_postgres::types::{Json, Type};

use super::{Error, Gateway, Reply};
use crate::{auth::Token, commitment::CommitmentId};

/// A signed transaction that is to anchor a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AnchorTransaction {
    /// How many entries the checkpoint covers.
    pub size: u64,
    /// The account, in `0x` form.
    pub address: String,
    /// The account's number for the transaction.
    pub nonce: u64,
    /// The transaction's hash, in `0x` form.
    pub transaction_hash: String,
    /// The bytes that a node is sent, in `0x` form.
    pub raw_transaction: String,
}

/// Where a chain has confirmed a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Anchor {
    /// The transaction's hash, in `0x` form.
    pub transaction_hash: String,
    /// The block's number.
    pub block_number: u64,
    /// The block's hash, in `0x` form.
    pub block_hash: String,
}

impl Gateway {
    /// `gateway.sequence_tlog`: one batch of outcomes gets its places.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn sequence_tlog(&self, batch_size: i32) -> Result<Reply, Error> {
        self.call("sequence_tlog", &[(&batch_size, Type::INT4)])
            .await
    }

    /// `gateway.next_entries`: the entries from a place on, at most `limit`.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn next_entries(&self, from: u64, limit: i32) -> Result<Reply, Error> {
        self.call(
            "next_entries",
            &[(&bigint(from)?, Type::INT8), (&limit, Type::INT4)],
        )
        .await
    }

    /// `gateway.record_checkpoint`: a checkpoint is published. The refusal `tlog-mismatch` means that the database has
    /// another root of that size.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn record_checkpoint(
        &self,
        size: u64,
        root: &[u8],
        note: &str,
    ) -> Result<Reply, Error> {
        self.call(
            "record_checkpoint",
            &[
                (&bigint(size)?, Type::INT8),
                (&root, Type::BYTEA),
                (&note, Type::TEXT),
            ],
        )
        .await
    }

    /// `gateway.next_anchor`: the latest checkpoint, and what is recorded for that chain.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn next_anchor(&self, chain_id: u64) -> Result<Reply, Error> {
        self.call("next_anchor", &[(&bigint(chain_id)?, Type::INT8)])
            .await
    }

    /// `gateway.record_anchor_transaction`: a transaction is signed, and not sent yet.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn record_anchor_transaction(
        &self,
        chain_id: u64,
        transaction: &AnchorTransaction,
    ) -> Result<Reply, Error> {
        self.call(
            "record_anchor_transaction",
            &[
                (&bigint(chain_id)?, Type::INT8),
                (&Json(transaction), Type::JSONB),
            ],
        )
        .await
    }

    /// `gateway.record_anchor`: the chain has confirmed a transaction that was recorded.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn record_anchor(&self, chain_id: u64, anchor: &Anchor) -> Result<Reply, Error> {
        self.call(
            "record_anchor",
            &[
                (&bigint(chain_id)?, Type::INT8),
                (&Json(anchor), Type::JSONB),
            ],
        )
        .await
    }

    /// `gateway.get_checkpoint`: how far the log is signed and anchored.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn get_checkpoint(&self, token: &Token) -> Result<Reply, Error> {
        self.read("get_checkpoint", token, &[]).await
    }

    /// `gateway.get_commitment_proof`: the receipt of one commitment.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn get_commitment_proof(
        &self,
        token: &Token,
        key: &CommitmentId,
    ) -> Result<Reply, Error> {
        self.read(
            "get_commitment_proof",
            token,
            &[(&&key.as_bytes()[..], Type::BYTEA)],
        )
        .await
    }
}

/// No place, size or chain id of ours is beyond this.
fn bigint(value: u64) -> Result<i64, Error> {
    i64::try_from(value).map_err(|_| Error::Broken)
}
