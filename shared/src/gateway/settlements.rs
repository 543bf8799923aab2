//! What people do with settlements.

use time::{Date, OffsetDateTime};
use tokio_postgres::types::Type;

use super::{Claim, Error, Gateway, Reply};
use crate::{
    auth::Token,
    ids::{FacilityId, SettlementId, Uetr},
    money::{AmountMinor, Currency},
    settlement::Text,
};

/// What a maker proposes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSettlement {
    /// Where the capital is to go.
    pub facility_id: FacilityId,
    /// How much, in minor units.
    pub amount_minor: AmountMinor,
    /// The amount's currency.
    pub currency: Currency,
    /// When it is to take effect.
    pub value_date: Date,
    /// The payment's end-to-end reference.
    pub uetr: Option<Uetr>,
    /// The maker's own note.
    pub reference: Option<Text>,
    /// After which it lapses.
    pub expires_at: Option<OffsetDateTime>,
}

impl Gateway {
    /// `gateway.create_settlement`: PENDING.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn create_settlement(
        &self,
        token: &Token,
        claim: &Claim,
        new: &NewSettlement,
    ) -> Result<Reply, Error> {
        self.mutation(
            "create_settlement",
            token,
            claim,
            &[
                (&new.facility_id.as_uuid(), Type::UUID),
                (&new.amount_minor.get(), Type::INT8),
                (&new.currency.code(), Type::TEXT),
                (&new.value_date, Type::DATE),
                (&new.uetr.map(Uetr::as_uuid), Type::UUID),
                (&new.reference.as_ref().map(Text::as_str), Type::TEXT),
                (&new.expires_at, Type::TIMESTAMPTZ),
            ],
        )
        .await
    }

    /// `gateway.verify_settlement`: VERIFIED, the capital reserved.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn verify_settlement(
        &self,
        token: &Token,
        claim: &Claim,
        id: SettlementId,
    ) -> Result<Reply, Error> {
        self.mutation(
            "verify_settlement",
            token,
            claim,
            &[(&id.as_uuid(), Type::UUID)],
        )
        .await
    }

    /// `gateway.cancel_settlement`: CANCELLED.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn cancel_settlement(
        &self,
        token: &Token,
        claim: &Claim,
        id: SettlementId,
        reason: Option<&Text>,
    ) -> Result<Reply, Error> {
        self.mutation(
            "cancel_settlement",
            token,
            claim,
            &[
                (&id.as_uuid(), Type::UUID),
                (&reason.map(Text::as_str), Type::TEXT),
            ],
        )
        .await
    }
}
