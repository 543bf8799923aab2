//! Risk runs.

use std::fmt::Debug;

use serde::Serialize;
use tokio_postgres::types::{Json, Type};

use super::{Claim, Error, Gateway, Reply};
use crate::{auth::Token, ids::RiskRunId, paging::NewestFirstCursor};

impl Gateway {
    /// `gateway.create_risk_run`. Without results, or with those of a book that is not the present one, nothing is
    /// claimed: the reply is `ok`, with `run_id` and the present book's `snapshot`. With results of the present book
    /// they are recorded, with the request's raw body; the database holds their settings to it.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn create_risk_run<T: Serialize + Debug + Sync>(
        &self,
        token: &Token,
        claim: &Claim,
        request: &[u8],
        result: Option<&T>,
    ) -> Result<Reply, Error> {
        self.mutation(
            "create_risk_run",
            token,
            claim,
            &[(&request, Type::BYTEA), (&result.map(Json), Type::JSONB)],
        )
        .await
    }

    /// `gateway.get_risk_run`: one, with its snapshot.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn get_risk_run(&self, token: &Token, id: RiskRunId) -> Result<Reply, Error> {
        self.read("get_risk_run", token, &[(&id.as_uuid(), Type::UUID)])
            .await
    }

    /// `gateway.get_risk_chart`: one, with what its chart shows.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn get_risk_chart(&self, token: &Token, id: RiskRunId) -> Result<Reply, Error> {
        self.read("get_risk_chart", token, &[(&id.as_uuid(), Type::UUID)])
            .await
    }

    /// `gateway.list_risk_runs`: newest first.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn list_risk_runs(
        &self,
        token: &Token,
        page_size: i32,
        cursor: Option<NewestFirstCursor>,
    ) -> Result<Reply, Error> {
        self.read(
            "list_risk_runs",
            token,
            &[
                (&page_size, Type::INT4),
                (&cursor.map(|cursor| cursor.created_at), Type::TIMESTAMPTZ),
                (&cursor.map(|cursor| cursor.id), Type::UUID),
            ],
        )
        .await
    }
}
