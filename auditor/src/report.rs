//! The result of a verification: for people, for programs, and as an exit code.

use std::{fmt, process::ExitCode};

use serde_json::{Map, Value, json};

/// The most findings that are kept. Further ones are counted: a log that was rebuilt differs everywhere.
const FINDINGS_KEPT_MAX: usize = 1_000;

/// The answer of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything that was asked holds.
    Verified,
    /// Something that was published or recorded has been changed.
    Tampered,
    /// Not enough is known for either answer.
    Undecided,
}

impl Verdict {
    /// The word in `--json`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Tampered => "tampered",
            Self::Undecided => "undecided",
        }
    }

    /// The code that the program exits with.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Verified => 0,
            Self::Tampered => 1,
            Self::Undecided => 2,
        }
    }
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        Self::from(verdict.code())
    }
}

/// Why the auditor cannot decide: for example no key, no quorum, no entries, or no connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Undecided(pub String);

impl Undecided {
    /// A reason in words.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// One place where the published or recorded data was changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong, as one word that does not change between versions.
    pub kind: &'static str,
    /// The entry that the finding is about, or the first of a range.
    pub index: Option<u64>,
    /// The last entry of the range, where the one entry cannot be told.
    pub last_index: Option<u64>,
    /// The commitment's id.
    pub commitment_id: Option<String>,
    /// The table, with its schema.
    pub table: Option<String>,
    /// The row, as the primary key's JSON text.
    pub row_key: Option<String>,
    /// The columns or members that differ.
    pub fields: Vec<Field>,
    /// One sentence.
    pub text: String,
}

/// A column or member that differs. Numbers and states are shown. Other values are not: they may be confidential.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// The column's name.
    pub name: String,
    /// What was published or recorded.
    pub recorded: Option<String>,
    /// What was found.
    pub found: Option<String>,
}

impl Finding {
    /// A finding that names no entry yet.
    pub fn new(kind: &'static str, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            ..Self::default()
        }
    }

    /// Says that the finding is about this entry.
    #[must_use]
    pub fn at(mut self, index: u64) -> Self {
        self.index = Some(index);
        self
    }

    /// Says that the finding is about one of these entries.
    #[must_use]
    pub fn within(mut self, first: u64, last: u64) -> Self {
        self.index = Some(first);
        self.last_index = (last > first).then_some(last);
        self
    }

    /// Says that the finding is about this commitment.
    #[must_use]
    pub fn of_commitment(mut self, id: impl Into<String>) -> Self {
        self.commitment_id = Some(id.into());
        self
    }

    /// Says that the finding is about this table.
    #[must_use]
    pub fn in_table(mut self, table: impl Into<String>) -> Self {
        self.table = Some(table.into());
        self
    }

    /// Says that the finding is about this row.
    #[must_use]
    pub fn of_row(mut self, row_key: impl Into<String>) -> Self {
        self.row_key = Some(row_key.into());
        self
    }

    /// Names the columns or members that differ.
    #[must_use]
    pub fn differing(mut self, fields: Vec<Field>) -> Self {
        self.fields = fields;
        self
    }

    fn json(&self) -> Value {
        let mut members = Map::new();
        members.insert("kind".to_owned(), json!(self.kind));
        let optional = [
            ("index", self.index.map(Value::from)),
            ("last_index", self.last_index.map(Value::from)),
            (
                "commitment_id",
                self.commitment_id.as_deref().map(Value::from),
            ),
            ("table", self.table.as_deref().map(Value::from)),
            ("row_key", self.row_key.as_deref().map(Value::from)),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                members.insert(name.to_owned(), value);
            }
        }
        if !self.fields.is_empty() {
            let fields = self.fields.iter().map(Field::json).collect();
            members.insert("fields".to_owned(), Value::Array(fields));
        }
        members.insert("text".to_owned(), json!(self.text));
        Value::Object(members)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.index, self.last_index) {
            (Some(first), Some(last)) => write!(f, "within {first} to {last}: ")?,
            (Some(index), None) => write!(f, "index {index}: ")?,
            _ => {}
        }
        f.write_str(&self.text)?;
        if let Some(table) = &self.table {
            write!(f, "; {table}")?;
            if let Some(row) = &self.row_key {
                write!(f, " {}", printable(row))?;
            }
        }
        for field in &self.fields {
            write!(f, "; {}", printable(&field.name))?;
            match (&field.recorded, &field.found) {
                (None, None) => f.write_str(" differs")?,
                (recorded, found) => {
                    let shown = |value: &Option<String>| {
                        value
                            .as_deref()
                            .map_or_else(|| "nothing".to_owned(), printable)
                    };
                    write!(f, " was {}, is {}", shown(recorded), shown(found))?;
                }
            }
        }
        if let Some(id) = &self.commitment_id {
            write!(f, "; commitment {}", printable(id))?;
        }
        Ok(())
    }
}

impl Field {
    /// A field whose values are not shown.
    pub fn hidden(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    fn json(&self) -> Value {
        let mut members = Map::new();
        members.insert("name".to_owned(), json!(self.name));
        if self.recorded.is_some() || self.found.is_some() {
            members.insert("recorded".to_owned(), json!(self.recorded));
            members.insert("found".to_owned(), json!(self.found));
        }
        Value::Object(members)
    }
}

/// Everything that a verification found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    facts: Vec<(&'static str, Value)>,
    findings: Vec<Finding>,
    findings_count: u64,
    first_bad_index: Option<u64>,
    undecided: Vec<String>,
    notes: Vec<String>,
}

impl Report {
    /// Records a fact that was established.
    pub fn fact(&mut self, name: &'static str, value: impl Into<Value>) {
        self.facts.push((name, value.into()));
    }

    /// Records something that does not hold.
    pub fn find(&mut self, finding: Finding) {
        self.findings_count += 1;
        self.first_bad_index = match (self.first_bad_index, finding.index) {
            (Some(first), Some(index)) => Some(first.min(index)),
            (first, index) => first.or(index),
        };
        if self.findings.len() < FINDINGS_KEPT_MAX {
            self.findings.push(finding);
        }
    }

    /// Records several findings.
    pub fn find_all(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            self.find(finding);
        }
    }

    /// Records a reason why not everything could be decided.
    pub fn undecided(&mut self, reason: impl Into<String>) {
        self.undecided.push(reason.into());
    }

    /// Records something worth knowing that is no finding.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// The findings that were kept, at most a thousand.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The smallest index that a finding is about.
    #[must_use]
    pub const fn first_bad_index(&self) -> Option<u64> {
        self.first_bad_index
    }

    /// A finding outweighs what could not be decided: no missing part can undo it.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        if self.findings_count > 0 {
            Verdict::Tampered
        } else if self.undecided.is_empty() {
            Verdict::Verified
        } else {
            Verdict::Undecided
        }
    }

    /// For `--json`: one object.
    #[must_use]
    pub fn json(&self, command: &str) -> Value {
        let mut members = Map::new();
        members.insert("command".to_owned(), json!(command));
        members.insert("verdict".to_owned(), json!(self.verdict().word()));
        members.insert("exit_code".to_owned(), json!(self.verdict().code()));
        members.insert("first_bad_index".to_owned(), json!(self.first_bad_index));
        let facts = self.facts.iter();
        let facts: Map<_, _> = facts
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        members.insert("facts".to_owned(), Value::Object(facts));
        members.insert("findings_count".to_owned(), json!(self.findings_count));
        let findings = self.findings.iter().map(Finding::json).collect();
        members.insert("findings".to_owned(), Value::Array(findings));
        members.insert("undecided".to_owned(), json!(self.undecided));
        members.insert("notes".to_owned(), json!(self.notes));
        Value::Object(members)
    }
}

/// The report for people: the verdict first.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_MAX: usize = 20;
        match (self.verdict(), self.first_bad_index) {
            (Verdict::Verified, _) => writeln!(f, "VERIFIED")?,
            (Verdict::Tampered, Some(index)) => {
                writeln!(f, "TAMPERING FOUND, first at index {index}")?;
            }
            (Verdict::Tampered, None) => writeln!(f, "TAMPERING FOUND")?,
            (Verdict::Undecided, _) => writeln!(f, "CANNOT DECIDE")?,
        }
        for finding in self.findings.iter().take(SHOWN_MAX) {
            writeln!(f, "  ! {finding}")?;
        }
        let shown = self.findings.len().min(SHOWN_MAX) as u64;
        if self.findings_count > shown {
            writeln!(f, "  ! and {} more", self.findings_count - shown)?;
        }
        for reason in &self.undecided {
            writeln!(f, "  ? {}", printable(reason))?;
        }
        for (name, value) in &self.facts {
            let value = match value {
                Value::String(text) => printable(text),
                other => other.to_string(),
            };
            writeln!(f, "  {:<18} {value}", name.replace('_', " "))?;
        }
        for note in &self.notes {
            writeln!(f, "  note: {}", printable(note))?;
        }
        Ok(())
    }
}

/// Foreign text, made safe for a terminal: a control character could hide a finding from the reader.
fn printable(text: &str) -> String {
    let shown = |c: char| {
        if c.is_control() || is_reordering(c) {
            c.escape_unicode().to_string()
        } else {
            c.to_string()
        }
    };
    text.chars().map(shown).collect()
}

/// Unicode's controls of direction make a terminal show text in another order than it has.
const fn is_reordering(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tampering_outweighs_what_cannot_be_decided() {
        let mut report = Report::default();
        assert_eq!(report.verdict(), Verdict::Verified);
        report.undecided("no quorum");
        assert_eq!(report.verdict(), Verdict::Undecided);
        report.find(Finding::new("entry-differs", "x").at(7));
        report.find(Finding::new("entry-differs", "x").at(3));
        report.find(Finding::new("checkpoint-unsigned", "x"));
        assert_eq!(report.verdict(), Verdict::Tampered);
        assert_eq!(report.first_bad_index(), Some(3));
        assert_eq!(report.json("verify log")["findings_count"], 3);
    }

    #[test]
    fn no_control_character_reaches_a_terminal() {
        let mut report = Report::default();
        report.undecided("\u{1b}[2Jgone\u{202e}");
        let shown = report.to_string();
        assert!(shown.contains("\\u{1b}[2Jgone\\u{202e}"), "{shown}");
    }
}
