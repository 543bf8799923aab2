//! Members that are recorded as they were checked: each is read once, and written in one spelling.

use std::{fmt::Display, mem, ops::RangeInclusive, str::FromStr};

use serde_json::Value;

use super::Fields;

impl Fields {
    /// A text that must be there, parsed and kept.
    pub fn keep<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr + Display,
        T::Err: Display,
    {
        self.keep_with(name, str::parse)
    }

    /// A text that must be there, parsed by a function and kept.
    pub fn keep_with<T: Display, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = self.required_with(name, parse)?;
        self.record(name, value.to_string());
        Some(value)
    }

    /// A text that may be absent, and is not kept then. The outer `None` is an error.
    #[allow(
        clippy::option_option,
        reason = "an error and an absent value are different things"
    )]
    pub fn keep_optional<T>(&mut self, name: &str) -> Option<Option<T>>
    where
        T: FromStr + Display,
        T::Err: Display,
    {
        self.keep_optional_with(name, str::parse)
    }

    /// A text that may be absent, parsed by a function and kept. The outer `None` is an error.
    #[allow(
        clippy::option_option,
        reason = "an error and an absent value are different things"
    )]
    pub fn keep_optional_with<T: Display, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Option<T>> {
        let value = self.optional_with(name, parse)?;
        if let Some(value) = &value {
            self.record(name, value.to_string());
        }
        Some(value)
    }

    /// A truth value that must be there, kept.
    pub fn keep_boolean(&mut self, name: &str) -> Option<bool> {
        let value = self.boolean(name)?;
        self.record(name, value);
        Some(value)
    }

    /// A whole number that must be there and in this range, kept.
    pub fn keep_integer(&mut self, name: &str, range: RangeInclusive<i64>) -> Option<i64> {
        let value = self.integer(name, range)?;
        self.record(name, value);
        Some(value)
    }

    /// An object that must be there: what `read` keeps of it is kept.
    pub fn keep_object<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let (value, kept) = self.object(name, |object| {
            let value = read(object);
            Some((value, mem::take(&mut object.kept)))
        })?;
        self.record(name, kept);
        Some(value)
    }

    /// An array that must be there, of so many elements: what `read` keeps of each, under its index, is kept.
    pub fn keep_array<T>(
        &mut self,
        name: &str,
        lengths: RangeInclusive<usize>,
        mut read: impl FnMut(&mut Self, &str) -> Option<T>,
    ) -> Option<Vec<T>> {
        let mut kept = Vec::new();
        let values = self.array(name, lengths, |elements, index| {
            let value = read(elements, index);
            kept.extend(elements.kept.remove(index));
            value
        });
        self.record(name, kept);
        values
    }

    /// Everything that was kept, as one object; `None` if anything of the request was rejected.
    pub fn kept(&mut self) -> Option<Value> {
        let kept = mem::take(&mut self.kept);
        self.errors.0.is_empty().then_some(Value::Object(kept))
    }

    fn record(&mut self, name: &str, value: impl Into<Value>) {
        self.kept.insert(name.to_owned(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::super::{Problem, read_body};
    use crate::{money::AmountMinor, settlement::Text};

    fn read(body: &Value) -> Result<Value, Problem> {
        read_body(body.to_string().as_bytes(), |body| {
            body.keep_optional::<Text>("note");
            body.keep_object("inner", |inner| inner.keep_boolean("secured"));
            body.keep_array("amounts", 0..=2, |amounts, index| {
                amounts.keep_object(index, |amount| {
                    amount.keep::<AmountMinor>("amount_minor");
                    amount.keep_integer("days", 0..=9);
                })
            });
            body.required::<Text>("not_kept");
            body.kept()
        })
    }

    #[test]
    fn what_was_checked_is_kept_and_nothing_else() {
        let whole = json!({
            "inner": {"secured": false},
            "amounts": [{"amount_minor": "7", "days": 1}, {"amount_minor": "8", "days": 2}],
        });
        let mut body = whole.clone();
        body["not_kept"] = json!("text");
        assert_eq!(read(&body).unwrap(), whole);
        body["note"] = Value::Null;
        assert!(matches!(read(&body), Err(Problem::Invalid(_))));
        body["note"] = json!("a");
        assert_eq!(read(&body).unwrap()["note"], "a");
        body["amounts"][1]["days"] = json!(10);
        assert!(matches!(read(&body), Err(Problem::Invalid(_))));
    }
}
