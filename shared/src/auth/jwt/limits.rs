//! Limits on a token's JSON, which the database has as well (`auth.json_within_limits`): so both read what
//! they accept alike, and reading it costs little.

/// In arrays and objects around each other.
const DEPTH_MAX: usize = 32;

/// In characters. With the next limit, every number is in the range of a double.
const NUMBER_LENGTH_MAX: usize = 32;

/// In digits.
const EXPONENT_LENGTH_MAX: usize = 2;

/// Whether a JSON text is within the limits. For a text that is no JSON the answer means nothing.
pub(super) fn is_within(json: &[u8]) -> bool {
    let (mut depth, mut number, mut exponent) = (0_usize, 0, None);
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        if byte.is_ascii_digit() || b"+-.eE".contains(byte) {
            number += 1;
            exponent = match byte {
                b'e' | b'E' => Some(0),
                b'0'..=b'9' => exponent.map(|digits: usize| digits + 1),
                _ => exponent,
            };
        } else {
            (number, exponent) = (0, None);
        }
        match byte {
            b'"' => skip_text(&mut bytes),
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX
            || number > NUMBER_LENGTH_MAX
            || exponent.is_some_and(|digits| digits > EXPONENT_LENGTH_MAX)
        {
            return false;
        }
    }
    true
}

/// To the end of a text whose opening quote was read.
fn skip_text(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_within() {
        let nested = |depth| [vec![b'['; depth], vec![b']'; depth]].concat();
        let number = |length| format!("[{}]", "1".repeat(length)).into_bytes();
        for (json, expected) in [
            (nested(DEPTH_MAX), true),
            (nested(DEPTH_MAX + 1), false),
            (number(NUMBER_LENGTH_MAX), true),
            (number(NUMBER_LENGTH_MAX + 1), false),
            (b"[1e99,1E-99,true,false]".to_vec(), true),
            (b"[1e100]".to_vec(), false),
            (b"[1E-100]".to_vec(), false),
            (
                format!(r#"["{}\"[[1e100"]"#, "[".repeat(99)).into_bytes(),
                true,
            ),
        ] {
            assert_eq!(is_within(&json), expected, "{}", json.escape_ascii());
        }
    }
}
