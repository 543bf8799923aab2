//! Facilities, what secures them, and its release.

use serde_json::{Value, json};
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::{Claim, Error, Gateway, Reply};
use crate::{
    auth::Token,
    collateral::{Description, ReleaseStatus, WarningKind, WarningStatus},
    commitment::Sha256,
    ids::{FacilityId, FilingId, PartyId, PledgeId, ReleaseId},
    paging::{IdCursor, NewestFirstCursor},
    settlement::Text,
};

/// What a maker asks to release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRelease {
    /// The financing statement that the assets are pledged under.
    pub filing_id: FilingId,
    /// Which of them.
    pub released: Released,
    /// The maker's own words.
    pub reason: Text,
}

/// How much of what is pledged under a filing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Released {
    /// These pledges, one at least.
    Assets(Vec<PledgeId>),
    /// All of them, and the filing may be terminated.
    Termination,
    /// None; the filing may be amended in this way, so that it covers less.
    Amendment(Removal),
}

/// What an amendment says that takes cover away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// A party is no more of record.
    Party {
        /// `debtor` or `secured`.
        role: &'static str,
        /// Which one.
        party_id: PartyId,
    },
    /// Collateral is deleted, or described anew.
    Collateral {
        /// `delete` or `restate`.
        action: &'static str,
        /// The text, to the byte.
        description: Description,
    },
}

impl Removal {
    fn to_json(&self) -> Value {
        match self {
            Self::Party { role, party_id } => {
                json!({"kind": "party", "action": "delete", "role": role, "party_id": party_id.to_string()})
            }
            Self::Collateral {
                action,
                description,
            } => {
                json!({"kind": "collateral", "action": action, "description": description.as_str()})
            }
        }
    }
}

impl Released {
    /// The word in JSON and in the database.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Assets(_) => "assets",
            Self::Termination => "termination",
            Self::Amendment(_) => "amendment",
        }
    }

    fn pledges(&self) -> Option<Vec<Uuid>> {
        match self {
            Self::Assets(pledges) => Some(pledges.iter().map(|pledge| pledge.as_uuid()).collect()),
            Self::Termination | Self::Amendment(_) => None,
        }
    }

    fn amendment(&self) -> Option<Value> {
        match self {
            Self::Amendment(removal) => Some(removal.to_json()),
            Self::Assets(_) | Self::Termination => None,
        }
    }
}

/// Which releases to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseFilter {
    /// How many a page, 1 to 100.
    pub page_size: i32,
    /// Where the page begins.
    pub cursor: Option<NewestFirstCursor>,
    /// Only in one of these states.
    pub statuses: Option<Vec<ReleaseStatus>>,
    /// Only of this facility.
    pub facility_id: Option<FacilityId>,
}

/// Which warnings to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarningFilter {
    /// How many a page, 1 to 100.
    pub page_size: i32,
    /// Where the page begins.
    pub cursor: Option<NewestFirstCursor>,
    /// Only in one of these states.
    pub statuses: Vec<WarningStatus>,
    /// Only of this facility.
    pub facility_id: Option<FacilityId>,
    /// Only of one of these kinds.
    pub kinds: Option<Vec<WarningKind>>,
}

impl Gateway {
    /// `gateway.list_facilities`: by id.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn list_facilities(
        &self,
        token: &Token,
        page_size: i32,
        cursor: Option<IdCursor>,
    ) -> Result<Reply, Error> {
        self.read(
            "list_facilities",
            token,
            &[
                (&page_size, Type::INT4),
                (&cursor.map(|IdCursor(id)| id), Type::UUID),
            ],
        )
        .await
    }

    /// `gateway.get_facility`: one, with its rules and open warnings.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn get_facility(&self, token: &Token, id: FacilityId) -> Result<Reply, Error> {
        self.read("get_facility", token, &[(&id.as_uuid(), Type::UUID)])
            .await
    }

    /// `gateway.get_facility_collateral`: filings, a page of pledges, the borrowing base, releases, warnings.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn get_facility_collateral(
        &self,
        token: &Token,
        id: FacilityId,
        page_size: i32,
        cursor: Option<IdCursor>,
    ) -> Result<Reply, Error> {
        self.read(
            "get_facility_collateral",
            token,
            &[
                (&id.as_uuid(), Type::UUID),
                (&page_size, Type::INT4),
                (&cursor.map(|IdCursor(id)| id), Type::UUID),
            ],
        )
        .await
    }

    /// `gateway.get_filing`: one, with what its amendments make of it.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn get_filing(
        &self,
        token: &Token,
        facility_id: FacilityId,
        id: FilingId,
    ) -> Result<Reply, Error> {
        self.read(
            "get_filing",
            token,
            &[
                (&facility_id.as_uuid(), Type::UUID),
                (&id.as_uuid(), Type::UUID),
            ],
        )
        .await
    }

    /// `gateway.get_release`: one, whatever became of it.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn get_release(&self, token: &Token, id: ReleaseId) -> Result<Reply, Error> {
        self.read("get_release", token, &[(&id.as_uuid(), Type::UUID)])
            .await
    }

    /// `gateway.list_releases`: of the facilities that the allocator leads, newest first.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn list_releases(
        &self,
        token: &Token,
        filter: &ReleaseFilter,
    ) -> Result<Reply, Error> {
        let statuses = filter.statuses.as_deref().map(ReleaseStatus::words);
        self.read(
            "list_releases",
            token,
            &[
                (&filter.page_size, Type::INT4),
                (
                    &filter.cursor.map(|cursor| cursor.created_at),
                    Type::TIMESTAMPTZ,
                ),
                (&filter.cursor.map(|cursor| cursor.id), Type::UUID),
                (&statuses, Type::TEXT_ARRAY),
                (&filter.facility_id.map(FacilityId::as_uuid), Type::UUID),
            ],
        )
        .await
    }

    /// `gateway.list_warnings`: of the facilities that the allocator takes part in, newest first.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn list_warnings(
        &self,
        token: &Token,
        filter: &WarningFilter,
    ) -> Result<Reply, Error> {
        let statuses = WarningStatus::words(&filter.statuses);
        let kinds = filter.kinds.as_deref().map(WarningKind::words);
        self.read(
            "list_warnings",
            token,
            &[
                (&filter.page_size, Type::INT4),
                (
                    &filter.cursor.map(|cursor| cursor.created_at),
                    Type::TIMESTAMPTZ,
                ),
                (&filter.cursor.map(|cursor| cursor.id), Type::UUID),
                (&statuses, Type::TEXT_ARRAY),
                (&filter.facility_id.map(FacilityId::as_uuid), Type::UUID),
                (&kinds, Type::TEXT_ARRAY),
            ],
        )
        .await
    }

    /// `gateway.request_release`: writes down what is to be released, and releases nothing.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn request_release(
        &self,
        token: &Token,
        claim: &Claim,
        facility_id: FacilityId,
        new: &NewRelease,
    ) -> Result<Reply, Error> {
        self.mutation(
            "request_release",
            token,
            claim,
            &[
                (&facility_id.as_uuid(), Type::UUID),
                (&new.released.kind(), Type::TEXT),
                (&new.filing_id.as_uuid(), Type::UUID),
                (&new.released.pledges(), Type::UUID_ARRAY),
                (&new.released.amendment(), Type::JSONB),
                (&new.reason.as_str(), Type::TEXT),
            ],
        )
        .await
    }

    /// `gateway.approve_release`: it takes effect, if its content still has this hash.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn approve_release(
        &self,
        token: &Token,
        claim: &Claim,
        id: ReleaseId,
        content: &Sha256,
    ) -> Result<Reply, Error> {
        self.mutation(
            "approve_release",
            token,
            claim,
            &[
                (&id.as_uuid(), Type::UUID),
                (&&content.as_bytes()[..], Type::BYTEA),
            ],
        )
        .await
    }
}
