//! What people look at. Nothing here writes.

use time::{Date, OffsetDateTime};
use tokio_postgres::types::Type;

use super::{Error, Gateway, Reply};
use crate::{
    auth::Token,
    commitment::{ClientKey, CommitmentId},
    ids::{FacilityId, ResourceId, SettlementId, Sub, Uetr},
    money::CurrencyCode,
    paging::{AuditCursor, ChangesCursor, IdCursor, NewestFirstCursor},
    settlement::{Status, Text},
};

/// Which settlements to list, in which order. What is `None` lets everything through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettlementFilter {
    /// How many a page, 1 to 100.
    pub page_size: i32,
    /// In which order, and where the page begins.
    pub order: SettlementOrder,
    /// Only in one of these states.
    pub statuses: Option<Vec<Status>>,
    /// Only to this facility.
    pub facility_id: Option<FacilityId>,
    /// Only in this currency.
    pub currency: Option<CurrencyCode>,
    /// Only of this value date.
    pub value_date: Option<Date>,
    /// Only the one with this reference.
    pub uetr: Option<Uetr>,
    /// Only with exactly this reference of the allocator's.
    pub reference: Option<Text>,
    /// Only made by this member.
    pub created_by: Option<Sub>,
    /// Only made by others than this member.
    pub not_created_by: Option<Sub>,
    /// Only created after this instant.
    pub created_after: Option<OffsetDateTime>,
    /// Only created before this instant.
    pub created_before: Option<OffsetDateTime>,
}

/// The order of a list of settlements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettlementOrder {
    /// The newest first, after this one.
    NewestFirst(Option<NewestFirstCursor>),
    /// Those that changed after an instant, up to the final one, in the order of their changes, after this one.
    Changes(OffsetDateTime, Option<ChangesCursor>),
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
    /// `gateway.list_settlements`: the allocator's own.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn list_settlements(
        &self,
        token: &Token,
        filter: &SettlementFilter,
    ) -> Result<Reply, Error> {
        let (updated_after, cursor) = match filter.order {
            SettlementOrder::NewestFirst(cursor) => {
                (None, cursor.map(|cursor| (cursor.created_at, cursor.id)))
            }
            SettlementOrder::Changes(after, cursor) => (
                Some(after),
                cursor.map(|cursor| (cursor.updated_at, cursor.id)),
            ),
        };
        let statuses = filter.statuses.as_ref();
        let statuses = statuses.map(|all| all.iter().map(|one| one.as_str()).collect::<Vec<_>>());
        self.read(
            "list_settlements",
            token,
            &[
                (&filter.page_size, Type::INT4),
                (&cursor.map(|(at, _)| at), Type::TIMESTAMPTZ),
                (&cursor.map(|(_, id)| id), Type::UUID),
                (&statuses, Type::TEXT_ARRAY),
                (&filter.facility_id.map(FacilityId::as_uuid), Type::UUID),
                (
                    &filter.currency.as_ref().map(CurrencyCode::code),
                    Type::TEXT,
                ),
                (&filter.value_date, Type::DATE),
                (&filter.uetr.map(Uetr::as_uuid), Type::UUID),
                (&filter.reference.as_ref().map(Text::as_str), Type::TEXT),
                (&filter.created_by.map(Sub::as_uuid), Type::UUID),
                (&filter.not_created_by.map(Sub::as_uuid), Type::UUID),
                (&filter.created_after, Type::TIMESTAMPTZ),
                (&filter.created_before, Type::TIMESTAMPTZ),
                (&updated_after, Type::TIMESTAMPTZ),
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
    pub async fn get_commitment(&self, token: &Token, key: &CommitmentId) -> Result<Reply, Error> {
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
