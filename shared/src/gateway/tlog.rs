//! What keeps and shows the transparency log.

use serde_json::Value;
use tokio_postgres::types::{Json, Type};

use super::{Error, Gateway, Reply};
use crate::{auth::Token, commitment::IdempotencyKey};

impl Gateway {
    /// `gateway.sequence_tlog`: one batch of outcomes gets its places.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn sequence_tlog(&self, batch_size: i32) -> Result<Reply, Error> {
        self.job("sequence_tlog", &[(&batch_size, Type::INT4)])
            .await
    }

    /// `gateway.sign_checkpoint`: what was `published` is recorded, and the entries from a place on are given,
    /// at most `limit`.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn sign_checkpoint(
        &self,
        from: u64,
        limit: i32,
        published: Option<&Value>,
    ) -> Result<Reply, Error> {
        self.job(
            "sign_checkpoint",
            &[
                (&i64::try_from(from).map_err(|_| Error::Broken)?, Type::INT8),
                (&limit, Type::INT4),
                (&published.map(Json), Type::JSONB),
            ],
        )
        .await
    }

    /// `gateway.anchor_checkpoint`: what was prepared for that chain, or confirmed by it, is recorded, and what is
    /// to be anchored is given.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn anchor_checkpoint(
        &self,
        chain_id: u64,
        report: Option<&Value>,
    ) -> Result<Reply, Error> {
        self.job(
            "anchor_checkpoint",
            &[
                (
                    &i64::try_from(chain_id).map_err(|_| Error::Broken)?,
                    Type::INT8,
                ),
                (&report.map(Json), Type::JSONB),
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
        key: &IdempotencyKey,
    ) -> Result<Reply, Error> {
        self.read(
            "get_commitment_proof",
            token,
            &[(&&key.as_bytes()[..], Type::BYTEA)],
        )
        .await
    }
}
