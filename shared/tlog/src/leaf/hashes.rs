//! The hashes in a leaf.

use ring::digest::{Context, SHA256};

use super::ActorKind;
use crate::merkle::{Hash, finished, sha256};

/// `H(tag, f1..fn)`. Each field's length is hashed before it, so no two lists of fields give one input.
#[must_use]
pub fn tagged_hash(tag: &str, fields: &[&[u8]]) -> Hash {
    let tag = sha256(tag.as_bytes());
    let mut context = Context::new(&SHA256);
    context.update(tag.as_bytes());
    context.update(tag.as_bytes());
    for field in fields {
        context.update(&(field.len() as u64).to_be_bytes());
        context.update(field);
    }
    finished(context)
}

/// `id_hash` of an actor, of a kind and an id as the ledger has them.
#[must_use]
pub fn id_hash(kind: ActorKind, id: &str) -> Hash {
    tagged_hash(
        "optkas/log-actor/v1",
        &[kind.as_str().as_bytes(), id.as_bytes()],
    )
}

/// `fingerprint` of a request: its operation, the id in its route, and its body as it was sent.
#[must_use]
pub fn fingerprint(operation: &str, resource_id: &str, body: &[u8]) -> Hash {
    tagged_hash(
        "optkas/request-fingerprint/v1",
        &[operation.as_bytes(), resource_id.as_bytes(), body],
    )
}

/// `body_hash` of a body, as jsonb writes it.
#[must_use]
pub fn body_hash(body: &str) -> Hash {
    tagged_hash("optkas/log-body/v1", &[body.as_bytes()])
}

/// `body_hash` of a refusal: its name, and its members as jsonb writes them.
#[must_use]
pub fn refusal_hash(name: &str, members: &str) -> Hash {
    tagged_hash(
        "optkas/log-refusal/v1",
        &[name.as_bytes(), members.as_bytes()],
    )
}

/// `mutations_hash` of no entry in the audit trail.
pub const NO_MUTATIONS: Hash = Hash::from_bytes([0; 32]);

/// `mutations_hash` after one more entry.
#[must_use]
pub fn next_mutations_hash(before: &Hash, mutation_hash: &[u8]) -> Hash {
    tagged_hash(
        "optkas/log-mutations/v1",
        &[before.as_bytes(), mutation_hash],
    )
}
