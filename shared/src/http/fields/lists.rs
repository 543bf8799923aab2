//! Arrays.

use std::{collections::HashSet, hash::Hash, mem, ops::RangeInclusive};

use super::Fields;
use crate::strict_json::{Node, pointer_to};

impl Fields {
    /// An array that must be there, of so many elements. Each is read by a function, as the one member of an
    /// object, whose name is the element's index.
    pub fn array<T>(
        &mut self,
        name: &str,
        lengths: RangeInclusive<usize>,
        mut read: impl FnMut(&mut Self, &str) -> Option<T>,
    ) -> Option<Vec<T>> {
        let elements = match self.take(name) {
            Some(Node::Array(elements)) if lengths.contains(&elements.len()) => elements,
            Some(_) => {
                let (min, max) = (lengths.start(), lengths.end());
                return self.reject(
                    name,
                    format_args!("must be an array of {min} to {max} elements"),
                );
            }
            None => return self.reject(name, "is required"),
        };
        let pointer = self
            .pointer
            .as_deref()
            .map(|pointer| pointer_to(pointer, name));
        let mut values = Vec::with_capacity(elements.len());
        let mut all_good = true;
        for (index, element) in elements.into_iter().enumerate() {
            let index = index.to_string();
            let mut inner = Self {
                errors: mem::take(&mut self.errors),
                ..Self::of_object(vec![(index.clone(), element)], pointer.clone())
            };
            match read(&mut inner, &index) {
                Some(value) => values.push(value),
                None => all_good = false,
            }
            inner.reject_unknown();
            self.errors = inner.errors;
        }
        all_good.then_some(values)
    }

    /// Rejects a member whose value an earlier element of the array has, too.
    pub fn once<T: Clone + Eq + Hash>(
        &mut self,
        name: &str,
        value: Option<T>,
        seen: &mut HashSet<T>,
    ) -> Option<T> {
        match value {
            Some(value) if !seen.insert(value.clone()) => self.reject(name, "must not be repeated"),
            value => value,
        }
    }
}
