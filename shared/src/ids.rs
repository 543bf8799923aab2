//! Identifiers. Each type parses one spelling only, so equal ids are equal texts wherever a text is
//! hashed, signed or compared: in a commitment's id, in a log, in the database.

use std::{fmt, str::FromStr};

use uuid::{Uuid, Variant, Version};

/// Why a text is not a value of the domain. Its `Display` completes "this member …" and quotes no
/// input, so it may go into a problem document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub(crate) &'static str);

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The UUID, as a parameter of a query.
            #[must_use]
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                canonical_uuid(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

uuid_id!(
    /// A settlement: one movement of capital from an allocator to a facility.
    SettlementId
);
uuid_id!(
    /// A risk run.
    RiskRunId
);
uuid_id!(
    /// Whatever an operation's path names: a settlement, a facility, a release.
    ResourceId
);
uuid_id!(
    /// A credit facility.
    FacilityId
);
uuid_id!(
    /// An allocator of capital: the tenant.
    AllocatorId
);
uuid_id!(
    /// A person: the `sub` claim of a token.
    Sub
);
uuid_id!(
    /// A party of a facility: a debtor, a secured party.
    PartyId
);
uuid_id!(
    /// A financing statement.
    FilingId
);
uuid_id!(
    /// An amendment of a financing statement.
    AmendmentId
);
uuid_id!(
    /// A security agreement.
    AgreementId
);
uuid_id!(
    /// What can be pledged.
    AssetId
);
uuid_id!(
    /// A pledge of an asset, from when until when.
    PledgeId
);
uuid_id!(
    /// A valuation: one document for one or more assets.
    ValuationId
);
uuid_id!(
    /// A custodian's receipt: one document for one or more assets.
    ReceiptId
);
uuid_id!(
    /// A search of a filing office's index.
    SearchId
);
uuid_id!(
    /// A release of collateral.
    ReleaseId
);

/// Unique end-to-end transaction reference of a payment (ISO 20022 UETR): a version 4 UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uetr(Uuid);

impl Uetr {
    /// The UUID, as a parameter of a query.
    #[must_use]
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl FromStr for Uetr {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        canonical_uuid(text)
            .ok()
            .filter(|id| id.get_version() == Some(Version::Random))
            .filter(|id| id.get_variant() == Variant::RFC4122)
            .map(Self)
            .ok_or(Invalid(
                "must be a version 4 UUID in canonical lower-case form",
            ))
    }
}

impl fmt::Display for Uetr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An escrow, settlement or collateral agent, or the onboarding platform: `^[a-z][a-z0-9-]{2,62}$`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentId(String);

impl AgentId {
    /// The id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AgentId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let tail = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        let valid = (3..=63).contains(&text.len())
            && text.as_bytes()[0].is_ascii_lowercase()
            && text.bytes().all(tail);
        if !valid {
            return Err(Invalid(
                "must be 3 to 63 lower-case letters, digits and hyphens, the first a letter",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id an agent gives to one webhook delivery, the same on every redelivery.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId(String);

impl DeliveryId {
    /// The id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DeliveryId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if !(1..=255).contains(&text.len()) || !text.bytes().all(|c| c.is_ascii_graphic()) {
            return Err(Invalid("must be 1 to 255 visible ASCII characters"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `Uuid`'s own parser also takes braces, URNs, upper case and missing hyphens.
fn canonical_uuid(text: &str) -> Result<Uuid, Invalid> {
    Uuid::try_parse(text)
        .ok()
        .filter(|id| {
            text.as_bytes()
                == id
                    .hyphenated()
                    .encode_lower(&mut Uuid::encode_buffer())
                    .as_bytes()
        })
        .ok_or(Invalid("must be a UUID in canonical lower-case form"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: &str = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";

    #[test]
    fn a_uuid_has_one_spelling() {
        assert_eq!(V4.parse::<SettlementId>().unwrap().to_string(), V4);
        for bad in [
            "",
            "6F9619FF-8B86-4D01-B42D-00CF4FC964FF",
            "6f9619ff8b864d01b42d00cf4fc964ff",
            "{6f9619ff-8b86-4d01-b42d-00cf4fc964ff}",
            "urn:uuid:6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
            " 6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
            "6f9619ff-8b86-4d01-b42d-00cf4fc964ff\n",
            "6f9619ff-8b86-4d01-b42d-00cf4fc964fg",
            "6f9619ff-8b86-4d01-b42d-00cf4fc964f",
        ] {
            assert!(bad.parse::<SettlementId>().is_err(), "{bad:?}");
            assert!(bad.parse::<Uetr>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_uetr_is_version_4_of_the_rfc_variant() {
        assert_eq!(V4.parse::<Uetr>().unwrap().to_string(), V4);
        for bad in [
            "6f9619ff-8b86-1d01-b42d-00cf4fc964ff",
            "6f9619ff-8b86-7d01-b42d-00cf4fc964ff",
            "6f9619ff-8b86-4d01-c42d-00cf4fc964ff",
            "6f9619ff-8b86-4d01-742d-00cf4fc964ff",
            "00000000-0000-0000-0000-000000000000",
        ] {
            assert!(bad.parse::<Uetr>().is_err(), "{bad:?}");
            assert!(bad.parse::<FacilityId>().is_ok(), "{bad:?}");
        }
    }

    #[test]
    fn agent_ids() {
        let longest = format!("a{}", "-".repeat(62));
        for good in ["abc", "escrow-one", "a--", longest.as_str()] {
            assert_eq!(good.parse::<AgentId>().unwrap().as_str(), good);
        }
        let too_long = format!("{longest}x");
        for bad in [
            "", "ab", "1abc", "-abc", "Abc", "abC", "a_c", "a.c", "a/c", "abé", "abc\n", "ab\0",
            &too_long,
        ] {
            assert!(bad.parse::<AgentId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn delivery_ids() {
        let longest = "~".repeat(255);
        for good in ["1", "msg_p5jXN8AQM9LWM0D4loKWxJek", "!", longest.as_str()] {
            assert_eq!(good.parse::<DeliveryId>().unwrap().as_str(), good);
        }
        let too_long = format!("{longest}~");
        for bad in ["", " ", "a b", "a\t", "a\u{7f}", "é", "a\0", &too_long] {
            assert!(bad.parse::<DeliveryId>().is_err(), "{bad:?}");
        }
    }
}
