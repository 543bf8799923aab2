//! What people look at. Nothing here writes.

use time::OffsetDateTime;
use tokio_postgres::types::Type;

use super::{Error, Gateway, Reply};
use crate::{
    auth::Token,
    commitment::{ClientKey, IdempotencyKey},
    ids::{FacilityId, ResourceId, SettlementId},
    paging::{AuditCursor, IdCursor, NewestFirstCursor},
    settlement::Status,
};

/// Which settlements to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettlementFilter {
    /// How many a page, 1 to 100.
    pub page_size: i32,
    /// Where the page begins.
    pub cursor: Option<NewestFirstCursor>,
    /// Only in this state.
    pub status: Option<Status>,
    /// Only to this facility.
    pub facility_id: Option<FacilityId>,
    /// Only created after this instant.
    pub created_after: Option<OffsetDateTime>,
    /// Only created before this instant.
    pub created_before: Option<OffsetDateTime>,
}

/// What a member sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The operation asked for.
    pub operation: &'static str,
    /// What its path names, if anything.
    pub resource: Option<ResourceId>,
    /// The key.
    pub client_key: ClientKey,
}

impl Gateway {
    /// `gateway.list_settlements`: newest first.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn list_settlements(
        &self,
        token: &Token,
        filter: &SettlementFilter,
    ) -> Result<Reply, Error> {
        self.read(
            "list_settlements",
            token,
            &[
                (&filter.page_size, Type::INT4),
                (
                    &filter.cursor.map(|cursor| cursor.created_at),
                    Type::TIMESTAMPTZ,
                ),
                (&filter.cursor.map(|cursor| cursor.id), Type::UUID),
                (&filter.status.map(Status::as_str), Type::TEXT),
                (&filter.facility_id.map(FacilityId::as_uuid), Type::UUID),
                (&filter.created_after, Type::TIMESTAMPTZ),
                (&filter.created_before, Type::TIMESTAMPTZ),
            ],
        )
        .await
    }

    /// `gateway.get_settlement`: one, with its transitions.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn get_settlement(&self, token: &Token, id: SettlementId) -> Result<Reply, Error> {
        self.read("get_settlement", token, &[(&id.as_uuid(), Type::UUID)])
            .await
    }

    /// `gateway.get_verification`: for what verifying would be refused now.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn get_verification(&self, token: &Token, id: SettlementId) -> Result<Reply, Error> {
        self.read("get_verification", token, &[(&id.as_uuid(), Type::UUID)])
            .await
    }

    /// `gateway.list_positions`: as of an instant, or now; facilities by their ids.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn list_positions(
        &self,
        token: &Token,
        as_of: Option<OffsetDateTime>,
        page_size: i32,
        cursor: Option<IdCursor>,
    ) -> Result<Reply, Error> {
        self.read(
            "list_positions",
            token,
            &[
                (&as_of, Type::TIMESTAMPTZ),
                (&page_size, Type::INT4),
                (&cursor.map(|IdCursor(id)| id), Type::UUID),
            ],
        )
        .await
    }

    /// `gateway.get_me`: the member, the allocator, and the roles.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn get_me(&self, token: &Token) -> Result<Reply, Error> {
        self.read("get_me", token, &[]).await
    }

    /// `gateway.find_commitment`: one's own ledger entry.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn find_commitment(&self, token: &Token, sent: &Sent) -> Result<Reply, Error> {
        let resource = sent.resource.map(|id| id.to_string()).unwrap_or_default();
        self.read(
            "find_commitment",
            token,
            &[
                (&sent.operation, Type::TEXT),
                (&resource, Type::TEXT),
                (&sent.client_key.as_str(), Type::TEXT),
            ],
        )
        .await
    }

    /// `gateway.get_commitment`: one ledger entry.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn get_commitment(
        &self,
        token: &Token,
        key: &IdempotencyKey,
    ) -> Result<Reply, Error> {
        self.read(
            "get_commitment",
            token,
            &[(&&key.as_bytes()[..], Type::BYTEA)],
        )
        .await
    }

    /// `gateway.list_audit`: newest first.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn list_audit(
        &self,
        token: &Token,
        page_size: i32,
        cursor: Option<AuditCursor>,
    ) -> Result<Reply, Error> {
        self.read(
            "list_audit",
            token,
            &[
                (&page_size, Type::INT4),
                (&cursor.map(|AuditCursor(id)| id), Type::INT8),
            ],
        )
        .await
    }
}
