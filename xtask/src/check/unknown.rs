//! A condition that refuses must refuse what is unknown: in SQL a comparison with null is neither true nor false, and
//! `if` takes neither.
//!
//! In `migrations/functions` and `migrations/gateway`, functions that are declared `strict` apart:
//!
//! - `<>`, `!=`, and `not` before a value are not written: `is distinct from` and `is not true` say what null does.
//! - An `if` that refuses has no other comparison either.
//!
//! Within `(…) is not true` everything may be written.
//!
//! What stands in `exists (…)` is under the first rule alone. An exception has its reason in the line above, or at the
//! line's end: `-- known: …`.

use anyhow::{Context as _, Result, bail};

use super::{find, tally::Outcome};

const FOLDERS: [&str; 2] = ["migrations/functions", "migrations/gateway"];
const REASON: &str = "-- known: ";
/// What may follow `not`, since it knows no third answer.
const AFTER_NOT: [&str; 9] = [
    "exists",
    "found",
    "null",
    "true",
    "false",
    "distinct",
    "materialized",
    "immutable",
    "deferrable",
];
const COMPARISONS: [&str; 10] = ["=", "<", ">", "<=", ">=", "~", "<@", "@>", "in", "between"];
/// A branch that names one of these refuses.
const REFUSALS: [&str; 7] = [
    "ledger.refuse",
    "ledger.refuse_for",
    "ledger.reason",
    "ledger.unrecorded",
    "auth.refuse_key_set",
    "exception",
    "false",
];

pub(super) fn check() -> Result<Outcome> {
    let mut found = Vec::new();
    for folder in FOLDERS {
        for name in find(folder, "sql")? {
            let text = std::fs::read_to_string(&name).with_context(|| name.clone())?;
            found.extend(
                violations(&text)
                    .iter()
                    .map(|(line, what)| format!("{name}:{line}: {what}")),
            );
        }
    }
    if found.is_empty() {
        return Ok(Outcome::Passed);
    }
    bail!(
        "what is unknown passes here; say `is distinct from`, `(…) is not true`, or `{REASON}…` why it is known\n{}",
        found.join("\n")
    )
}

/// A word, an operator or a bracket, and its line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    line: usize,
    text: String,
}

fn violations(sql: &str) -> Vec<(usize, String)> {
    let tokens = without_answered(&tokens(sql));
    let mut found = Vec::new();
    let mut strict = false;
    for (at, token) in tokens.iter().enumerate() {
        let word = |distance: usize| tokens.get(at + distance).map_or("", |it| &*it.text);
        match &*token.text {
            "create" => strict = is_strict(&tokens[at..]),
            _ if strict => {}
            "<>" | "!=" => found.push((token.line, token.text.clone())),
            "not" if !AFTER_NOT.contains(&word(1)) => {
                found.push((token.line, format!("not {}", word(1))));
            }
            "if" | "elsif" if at == 0 || tokens[at - 1].text != "end" => {
                found.extend(of_condition(&tokens[at + 1..]));
            }
            _ => {}
        }
    }
    let lines: Vec<&str> = sql.lines().collect();
    let has_reason =
        |line: usize| line > 0 && lines.get(line - 1).is_some_and(|it| it.contains(REASON));
    found.retain(|(line, _)| !has_reason(*line) && !has_reason(line - 1));
    found.sort();
    found.dedup();
    found
}

/// Whether the function that is created here is never called with null.
fn is_strict(tokens: &[Token]) -> bool {
    let header = tokens
        .iter()
        .take_while(|it| !["as", "return", "begin", ";"].contains(&&*it.text));
    header.into_iter().any(|it| it.text == "strict")
}

/// The comparisons of a condition that refuses.
fn of_condition(tokens: &[Token]) -> Vec<(usize, String)> {
    let mut cases = 0_usize;
    let end = tokens.iter().position(|it| {
        match &*it.text {
            "case" => cases += 1,
            "end" => cases = cases.saturating_sub(1),
            _ => {}
        }
        cases == 0 && it.text == "then"
    });
    let Some(end) = end else { return Vec::new() };
    let branch = tokens[end..].iter().take_while(|it| it.text != ";");
    if !branch.into_iter().any(|it| REFUSALS.contains(&&*it.text)) {
        return Vec::new();
    }
    let condition = &tokens[..end];
    let mut found = Vec::new();
    let mut at = 0;
    while at < condition.len() {
        let token = &condition[at];
        if token.text == "(" {
            let close = closing(condition, at);
            if at > 0 && condition[at - 1].text == "exists" {
                at = close;
            }
        } else if COMPARISONS.contains(&&*token.text) {
            found.push((
                token.line,
                format!("{} in a condition that refuses", token.text),
            ));
        }
        at += 1;
    }
    found
}

/// Without what stands in brackets before `is not true` or `is not false`.
fn without_answered(tokens: &[Token]) -> Vec<Token> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        kept.push(tokens[at].clone());
        if tokens[at].text == "(" {
            let close = closing(tokens, at);
            let after = tokens.iter().skip(close + 1).take(3);
            let after: Vec<_> = after.map(|it| &*it.text).collect();
            if matches!(&*after, ["is", "not", "true" | "false"]) {
                at = close - 1;
            }
        }
        at += 1;
    }
    kept
}

/// The place of the bracket that closes the one at this place.
fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match &*token.text {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len()
}

/// Comments and the contents of texts are left out.
fn tokens(sql: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut in_text = false;
    for (at, line) in sql.lines().enumerate() {
        let mut rest = line;
        while let Some(first) = rest.chars().next() {
            let length = if in_text || first == '\'' {
                let from = usize::from(!in_text);
                let end = rest[from..].find('\'').map(|it| from + it + 1);
                in_text = end.is_none();
                end.unwrap_or(rest.len())
            } else if rest.starts_with("--") {
                break;
            } else if is_of_word(first) {
                rest.find(|it| !is_of_word(it)).unwrap_or(rest.len())
            } else if "<>=!~@|-".contains(first) {
                rest.find(|it| !"<>=!~@|-".contains(it))
                    .unwrap_or(rest.len())
            } else {
                first.len_utf8()
            };
            if !first.is_whitespace() && !in_text && first != '\'' {
                let text = rest[..length].to_ascii_lowercase();
                tokens.push(Token { line: at + 1, text });
            }
            rest = &rest[length..];
        }
    }
    tokens
}

fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || "_.$".contains(letter)
}

#[cfg(test)]
mod tests {
    use super::violations;

    fn found(sql: &str) -> Vec<String> {
        violations(sql).into_iter().map(|(_, what)| what).collect()
    }

    #[test]
    fn what_is_unknown_refuses() {
        for sql in [
            "if a is distinct from b then perform ledger.refuse('x'); end if;",
            "if (a <> b or not c) is not true then perform ledger.refuse('x'); end if;",
            "if (a = b) is not true then perform ledger.refuse('x'); end if;",
            "if not found then perform ledger.refuse('x'); end if;",
            "if not exists (select from t where t.a = b) then perform ledger.refuse('x'); end if;",
            "if a = b then c := 1; end if;",
            "-- a <> b, and not c\nselect 'a <> b';",
            "select a <> b; -- known: both are constants",
            "-- known: both are constants\nselect a <> b;",
            "create function f(a text) returns text strict return a <> 'x';",
        ] {
            assert_eq!(found(sql), [""; 0], "{sql}");
        }
    }

    #[test]
    fn what_would_pass_is_found() {
        for (sql, what) in [
            ("if a <> b then perform ledger.refuse('x'); end if;", "<>"),
            ("select from t where a != b", "!="),
            ("select from t where not k.held", "not k.held"),
            (
                "if not f(a) then return ledger.unrecorded('x'); end if;",
                "not f",
            ),
            (
                "if exists (select from t where a <> b) then perform ledger.refuse('x'); end if;",
                "<>",
            ),
            (
                "if a = b then raise exception 'x'; end if;",
                "= in a condition that refuses",
            ),
            (
                "if a then b := 1; elsif c > d then perform ledger.refuse('x'); end if;",
                "> in a condition that refuses",
            ),
            (
                "if (a = b) is true then perform ledger.refuse('x'); end if;",
                "= in a condition that refuses",
            ),
            (
                "create function f(a text) returns text return a <> 'x';",
                "<>",
            ),
            ("-- known: another line\n\nselect a <> b;", "<>"),
        ] {
            assert_eq!(found(sql), [what], "{sql}");
        }
    }
}
