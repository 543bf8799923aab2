//! The figures: a table for people, JSON for programs.

use std::fmt::{self, Write as _};

use serde_json::{Value, json};

/// One figure.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    reference: Option<(String, f64)>,
    aim: Option<Aim>,
    note: String,
}

/// The aim of a figure: for the ratio to its reference if it has one, else for its value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Aim {
    AtMost(f64),
    AtLeast(f64),
}

/// All figures, in groups.
#[derive(Default)]
pub(super) struct Report {
    groups: Vec<(String, Vec<Figure>)>,
}

impl Figure {
    pub(super) fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self {
            name: name.into(),
            value,
            unit,
            reference: None,
            aim: None,
            note: String::new(),
        }
    }

    /// The reference, measured in the same run and in the same unit.
    pub(super) fn beside(mut self, name: impl Into<String>, value: f64) -> Self {
        self.reference = Some((name.into(), value));
        self
    }

    pub(super) fn aim(mut self, aim: Aim) -> Self {
        self.aim = Some(aim);
        self
    }

    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    fn ratio(&self) -> Option<f64> {
        self.reference
            .as_ref()
            .map(|(_, reference)| self.value / reference)
    }

    fn verdict(&self) -> Option<bool> {
        let judged = self.ratio().unwrap_or(self.value);
        self.aim.map(|aim| match aim {
            Aim::AtMost(most) => judged <= most,
            Aim::AtLeast(least) => judged >= least,
        })
    }

    fn row(&self) -> [String; 6] {
        let reference = self
            .reference
            .as_ref()
            .map_or_else(String::new, |(name, value)| {
                format!("{name}: {}", number(*value))
            });
        let aim = self.aim.map_or_else(String::new, |aim| {
            let met = if self.verdict() == Some(true) {
                ""
            } else {
                ", missed"
            };
            format!("{aim}{met}")
        });
        [
            self.name.clone(),
            format!("{} {}", number(self.value), self.unit)
                .trim_end()
                .to_owned(),
            reference,
            self.ratio()
                .map_or_else(String::new, |ratio| format!("{ratio:.2}")),
            aim,
            self.note.clone(),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "reference": self.reference.as_ref().map(|(name, value)| json!({ "name": name, "value": value })),
            "ratio": self.ratio(),
            "aim": self.aim.map(|aim| aim.to_string()),
            "met": self.verdict(),
            "note": self.note,
        })
    }
}

impl Report {
    pub(super) fn group(&mut self, title: &str) {
        self.groups.push((title.to_owned(), Vec::new()));
    }

    pub(super) fn add(&mut self, figure: Figure) {
        if let Some((_, figures)) = self.groups.last_mut() {
            figures.push(figure);
        }
    }

    /// The last group as a Markdown table.
    pub(super) fn last_table(&self) -> String {
        self.groups
            .last()
            .map(|(title, figures)| table(title, figures))
            .unwrap_or_default()
    }

    pub(super) fn tables(&self) -> String {
        let tables: Vec<String> = self
            .groups
            .iter()
            .map(|(title, figures)| table(title, figures))
            .collect();
        tables.join("\n")
    }

    pub(super) fn json(&self) -> Value {
        let group = |(title, figures): &(String, Vec<Figure>)| {
            let figures: Vec<Value> = figures.iter().map(Figure::json).collect();
            json!({ "group": title, "figures": figures })
        };
        self.groups.iter().map(group).collect()
    }
}

impl fmt::Display for Aim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "≤ {most}"),
            Self::AtLeast(least) => write!(f, "≥ {least}"),
        }
    }
}

fn table(title: &str, figures: &[Figure]) -> String {
    const HEAD: [&str; 6] = ["figure", "here", "reference", "ratio", "aim", "note"];
    let rows: Vec<[String; 6]> = figures.iter().map(Figure::row).collect();
    // Empty columns are left out.
    let shown: Vec<usize> = (0..HEAD.len())
        .filter(|&column| column < 2 || rows.iter().any(|row| !row[column].is_empty()))
        .collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0).max(HEAD[column].len())
    };
    let widths: Vec<usize> = shown.iter().map(|&column| width(column)).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        cells
            .zip(&widths)
            .fold("|".to_owned(), |mut text, (cell, &width)| {
                let padding = " ".repeat(width - cell.chars().count());
                write!(text, " {cell}{padding} |").expect("a string takes every text");
                text
            })
    };
    let rule: String = widths.iter().fold("|".to_owned(), |text, &width| {
        text + &"-".repeat(width + 2) + "|"
    });
    let mut lines = vec![
        format!("### {title}"),
        String::new(),
        line(&mut shown.iter().map(|&column| HEAD[column])),
        rule,
    ];
    lines.extend(
        rows.iter()
            .map(|row| line(&mut shown.iter().map(|&column| &*row[column]))),
    );
    lines.join("\n") + "\n"
}

/// Three significant digits.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 10_000.0 => {
            let digits = format!("{value:.0}");
            let mut grouped = String::new();
            for (place, digit) in digits.chars().enumerate() {
                if place > 0 && (digits.len() - place).is_multiple_of(3) {
                    grouped.push(',');
                }
                grouped.push(digit);
            }
            grouped
        }
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 || size == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Aim, Figure, Report, number};

    #[test]
    fn numbers_are_short() {
        let texts = [1_234_567.8, 123.4, 12.34, 1.234, 0.1234, 0.0].map(number);
        assert_eq!(texts, ["1,234,568", "123", "12.3", "1.23", "0.123", "0.00"]);
    }

    #[test]
    fn a_missed_aim_is_told() {
        let mut report = Report::default();
        report.group("g");
        report.add(
            Figure::new("a", 3.0, "ms")
                .beside("b", 2.0)
                .aim(Aim::AtMost(1.3)),
        );
        let table = report.tables();
        assert!(table.contains("| 1.50  | ≤ 1.3, missed |"), "{table}");
        assert_eq!(report.json()[0]["figures"][0]["met"], false);
    }
}
