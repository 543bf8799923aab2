//! Compares the rows of a commitment with its published leaf.

use postgres::Row;
use tlog::leaf::{Leaf, Timestamp, Uuid, body_hash, refusal_hash, tagged_hash};

use super::sql::rfc3339;
use crate::report::Field;

pub(super) const ENTRIES: &str = concat!(
    "select e.index::int8, e.key, e.epoch::int8, e.xid::text, e.previous::int8,
        l.key is not null, l.fingerprint, l.principal_kind::text, l.principal_id::text, l.operation::text,
        l.resource::text, l.attempt::text, l.xid::text, ",
    rfc3339!("l.claimed_at"),
    ",
        o.key is not null, o.principal_kind::text, o.principal_id::text, o.allocator_id::text, o.outcome::text,
        o.status::int8, o.body::text, o.xid::text, o.epoch::int8, o.leaf::text, ",
    rfc3339!("o.committed_at"),
    ", o.refusal::text, ",
    rfc3339!("l.occurred_at"),
    "
    from tlog.entry as e
    left join ledger.commitment_ledger as l on l.key = e.key
    left join ledger.commitment_outcome as o on o.key = e.key
    where e.index < $1
    order by e.index, e.key"
);

/// An entry with its claim and its outcome. Any of it may be missing: an insider who deletes rows can drop constraints.
pub(super) struct Entry {
    pub(super) index: i64,
    pub(super) key: Vec<u8>,
    pub(super) epoch: Option<i64>,
    pub(super) xid: Option<String>,
    pub(super) previous: Option<i64>,
    pub(super) claim: Option<Claim>,
    pub(super) outcome: Option<Outcome>,
}

pub(super) struct Claim {
    fingerprint: Option<Vec<u8>>,
    kind: Option<String>,
    id: Option<String>,
    operation: Option<String>,
    resource: Option<String>,
    attempt: Option<String>,
    pub(super) xid: Option<String>,
    claimed_at: Option<String>,
    occurred_at: Option<String>,
}

pub(super) struct Outcome {
    kind: Option<String>,
    id: Option<String>,
    allocator: Option<String>,
    result: Option<String>,
    status: Option<i64>,
    refusal: Option<String>,
    body: Option<String>,
    pub(super) xid: Option<String>,
    pub(super) epoch: Option<i64>,
    pub(super) leaf: Option<String>,
    committed_at: Option<String>,
}

impl Entry {
    pub(super) fn read(row: &Row) -> Result<Self, postgres::Error> {
        let claim = Claim {
            fingerprint: row.try_get(6)?,
            kind: row.try_get(7)?,
            id: row.try_get(8)?,
            operation: row.try_get(9)?,
            resource: row.try_get(10)?,
            attempt: row.try_get(11)?,
            xid: row.try_get(12)?,
            claimed_at: row.try_get(13)?,
            occurred_at: row.try_get(26)?,
        };
        let outcome = Outcome {
            kind: row.try_get(15)?,
            id: row.try_get(16)?,
            allocator: row.try_get(17)?,
            result: row.try_get(18)?,
            status: row.try_get(19)?,
            refusal: row.try_get(25)?,
            body: row.try_get(20)?,
            xid: row.try_get(21)?,
            epoch: row.try_get(22)?,
            leaf: row.try_get(23)?,
            committed_at: row.try_get(24)?,
        };
        let key: Option<Vec<u8>> = row.try_get(1)?;
        Ok(Self {
            index: row.try_get(0)?,
            key: key.unwrap_or_default(),
            epoch: row.try_get(2)?,
            xid: row.try_get(3)?,
            previous: row.try_get(4)?,
            claim: row.try_get::<_, bool>(5)?.then_some(claim),
            outcome: row.try_get::<_, bool>(14)?.then_some(outcome),
        })
    }
}

impl Claim {
    /// The columns that differ from the leaf.
    pub(super) fn differing(&self, leaf: &Leaf) -> Vec<Field> {
        let mut differing = Differing::default();
        let fingerprint = leaf.fingerprint.as_bytes();
        differing.hidden(
            "fingerprint",
            Some(&fingerprint[..]),
            self.fingerprint.as_deref(),
        );
        let kind = leaf.actor.kind.as_str();
        differing.shown("principal_kind", kind, self.kind.as_deref());
        // The hash of the id includes the kind. Where the kind differs, the id cannot be compared.
        if self.kind.as_deref() == Some(kind) {
            let hash = self
                .id
                .as_ref()
                .map(|id| tagged_hash("optkas/log-actor/v1", &[kind.as_bytes(), id.as_bytes()]));
            differing.hidden("principal_id", Some(&leaf.actor.id_hash), hash.as_ref());
        }
        differing.shown("operation", &leaf.operation, self.operation.as_deref());
        differing.hidden(
            "resource",
            Some(&*leaf.resource_id),
            self.resource.as_deref(),
        );
        differing.hidden("attempt", Some(&*leaf.attempt), self.attempt.as_deref());
        let occurred_at = leaf.occurred_at.as_ref().map(Timestamp::as_str);
        differing.hidden("occurred_at", occurred_at, self.occurred_at.as_deref());
        differing.shown(
            "claimed_at",
            leaf.claimed_at.as_str(),
            self.claimed_at.as_deref(),
        );
        differing.0
    }
}

impl Outcome {
    /// What a reply with status 201 says it has created.
    fn created_id(&self) -> Option<Uuid> {
        let body = self.body.as_ref().filter(|_| self.status == Some(201))?;
        let body: serde_json::Value = serde_json::from_str(body).ok()?;
        Uuid::parse(body["id"].as_str()?)
    }

    /// The columns that differ from the leaf or from the claim.
    pub(super) fn differing(&self, leaf: &Leaf, entry: &[u8], claim: Option<&Claim>) -> Vec<Field> {
        let mut differing = Differing::default();
        if let Some(claim) = claim {
            differing.hidden("principal_kind", claim.kind.as_ref(), self.kind.as_ref());
            differing.hidden("principal_id", claim.id.as_ref(), self.id.as_ref());
        }
        let allocator = leaf.allocator_id.as_ref().map(Uuid::as_str);
        differing.hidden("allocator_id", allocator, self.allocator.as_deref());
        differing.shown("outcome", leaf.outcome.as_str(), self.result.as_deref());
        let status = self.status.map(|status| status.to_string());
        let refusal = self.refusal.as_deref();
        match &leaf.outcome {
            tlog::leaf::Outcome::Accepted(recorded) => {
                differing.shown("status", &recorded.get().to_string(), status.as_deref());
                differing.hidden("refusal", None, refusal);
            }
            tlog::leaf::Outcome::Refused(recorded) => {
                differing.hidden("status", None, status.as_deref());
                differing.shown("refusal", recorded.as_str(), refusal);
            }
        }
        let recorded = leaf.outcome.refusal();
        let hash = |body: &String| {
            recorded.map_or_else(|| body_hash(body), |name| refusal_hash(name, body))
        };
        let recorded = (Some(leaf.body_hash), leaf.created_id.clone());
        let found = (self.body.as_ref().map(hash), self.created_id());
        differing.hidden("body", Some(&recorded), Some(&found));
        differing.shown(
            "committed_at",
            leaf.committed_at.as_str(),
            self.committed_at.as_deref(),
        );
        let frozen = self.leaf.as_ref().map(String::as_bytes);
        differing.hidden("leaf", Some(entry), frozen);
        differing.0
    }
}

#[derive(Default)]
struct Differing(Vec<Field>);

impl Differing {
    fn shown(&mut self, name: &str, recorded: &str, found: Option<&str>) {
        if found != Some(recorded) {
            self.0.push(Field {
                name: name.to_owned(),
                recorded: Some(recorded.to_owned()),
                found: found.map(str::to_owned),
            });
        }
    }

    fn hidden<T: PartialEq + ?Sized>(
        &mut self,
        name: &str,
        recorded: Option<&T>,
        found: Option<&T>,
    ) {
        if found != recorded {
            self.0.push(Field::hidden(name));
        }
    }
}
