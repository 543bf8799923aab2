//! Members that may be left out.

use super::Fields;
use crate::strict_json::Node;

impl Fields {
    /// A member that may be absent or null; where it is neither, a function reads it. The outer `None` is an error.
    #[allow(
        clippy::option_option,
        reason = "an error and an absent value are different things"
    )]
    pub fn given<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Self, &str) -> Option<T>,
    ) -> Option<Option<T>> {
        match self.members.iter().find(|(known, _)| known == name) {
            None => Some(None),
            Some((_, Node::Null)) => {
                self.take(name);
                Some(None)
            }
            Some(_) => read(self, name).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{Problem, read_body};

    #[test]
    fn what_is_given_is_read_and_what_is_not_is_no_error() {
        let read = |body: &str| {
            read_body(body.as_bytes(), |body| {
                body.given("number", |body, name| body.integer(name, 1..=9))
            })
        };
        assert_eq!(read("{}").unwrap(), None);
        assert_eq!(read(r#"{"number": null}"#).unwrap(), None);
        assert_eq!(read(r#"{"number": 7}"#).unwrap(), Some(7));
        for bad in [
            r#"{"number": 0}"#,
            r#"{"number": "7"}"#,
            r#"{"number": null, "number": 7}"#,
        ] {
            assert!(matches!(read(bad), Err(Problem::Invalid(_))), "{bad}");
        }
    }
}
