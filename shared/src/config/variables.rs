use std::fmt::{self, Display};

/// Environment variables while a configuration is read from them. Every error is kept, so that one look at the log
/// names them all.
pub struct Variables {
    get: Box<Get>,
    errors: Vec<VariableError>,
}

/// Looks up a variable by its name.
type Get = dyn Fn(&str) -> Option<String>;

impl Variables {
    /// Variables that `get` looks up. A value that is no Unicode text must come as a text that every rule refuses.
    pub fn new(get: impl Fn(&str) -> Option<String> + 'static) -> Self {
        Self {
            get: Box::new(get),
            errors: Vec::new(),
        }
    }

    /// Reads a configuration.
    ///
    /// # Errors
    ///
    /// Every variable that is missing or malformed.
    pub fn parse<T>(mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Result<T, Malformed> {
        match read(&mut self) {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(Malformed(self.errors)),
        }
    }

    /// A variable that must be there.
    pub fn required<T, E: Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match (self.get)(name) {
            Some(value) => self.checked(name, &value, parse),
            None => self.reject(name, "is missing"),
        }
    }

    /// A variable with a default. An empty value counts as given, and so as malformed. The outer `None` is an error.
    #[allow(
        clippy::option_option,
        reason = "an error and an absent value are different things"
    )]
    pub fn optional<T, E: Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Option<T>> {
        match (self.get)(name) {
            Some(value) => self.checked(name, &value, parse).map(Some),
            None => Some(None),
        }
    }

    fn checked<T, E: Display>(
        &mut self,
        name: &'static str,
        value: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        parse(value)
            .map_err(|rule| self.reject::<()>(name, rule))
            .ok()
    }

    fn reject<T>(&mut self, name: &'static str, rule: impl Display) -> Option<T> {
        self.errors.push(VariableError {
            name,
            rule: rule.to_string(),
        });
        None
    }
}

/// Parses a whole number, written in digits, from `min` to `max`.
#[must_use]
pub fn whole_number(text: &str, min: u64, max: u64) -> Option<u64> {
    Some(text)
        .filter(|text| text.bytes().all(|c| c.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .filter(|number| (min..=max).contains(number))
}

/// The variables that are missing or malformed, and the rules they break.
#[derive(Debug, thiserror::Error)]
pub struct Malformed(Vec<VariableError>);

#[derive(Debug)]
struct VariableError {
    name: &'static str,
    rule: String,
}

impl Malformed {
    /// The names of the variables.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|error| error.name)
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, VariableError { name, rule }) in self.0.iter().enumerate() {
            write!(f, "{}{name} {rule}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}
