//! Strict reading of JSON bodies and query parameters, with all errors of a request at once.
//!
//! Refused, at any depth: duplicate members (readers differ in which one they take) and U+0000 (PostgreSQL
//! has no such text). Refused where the reader knows the members: unknown ones.
//!
//! ```
//! # use shared::http::read_body;
//! # use shared::{ids::FacilityId, settlement::Text};
//! let (facility, reference) = read_body(br#"{"facility_id": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"}"#, |body| {
//!     let facility = body.required::<FacilityId>("facility_id");
//!     let reference = body.optional::<Text>("reference");
//!     Some((facility?, reference?))
//! })?;
//! # Ok::<(), shared::http::Problem>(())
//! ```

use std::{collections::HashSet, fmt::Display, mem, str::FromStr};

use serde::{Serialize, Serializer, ser::SerializeMap};
use url::form_urlencoded;

use super::{Problem, json::Node};

/// More errors than anybody reads; a reply must not grow with the request.
const ERRORS_MAX: usize = 32;

/// Reads a JSON body that must be there.
///
/// # Errors
///
/// 400 for what is no JSON text, 422 with every error `read` and the strict rules found.
pub fn read_body<T>(
    body: &[u8],
    read: impl FnOnce(&mut Fields) -> Option<T>,
) -> Result<T, Problem> {
    match Node::parse(body).ok_or(Problem::MalformedBody)? {
        Node::Object(members) => Fields::of_body(members).read(read),
        _ => Err(Problem::Invalid(vec![FieldError::new(
            Place::Pointer(String::new()),
            "must be an object",
        )])),
    }
}

/// Reads a JSON body that may be left out, which means `{}`.
///
/// # Errors
///
/// As [`read_body`].
pub fn read_optional_body<T>(
    body: &[u8],
    read: impl FnOnce(&mut Fields) -> Option<T>,
) -> Result<T, Problem> {
    read_body(if body.is_empty() { b"{}" } else { body }, read)
}

/// Reads the query parameters, `application/x-www-form-urlencoded`.
///
/// # Errors
///
/// 422 with every error.
pub fn read_query<T>(
    query: &str,
    read: impl FnOnce(&mut Fields) -> Option<T>,
) -> Result<T, Problem> {
    let members = form_urlencoded::parse(query.as_bytes());
    Fields::of_query(
        members
            .map(|(name, value)| (name.into_owned(), Node::Text(value.into_owned())))
            .collect(),
    )
    .read(read)
}

/// The members of one object, or the parameters of a query, while they are read. Each can be read once.
#[derive(Debug)]
pub struct Fields {
    members: Vec<(String, Node)>,
    /// The JSON pointer of the object; `None` for a query.
    pointer: Option<String>,
    errors: Vec<FieldError>,
}

impl Fields {
    /// A text that must be there, parsed.
    pub fn required<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.required_with(name, str::parse)
    }

    /// A text that must be there, parsed by a function.
    pub fn required_with<T, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match self.take(name) {
            Some(node) => self.text(name, &node, parse),
            None => self.reject(name, "is required"),
        }
    }

    /// A text that may be absent or null, parsed. The outer `None` is an error.
    #[allow(
        clippy::option_option,
        reason = "an error and an absent value are different things"
    )]
    pub fn optional<T>(&mut self, name: &str) -> Option<Option<T>>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.optional_with(name, str::parse)
    }

    /// A text that may be absent or null, parsed by a function. The outer `None` is an error.
    #[allow(
        clippy::option_option,
        reason = "an error and an absent value are different things"
    )]
    pub fn optional_with<T, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Option<T>> {
        match self.take(name) {
            None | Some(Node::Null) => Some(None),
            Some(node) => self.text(name, &node, parse).map(Some),
        }
    }

    /// An object that must be there, read by a function.
    pub fn object<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        match self.take(name) {
            Some(Node::Object(members)) => {
                let pointer = Some(self.pointer_of(name));
                let mut inner = Self {
                    members,
                    pointer,
                    errors: mem::take(&mut self.errors),
                };
                let value = read(&mut inner);
                inner.reject_unknown();
                self.errors = inner.errors;
                value
            }
            Some(_) => self.reject(name, "must be an object"),
            None => self.reject(name, "is required"),
        }
    }

    /// Passes over a member that cannot be judged, because another that it depends on is wrong.
    pub fn skip<T>(&mut self, name: &str) -> Option<T> {
        self.take(name);
        None
    }

    /// Records what is wrong with a member.
    pub fn reject<T>(&mut self, name: &str, detail: impl Display) -> Option<T> {
        let place = match &self.pointer {
            Some(_) => Place::Pointer(self.pointer_of(name)),
            None => Place::Parameter(name.to_owned()),
        };
        self.report(place, detail);
        None
    }

    fn of_body(members: Vec<(String, Node)>) -> Self {
        let mut fields = Self {
            members: Vec::new(),
            pointer: Some(String::new()),
            errors: Vec::new(),
        };
        fields.scan_members("", &members);
        fields.members = members;
        fields
    }

    fn of_query(members: Vec<(String, Node)>) -> Self {
        let mut seen = HashSet::new();
        let repeated: Vec<_> = members
            .iter()
            .filter(|(name, _)| !seen.insert(name))
            .map(|(name, _)| name.clone())
            .collect();
        let mut fields = Self {
            members,
            pointer: None,
            errors: Vec::new(),
        };
        for name in repeated {
            fields.reject::<()>(&name, "must not be repeated");
        }
        fields
    }

    fn read<T>(mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Result<T, Problem> {
        let value = read(&mut self);
        self.reject_unknown();
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(Problem::Invalid(self.errors)),
        }
    }

    /// The first member of this name; any other of the name is gone too, and was reported at the start.
    fn take(&mut self, name: &str) -> Option<Node> {
        let first = self.members.iter().position(|(known, _)| known == name)?;
        let (_, node) = self.members.swap_remove(first);
        self.members.retain(|(known, _)| known != name);
        Some(node)
    }

    fn text<T, E: Display>(
        &mut self,
        name: &str,
        node: &Node,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let Node::Text(text) = node else {
            return self.reject(name, "must be a string");
        };
        parse(text)
            .map_err(|detail| self.reject::<()>(name, detail))
            .ok()
    }

    fn reject_unknown(&mut self) {
        for (name, _) in mem::take(&mut self.members) {
            self.reject::<()>(&name, "is not known here");
        }
    }

    fn scan(&mut self, pointer: &str, node: &Node) {
        match node {
            Node::Null | Node::Scalar => {}
            Node::Text(text) => self.scan_text(pointer, text),
            Node::Object(members) => self.scan_members(pointer, members),
            Node::Array(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    self.scan(&format!("{pointer}/{index}"), element);
                }
            }
        }
    }

    fn scan_members(&mut self, pointer: &str, members: &[(String, Node)]) {
        let mut names = HashSet::new();
        for (name, node) in members {
            let pointer = format!("{pointer}/{}", escaped(name));
            if !names.insert(name) {
                self.report(Place::Pointer(pointer.clone()), "must not be repeated");
            }
            self.scan_text(&pointer, name);
            self.scan(&pointer, node);
        }
    }

    fn scan_text(&mut self, pointer: &str, text: &str) {
        if text.contains('\0') {
            self.report(
                Place::Pointer(pointer.to_owned()),
                "must not contain U+0000",
            );
        }
    }

    fn pointer_of(&self, name: &str) -> String {
        format!(
            "{}/{}",
            self.pointer.as_deref().unwrap_or_default(),
            escaped(name)
        )
    }

    /// One error a place: the first says enough.
    fn report(&mut self, place: Place, detail: impl Display) {
        if self.errors.len() < ERRORS_MAX && self.errors.iter().all(|error| error.place != place) {
            self.errors.push(FieldError::new(place, detail));
        }
    }
}

/// What is wrong, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct FieldError {
    place: Place,
    detail: String,
}

#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// RFC 6901, into the body.
    Pointer(String),
    /// The name of a query parameter.
    Parameter(String),
}

impl FieldError {
    fn new(place: Place, detail: impl Display) -> Self {
        Self {
            place,
            detail: detail.to_string(),
        }
    }
}

impl Serialize for FieldError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut error = serializer.serialize_map(Some(2))?;
        match &self.place {
            Place::Pointer(pointer) => error.serialize_entry("pointer", pointer)?,
            Place::Parameter(name) => error.serialize_entry("parameter", name)?,
        }
        error.serialize_entry("detail", &self.detail)?;
        error.end()
    }
}

/// RFC 6901, section 3.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{money::AmountMinor, settlement::Text};

    fn errors<T>(result: Result<T, Problem>) -> Value {
        match result {
            Err(Problem::Invalid(errors)) => json!(errors),
            Err(_) => json!("another problem"),
            Ok(_) => json!("accepted"),
        }
    }

    fn read(body: &str) -> Value {
        errors(read_body(body.as_bytes(), |body| {
            let amount = body.required::<AmountMinor>("amount_minor");
            let note = body.optional::<Text>("note");
            let data = body.object("data", |data| data.required::<Text>("name"));
            Some((amount?, note?, data?))
        }))
    }

    #[test]
    fn strict_bodies() {
        for (body, expected) in [
            (
                r#"{"amount_minor":"1","data":{"name":"n"}}"#,
                json!("accepted"),
            ),
            (
                r#" {"note":null,"data":{"name":"n"},"amount_minor":"1"} "#,
                json!("accepted"),
            ),
            (
                r#"{"amount_minor":"1","amount_minor":"1","data":{"name":"n"}}"#,
                json!([{"pointer": "/amount_minor", "detail": "must not be repeated"}]),
            ),
            (
                r#"{"amount_minor":"1","data":{"name":"n","n\u0061me":"m"}}"#,
                json!([{"pointer": "/data/name", "detail": "must not be repeated"}]),
            ),
            (
                r#"{"amount_minor":1.5,"data":[],"x/y~z":[{"a":1,"a":2}]}"#,
                json!([
                    {"pointer": "/x~1y~0z/0/a", "detail": "must not be repeated"},
                    {"pointer": "/amount_minor", "detail": "must be a string"},
                    {"pointer": "/data", "detail": "must be an object"},
                    {"pointer": "/x~1y~0z", "detail": "is not known here"},
                ]),
            ),
            (
                r#"{"amount_minor":null,"note":"a\u0000","data":{"name":"n","more":true}}"#,
                json!([
                    {"pointer": "/note", "detail": "must not contain U+0000"},
                    {"pointer": "/amount_minor", "detail": "must be a string"},
                    {"pointer": "/data/more", "detail": "is not known here"},
                ]),
            ),
            (
                "{}",
                json!([
                    {"pointer": "/amount_minor", "detail": "is required"},
                    {"pointer": "/data", "detail": "is required"},
                ]),
            ),
            (
                "[]",
                json!([{"pointer": "", "detail": "must be an object"}]),
            ),
            (
                "null",
                json!([{"pointer": "", "detail": "must be an object"}]),
            ),
        ] {
            assert_eq!(read(body), expected, "{body}");
        }
    }

    #[test]
    fn what_is_no_json_text_is_malformed() {
        let deep = "[".repeat(100_000);
        for bad in [
            "",
            " ",
            "{",
            "{}{}",
            "{\"a\":1,}",
            "{'a':1}",
            "\u{feff}{}",
            "NaN",
            "\"\\ud800\"",
            "// x\n{}",
            deep.as_str(),
        ] {
            let refused = read_body(bad.as_bytes(), |_| Some(()));
            assert!(matches!(refused, Err(Problem::MalformedBody)), "{bad:.20}");
        }
        assert!(matches!(
            read_body(b"{\"a\":\"\xff\"}", |_| Some(())),
            Err(Problem::MalformedBody)
        ));
        assert!(matches!(
            read_body(b"{\"a\":\"\xc0\x80\"}", |_| Some(())),
            Err(Problem::MalformedBody)
        ));
    }

    #[test]
    fn a_body_may_be_optional() {
        assert!(read_optional_body(b"", |_| Some(())).is_ok());
        assert!(read_optional_body(b"{}", |_| Some(())).is_ok());
        assert!(read_optional_body(b" ", |_| Some(())).is_err());
    }

    #[test]
    fn a_reply_does_not_grow_with_the_request() {
        let body = format!("{{{}\"z\":0}}", "\"a\":0,\"b\":0,".repeat(1_000));
        let many: String = (0..1_000)
            .flat_map(|n| ["\"m".to_owned(), n.to_string(), "\":0,".to_owned()])
            .collect();
        for body in [body, format!("{{{many}\"z\":0}}")] {
            let Err(Problem::Invalid(errors)) = read_body(body.as_bytes(), |_| Some(())) else {
                panic!("accepted")
            };
            assert!(errors.len() <= ERRORS_MAX);
        }
    }

    #[test]
    fn queries() {
        let read = |query: &str| {
            errors(read_query(query, |query| {
                let amount = query.optional::<AmountMinor>("amount");
                let note = query.optional::<Text>("note");
                Some((amount?, note?))
            }))
        };
        for (query, expected) in [
            ("", json!("accepted")),
            ("amount=1&note=a%20b+c", json!("accepted")),
            ("note=%31", json!("accepted")),
            (
                "amount=1&amount=1",
                json!([{"parameter": "amount", "detail": "must not be repeated"}]),
            ),
            (
                "limit=1",
                json!([{"parameter": "limit", "detail": "is not known here"}]),
            ),
            (
                "note=%00&amount=",
                json!([
                    {"parameter": "amount", "detail": "must be a string of 1 to 18 digits without a leading zero"},
                    {"parameter": "note", "detail": "must be 1 to 140 characters without control characters"},
                ]),
            ),
        ] {
            assert_eq!(read(query), expected, "{query}");
        }
    }
}
