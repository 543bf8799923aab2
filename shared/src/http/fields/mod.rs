//! Strict reading of JSON bodies and query parameters, with all errors of a request at once.
//!
//! Refused, at any depth: duplicate members (readers differ in which one they take) and U+0000 (PostgreSQL
//! has no such text). Refused where the reader knows the members: unknown ones, and null. What is not said is left
//! out: a request has one spelling.
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

mod error;
mod given;
mod keep;
mod lists;
mod values;

use std::{collections::HashSet, fmt::Display, mem, str::FromStr};

use serde_json::{Map, Value};
use url::form_urlencoded;

pub use self::error::FieldError;
use self::error::{Errors, Place};
pub use self::values::one_of;
use super::Problem;
use crate::strict_json::{Ambiguity, Node, Position, ambiguities, pointer_to};

/// Reads a JSON body that must be there.
///
/// # Errors
///
/// 400 for what is no JSON text, 422 with every error `read` and the strict rules found.
pub fn read_body<T>(
    body: &[u8],
    read: impl FnOnce(&mut Fields) -> Option<T>,
) -> Result<T, Problem> {
    let Node::Object(members) = Node::parse(body).ok_or(Problem::MalformedBody)? else {
        let mut errors = Errors::default();
        errors.report(Place::Pointer(String::new()), "must be an object");
        return Err(Problem::Invalid(errors.0));
    };
    Fields::of_body(body, members).read(read)
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
    read_query_with_lists(query, &[], read)
}

/// Reads the query parameters as [`read_query`] does, where those of `lists` may be given several times.
///
/// # Errors
///
/// 422 with every error.
pub fn read_query_with_lists<T>(
    query: &str,
    lists: &[&str],
    read: impl FnOnce(&mut Fields) -> Option<T>,
) -> Result<T, Problem> {
    let members = form_urlencoded::parse(query.as_bytes());
    Fields::of_query(
        members
            .map(|(name, value)| (name.into_owned(), Node::Text(value.into_owned())))
            .collect(),
        lists,
    )
    .read(read)
}

/// The members of one object, or the parameters of a query, while they are read. Each can be read once.
#[derive(Debug)]
pub struct Fields {
    members: Vec<(String, Node)>,
    /// The JSON pointer of the object; `None` for a query.
    pointer: Option<String>,
    errors: Errors,
    /// What was checked and is recorded, in one spelling.
    kept: Map<String, Value>,
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

    /// A text that may be absent, parsed. The outer `None` is an error.
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

    /// A text that may be absent, parsed by a function. The outer `None` is an error.
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
            None => Some(None),
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
                let pointer = self
                    .pointer
                    .as_deref()
                    .map(|pointer| pointer_to(pointer, name));
                let mut inner = Self {
                    errors: mem::take(&mut self.errors),
                    ..Self::of_object(members, pointer)
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
            Some(pointer) => Place::Pointer(pointer_to(pointer, name)),
            None => Place::Parameter(name.to_owned()),
        };
        self.errors.report(place, detail);
        None
    }

    fn of_body(body: &[u8], members: Vec<(String, Node)>) -> Self {
        let mut errors = Errors::default();
        let report = &mut |at: &Position<'_>, ambiguity: Ambiguity| {
            if !errors.is_full() {
                errors.report(Place::Pointer(at.to_string()), ambiguity);
            }
        };
        ambiguities(body, report).expect("the members were parsed from this body");
        Self {
            errors,
            ..Self::of_object(members, Some(String::new()))
        }
    }

    fn of_object(members: Vec<(String, Node)>, pointer: Option<String>) -> Self {
        Self {
            members,
            pointer,
            errors: Errors::default(),
            kept: Map::new(),
        }
    }

    fn of_query(members: Vec<(String, Node)>, lists: &[&str]) -> Self {
        let (mut names, mut errors) = (HashSet::new(), Errors::default());
        for (name, _) in &members {
            if !names.insert(name) && !lists.contains(&name.as_str()) {
                errors.report(Place::Parameter(name.clone()), "must not be repeated");
            }
        }
        Self {
            errors,
            ..Self::of_object(members, None)
        }
    }

    fn read<T>(mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Result<T, Problem> {
        let value = read(&mut self);
        self.reject_unknown();
        match value {
            Some(value) if self.errors.0.is_empty() => Ok(value),
            _ => Err(Problem::Invalid(self.errors.0)),
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
}

#[cfg(test)]
mod tests;
