//! The text form of PostgreSQL's jsonb, which `body_hash` is of.

use serde_json::{Map, Value};

use super::json::Json;

/// A value as jsonb writes it: members by the length of their names, then by their bytes; a space after each colon and
/// comma. None for a number that is no integer of 64 bits: jsonb keeps its digits as they were sent.
#[must_use]
pub fn jsonb_text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => {
            (number.is_i64() || number.is_u64()).then(|| number.to_string())?
        }
        Value::String(text) => Json(text).to_string(),
        Value::Array(elements) => {
            let elements: Option<Vec<_>> = elements.iter().map(jsonb_text).collect();
            format!("[{}]", elements?.join(", "))
        }
        Value::Object(members) => object_text(members)?,
    })
}

fn object_text(members: &Map<String, Value>) -> Option<String> {
    let mut members: Vec<_> = members.iter().collect();
    members.sort_unstable_by_key(|(name, _)| (name.len(), name.as_bytes()));
    let members: Option<Vec<_>> = members
        .into_iter()
        .map(|(name, value)| Some(format!("{}: {}", Json(name), jsonb_text(value)?)))
        .collect();
    Some(format!("{{{}}}", members?.join(", ")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What PostgreSQL 15 answers for the same value.
    #[test]
    fn members_are_sorted_as_jsonb_sorts_them() {
        let value = json!({
            "bb": [1, -2, 18_446_744_073_709_551_615_u64], "a": null, "é": "\u{1}\"é", "ab": {"x": true}, "": [],
        });
        assert_eq!(
            jsonb_text(&value).unwrap(),
            "{\"\": [], \"a\": null, \"ab\": {\"x\": true}, \"bb\": [1, -2, 18446744073709551615], \
             \"é\": \"\\u0001\\\"é\"}"
        );
        assert_eq!(jsonb_text(&json!([1.5])), None);
        assert_eq!(jsonb_text(&json!({})).as_deref(), Some("{}"));
    }
}
