//! Members that may be left out.

use super::Fields;

impl Fields {
    /// A member that may be absent; where it is there, a function reads it. The outer `None` is an error.
    #[allow(
        clippy::option_option,
        reason = "an error and an absent value are different things"
    )]
    pub fn given<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Self, &str) -> Option<T>,
    ) -> Option<Option<T>> {
        if self.members.iter().any(|(known, _)| known == name) {
            read(self, name).map(Some)
        } else {
            Some(None)
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
        assert_eq!(read(r#"{"number": 7}"#).unwrap(), Some(7));
        for bad in [
            r#"{"number": null}"#,
            r#"{"number": 0}"#,
            r#"{"number": "7"}"#,
            r#"{"number": null, "number": 7}"#,
        ] {
            assert!(matches!(read(bad), Err(Problem::Invalid(_))), "{bad}");
        }
    }
}
