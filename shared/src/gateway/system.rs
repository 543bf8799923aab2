//! What runs without a caller.

use std::time::{Duration, Instant};

use tokio_postgres::types::Type;

use super::{Error, Gateway, Reply};
use crate::{config::Identity, ids::AgentId};

impl Gateway {
    /// `gateway.expire_settlements`: one batch. Its keys are made in the database.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn expire_settlements(&self, batch_size: i32) -> Result<Reply, Error> {
        self.call(
            "select outcome, status, body
             from gateway.expire_settlements($1, $2)",
            &[(&&*self.attempt, Type::TEXT), (&batch_size, Type::INT4)],
        )
        .await
    }

    /// `gateway.migrate`: which tokens are for this deployment, and which agent onboards.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn migrate(
        &self,
        identity: &Identity,
        platform_agent: &AgentId,
    ) -> Result<Reply, Error> {
        self.call(
            "select outcome, status, body
             from gateway.migrate($1, $2, $3, $4)",
            &[
                (&&*self.attempt, Type::TEXT),
                (&identity.issuer, Type::TEXT),
                (&identity.audience, Type::TEXT),
                (&platform_agent.as_str(), Type::TEXT),
            ],
        )
        .await
    }

    /// How long until no call may begin.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}
