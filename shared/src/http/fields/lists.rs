//! Arrays.

use std::{collections::HashSet, fmt::Display, hash::Hash, mem, ops::RangeInclusive, str::FromStr};

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

    /// A parameter of a query that may be given several times, each time with another value; `None` where it is not
    /// given. The outer `None` is an error.
    #[allow(
        clippy::option_option,
        reason = "an error and an absent value are different things"
    )]
    pub fn each<T>(&mut self, name: &str) -> Option<Option<Vec<T>>>
    where
        T: FromStr + Clone + Eq + Hash,
        T::Err: Display,
    {
        let (given, others): (Vec<_>, _) = mem::take(&mut self.members)
            .into_iter()
            .partition(|(known, _)| known == name);
        self.members = others;
        if given.is_empty() {
            return Some(None);
        }
        let mut seen = HashSet::new();
        let mut values = Some(Vec::with_capacity(given.len()));
        for (_, node) in given {
            let value = self.text(name, &node, str::parse);
            let value = self.once(name, value, &mut seen);
            values = values
                .zip(value)
                .map(|(values, value)| [values, vec![value]].concat());
        }
        values.map(Some)
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
