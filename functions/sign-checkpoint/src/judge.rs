//! What must agree before anything is signed.

use serde::{Deserialize, Deserializer, de::Error as _};
use tlog::merkle::Hash;
use tracing::warn;

use crate::{ended::Alarm, state::State};

/// What the database says of its log.
#[derive(Debug, Deserialize)]
pub(crate) struct DatabaseLog {
    /// How many entries it has.
    pub(crate) size: u64,
    /// The root of as many entries as the signer has decided on. None if the database has fewer.
    #[serde(rename = "root_at_from", deserialize_with = "root")]
    pub(crate) root: Option<Hash>,
    /// The largest checkpoint that the database was told of.
    pub(crate) published_size: Option<u64>,
    /// The entries after these, as far as one batch goes.
    pub(crate) entries: Vec<String>,
}

fn root<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Hash>, D::Error> {
    let hex = Option::<String>::deserialize(deserializer)?;
    hex.map(|hex| Hash::from_hex(&hex).map_err(D::Error::custom))
        .transpose()
}

/// The size and root of a checkpoint that is published.
pub(crate) type Head<'a> = (u64, &'a Hash);

/// The memory against what is published: the signer remembers every tree before it publishes it, and so at least as
/// much. A memory that is smaller was put back to an earlier day.
pub(crate) fn memory(state: Option<&State>, published: Option<Head<'_>>) -> Result<(), Alarm> {
    match (state, published) {
        (_, None) => Ok(()),
        (None, Some(_)) => Err(Alarm::StateMissing),
        (Some(state), Some((size, root))) => {
            let same = size != state.size || *root == state.root;
            if size <= state.size && same {
                Ok(())
            } else {
                warn!(
                    log.size = state.size,
                    log.published_size = size,
                    "The signer remembers less than was published, or something else."
                );
                Err(Alarm::StateRolledBack)
            }
        }
    }
}

/// The database against the memory: it has all that was decided on, as it was, and was told of no more.
pub(crate) fn database(state: Option<&State>, log: &DatabaseLog) -> Result<(), Alarm> {
    let Some(state) = state else {
        // Only a log that nobody was ever told of may begin.
        return match log.published_size {
            None => Ok(()),
            Some(_) => Err(Alarm::StateMissing),
        };
    };
    if log.published_size > Some(state.size) {
        return Err(Alarm::StateRolledBack);
    }
    match log.root {
        None => Err(Alarm::DatabaseBehind),
        Some(_) if log.size < state.size => Err(Alarm::DatabaseBehind),
        Some(root) if root != state.root => Err(Alarm::DatabaseForked),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const A: Hash = Hash::from_bytes([1; 32]);
    const B: Hash = Hash::from_bytes([2; 32]);

    fn state(size: u64) -> State {
        State {
            size,
            root: A,
            staged: B,
        }
    }

    #[test]
    fn the_memory_is_never_behind_what_is_published() {
        for (state, published, expected) in [
            (None, None, Ok(())),
            (None, Some((1, &A)), Err(Alarm::StateMissing)),
            (Some(state(5)), None, Ok(())),
            (Some(state(5)), Some((4, &B)), Ok(())),
            (Some(state(5)), Some((5, &A)), Ok(())),
            (Some(state(5)), Some((5, &B)), Err(Alarm::StateRolledBack)),
            (Some(state(5)), Some((6, &A)), Err(Alarm::StateRolledBack)),
        ] {
            assert_eq!(
                memory(state.as_ref(), published),
                expected,
                "{state:?} {published:?}"
            );
        }
    }

    #[test]
    fn the_database_has_what_was_decided_on() {
        let log = |size, root, published_size| DatabaseLog {
            size,
            root,
            published_size,
            entries: Vec::new(),
        };
        for (state, log, expected) in [
            (None, log(9, Some(A), None), Ok(())),
            (None, log(9, Some(A), Some(3)), Err(Alarm::StateMissing)),
            (Some(state(5)), log(5, Some(A), Some(5)), Ok(())),
            (Some(state(5)), log(9, Some(A), Some(3)), Ok(())),
            (Some(state(5)), log(9, Some(A), None), Ok(())),
            (
                Some(state(5)),
                log(9, Some(A), Some(6)),
                Err(Alarm::StateRolledBack),
            ),
            (
                Some(state(5)),
                log(4, None, Some(4)),
                Err(Alarm::DatabaseBehind),
            ),
            (
                Some(state(5)),
                log(4, Some(A), None),
                Err(Alarm::DatabaseBehind),
            ),
            (
                Some(state(5)),
                log(5, Some(B), None),
                Err(Alarm::DatabaseForked),
            ),
        ] {
            assert_eq!(
                database(state.as_ref(), &log),
                expected,
                "{state:?} {log:?}"
            );
        }
    }

    #[test]
    fn replies() {
        let parse = serde_json::from_value::<DatabaseLog>;
        let log = parse(json!({
            "size": 3, "root_at_from": "01".repeat(32), "published_size": 2, "entries": ["{}"],
        }))
        .unwrap();
        assert_eq!(
            (log.size, log.root, log.published_size),
            (3, Some(A), Some(2))
        );
        assert_eq!(log.entries, ["{}"]);
        let empty =
            parse(json!({"size": 0, "root_at_from": null, "published_size": null, "entries": []}))
                .unwrap();
        assert_eq!((empty.root, empty.published_size), (None, None));
        for bad in [
            json!({}),
            json!({"size": 1}),
            json!({"size": 1, "entries": [1]}),
        ] {
            assert!(parse(bad.clone()).is_err(), "{bad}");
        }
    }
}
