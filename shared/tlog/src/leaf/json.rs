//! Strings in the text of a leaf.

use std::fmt::{self, Write as _};

/// A string as both PostgreSQL and `serde_json` write it.
pub(super) struct Json<'a>(pub(super) &'a str);

impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        let mut plain = self.0;
        while let Some(at) = plain.find(|c: char| c < ' ' || c == '"' || c == '\\') {
            f.write_str(&plain[..at])?;
            let byte = plain.as_bytes()[at];
            match byte {
                b'"' | b'\\' => write!(f, "\\{}", char::from(byte)),
                0x08 => f.write_str("\\b"),
                0x0c => f.write_str("\\f"),
                b'\n' => f.write_str("\\n"),
                b'\r' => f.write_str("\\r"),
                b'\t' => f.write_str("\\t"),
                _ => write!(f, "\\u{byte:04x}"),
            }?;
            plain = &plain[at + 1..];
        }
        f.write_str(plain)?;
        f.write_char('"')
    }
}
