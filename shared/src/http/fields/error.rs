use std::fmt::Display;

use serde::{Serialize, Serializer, ser::SerializeMap};

/// More errors than anybody reads; a reply must not grow with the request.
pub(super) const ERRORS_MAX: usize = 32;

/// What is wrong, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct FieldError {
    place: Place,
    detail: String,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// RFC 6901, into the body.
    Pointer(String),
    /// The name of a query parameter.
    Parameter(String),
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

/// The errors of one request: one a place, for the first says enough.
#[derive(Debug, Default)]
pub(super) struct Errors(pub(super) Vec<FieldError>);

impl Errors {
    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= ERRORS_MAX
    }

    pub(super) fn report(&mut self, place: Place, detail: impl Display) {
        if !self.is_full() && self.0.iter().all(|error| error.place != place) {
            let detail = detail.to_string();
            self.0.push(FieldError { place, detail });
        }
    }
}
