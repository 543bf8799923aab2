//! Members that are no text, or one of a few words.

use std::ops::RangeInclusive;

use super::Fields;
use crate::strict_json::Node;

/// Parses a text that must be one of these words.
///
/// # Errors
///
/// A sentence for the caller that lists them.
pub fn one_of(text: &str, words: &[&'static str]) -> Result<&'static str, String> {
    words
        .iter()
        .find(|word| **word == text)
        .copied()
        .ok_or_else(|| format!("must be one of {}", words.join(", ")))
}

impl Fields {
    /// A truth value that must be there.
    pub fn boolean(&mut self, name: &str) -> Option<bool> {
        match self.take(name) {
            Some(Node::Bool(value)) => Some(value),
            Some(_) => self.reject(name, "must be true or false"),
            None => self.reject(name, "is required"),
        }
    }

    /// A whole number that must be there and in this range.
    pub fn integer(&mut self, name: &str, range: RangeInclusive<i64>) -> Option<i64> {
        match self.take(name) {
            Some(Node::Integer(value)) if range.contains(&value) => Some(value),
            Some(_) => {
                let (min, max) = (range.start(), range.end());
                self.reject(
                    name,
                    format_args!("must be a whole number from {min} to {max}"),
                )
            }
            None => self.reject(name, "is required"),
        }
    }

    /// Refuses a member that was not read before; `detail` says why it does not belong here.
    pub fn absent(&mut self, name: &str, detail: &str) -> Option<()> {
        match self.take(name) {
            None => Some(()),
            Some(_) => self.reject(name, detail),
        }
    }
}
