//! What the signer remembers, in `DynamoDB`: one item for the log.
//!
//! It is the only thing the signer believes. It is written on one condition, that it still is as it was read, so
//! that of two signers one goes on; and before anything is signed, so that nothing is signed that it does not say.

use aws_sdk_dynamodb::{Client, operation::put_item::PutItemError, types::AttributeValue};
use ring::digest::{SHA256, digest};
use tlog::merkle::{EMPTY_ROOT, Hash};

use crate::ended::{Alarm, Ended, unavailable};

/// The tree that was decided on last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// How many entries.
    pub(crate) size: u64,
    /// Their tree's root.
    pub(crate) root: Hash,
    /// SHA-256 of the object with the files that this tree added: whoever repairs publishes these and no others.
    pub(crate) staged: Hash,
}

impl State {
    /// The state of a log that has not begun. It is stored nowhere.
    pub(crate) const BEGINNING: Self = Self {
        size: 0,
        root: EMPTY_ROOT,
        staged: EMPTY_ROOT,
    };

    /// The key of the object with the files that this tree added. It is named by its content: of two signers that
    /// came to one tree from different ones, each has its own.
    pub(crate) fn staging_key(&self) -> String {
        format!("staging/{}-{}", self.size, self.staged)
    }
}

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> Hash {
    let octets = digest(&SHA256, bytes);
    Hash::from_bytes(
        octets
            .as_ref()
            .try_into()
            .expect("SHA-256 is 32 bytes long"),
    )
}

/// The table with the signer's item.
pub(crate) struct StateTable {
    client: Client,
    table: &'static str,
    origin: &'static str,
}

impl StateTable {
    pub(crate) const fn new(client: Client, table: &'static str, origin: &'static str) -> Self {
        Self {
            client,
            table,
            origin,
        }
    }

    /// What the signer remembers; nothing before its first round.
    pub(crate) async fn load(&self) -> Result<Option<State>, Ended> {
        let answer = self
            .client
            .get_item()
            .table_name(self.table)
            .key("origin", text(self.origin))
            // Another signer may have written a moment ago.
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unavailable("GetItem", self.origin, &error))?;
        let Some(item) = answer.item else {
            return Ok(None);
        };
        let hash = |name| {
            item.get(name)?
                .as_s()
                .ok()
                .and_then(|hex| Hash::from_hex(hex).ok())
        };
        let state = || {
            Some(State {
                size: item.get("size")?.as_n().ok()?.parse().ok()?,
                root: hash("root")?,
                staged: hash("staged")?,
            })
        };
        // One that cannot be read was not written by us.
        state().map(Some).ok_or(Alarm::StateMissing.into())
    }

    /// Goes on from one state to the next, if nobody else has; whether that is what the table says now.
    pub(crate) async fn advance(&self, from: &State, to: &State) -> Result<bool, Ended> {
        let mut put = self
            .client
            .put_item()
            .table_name(self.table)
            .item("origin", text(self.origin))
            .item("size", number(to.size))
            .item("root", text(&to.root.to_string()))
            .item("staged", text(&to.staged.to_string()));
        put = if *from == State::BEGINNING {
            put.condition_expression("attribute_not_exists(origin)")
        } else {
            put.condition_expression("#size = :size and #root = :root")
                .expression_attribute_names("#size", "size")
                .expression_attribute_names("#root", "root")
                .expression_attribute_values(":size", number(from.size))
                .expression_attribute_values(":root", text(&from.root.to_string()))
        };
        match put.send().await {
            Ok(_) => Ok(true),
            // The SDK tries again when a reply is lost, and what the first try wrote makes the second one fail. What
            // is there now tells; if another signer came to the very same tree, that is no less right.
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(PutItemError::is_conditional_check_failed_exception) =>
            {
                Ok(self.load().await?.as_ref() == Some(to))
            }
            Err(error) => Err(unavailable("PutItem", self.origin, &error)),
        }
    }
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
