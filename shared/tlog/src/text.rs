//! Notations that several documents share: decimals, Base 64 and hexadecimal.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// An ASCII decimal of at most [`crate::MAX_SIZE`], with no sign and no leading zero but in `0`.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let canonical =
        text == "0" || (!text.starts_with('0') && text.bytes().all(|digit| digit.is_ascii_digit()));
    if !canonical {
        return None;
    }
    text.parse()
        .ok()
        .filter(|number| *number <= crate::MAX_SIZE)
}

/// Base 64 of RFC 4648, section 4. Each value has one text: padding is required, and spare bits are zero.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

pub(crate) fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Lower-case hexadecimal of exactly `N` bytes.
pub(crate) fn from_hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let decoded = base16ct::lower::decode(digits, &mut bytes).ok()?;
    (decoded.len() == N).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_notation() {
        assert_eq!(decimal("0"), Some(0));
        assert_eq!(decimal("20852163"), Some(20_852_163));
        assert_eq!(decimal("9223372036854775807"), Some(crate::MAX_SIZE));
        for bad in [
            "",
            "00",
            "01",
            "+1",
            "-1",
            " 1",
            "1 ",
            "1_0",
            "١",
            "9223372036854775808",
            "99999999999999999999",
        ] {
            assert_eq!(decimal(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn bytes_have_one_notation() {
        assert_eq!(from_hex(b"00ff"), Some([0, 255]));
        for bad in ["", "0", "00f", "00FF", "00fg", "00ff00", "é0f"] {
            assert_eq!(from_hex::<2>(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(from_base64("AQI="), Some(vec![1, 2]));
        for bad in ["AQI", "AQJ=", "AQI= ", "AQ-_", "A\nQI=", "=", "AQI=AQI="] {
            assert_eq!(from_base64(bad), None, "{bad:?}");
        }
    }
}
