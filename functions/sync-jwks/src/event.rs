use serde::Deserialize;
use shared::{auth::jwks::Thumbprint, runtime::Failed};
use tracing::error;

/// What an event asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// The published keys become those in force. Every event but the other task's means this.
    Sync,
    /// This key verifies no token again.
    RetireKey(Thumbprint),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RetireKey {
    retire_key: String,
}

impl Task {
    /// Reads an event. It fails if the event speaks of retiring, and not in the one form: a key must not stay in force
    /// because of a slip of the pen.
    pub(crate) fn parse(event: &str) -> Result<Self, Failed> {
        if !event.to_ascii_lowercase().contains("retire") {
            return Ok(Self::Sync);
        }
        let thumbprint = serde_json::from_str(event)
            .ok()
            .and_then(|RetireKey { retire_key }| retire_key.parse().ok());
        thumbprint.map(Self::RetireKey).ok_or_else(|| {
            error!("The event is not {{\"retire_key\": \"<RFC 7638 thumbprint, 43 characters>\"}}. No key is retired.");
            Failed::Broken
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THUMBPRINT: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";

    #[test]
    fn an_event_asks_for_one_thing() {
        for sync in ["null", "{}", r#"{"source":"aws.events","detail":{}}"#] {
            assert_eq!(Task::parse(sync), Ok(Task::Sync), "{sync}");
        }
        let event = format!(r#"{{"retire_key":"{THUMBPRINT}"}}"#);
        let expected = Task::RetireKey(THUMBPRINT.parse().unwrap());
        assert_eq!(Task::parse(&event), Ok(expected));
        for bad in [
            event.replace("retire_key", "retire-key"),
            event.replace("kPrK", "kPr"),
            event.replace("kPrK", "kPr="),
            event.replace('}', r#","reason":"leaked"}"#),
            format!(r#""retire {THUMBPRINT}""#),
        ] {
            assert_eq!(Task::parse(&bad), Err(Failed::Broken), "{bad}");
        }
    }
}
