use std::fmt::{self, Display};

/// Variables while they are parsed. Every error is kept, so that one look at the log names them all.
#[derive(Debug)]
pub struct Variables<F> {
    get: F,
    errors: Vec<VariableError>,
}

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    /// Variables that `get` looks up. What is no Unicode text must come as some text that no rule accepts.
    pub fn new(get: F) -> Self {
        Self {
            get,
            errors: Vec::new(),
        }
    }

    /// A variable that must be there.
    pub(super) fn required<T, E: Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match (self.get)(name) {
            Some(value) => self.parse(name, &value, parse),
            None => self.reject(name, "is missing"),
        }
    }

    /// A variable with a default. Empty counts as given, and so as malformed.
    #[allow(
        clippy::option_option,
        reason = "an error and an absent value are different things"
    )]
    pub(super) fn optional<T, E: Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Option<T>> {
        match (self.get)(name) {
            Some(value) => self.parse(name, &value, parse).map(Some),
            None => Some(None),
        }
    }

    pub(super) fn finish<T>(self, value: Option<T>) -> Result<T, Malformed> {
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(Malformed(self.errors)),
        }
    }

    fn parse<T, E: Display>(
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
