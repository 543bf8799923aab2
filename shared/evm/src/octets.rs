use std::{fmt, str::FromStr};

/// `N` bytes. As text, `0x` and two lower-case hexadecimal digits for each byte.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Octets<const N: usize>([u8; N]);

/// The hash of a block or a transaction.
pub type Hash = Octets<32>;

/// The address of an account. Its text has no mixed case: EIP-55's checksum is for people who copy by hand.
pub type Address = Octets<20>;

impl<const N: usize> Octets<N> {
    /// Wraps the bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; N]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> FromStr for Octets<N> {
    type Err = MalformedOctets;

    fn from_str(text: &str) -> Result<Self, MalformedOctets> {
        let digits = text.strip_prefix("0x").ok_or(MalformedOctets)?;
        let mut bytes = [0; N];
        decode_hex(digits, &mut bytes).ok_or(MalformedOctets)?;
        Ok(Self(bytes))
    }
}

/// Decodes lower-case hexadecimal digits, exactly as many as `bytes` takes.
pub(crate) fn decode_hex(digits: &str, bytes: &mut [u8]) -> Option<()> {
    let length = bytes.len();
    let decoded = base16ct::lower::decode(digits, bytes).ok()?;
    (decoded.len() == length).then_some(())
}

/// `0x` and the bytes in hexadecimal.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    format!("0x{}", base16ct::lower::encode_string(bytes))
}

impl<const N: usize> fmt::Display for Octets<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl<const N: usize> fmt::Debug for Octets<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

/// Not `0x` and the right number of lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 0x and lower-case hexadecimal digits of the right number")]
pub struct MalformedOctets;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes() {
        let text = "0x00010203040506070809fafbfcfdfeff00112233";
        let address: Address = text.parse().unwrap();
        assert_eq!(address.to_string(), text);
        for bad in [
            "",
            "0x",
            &text[2..],
            &text[..41],
            &format!("{text}0"),
            &text.replace("fa", "FA"),
            &text.replace("fa", "+1"),
            &text.replace("fa", "é"),
        ] {
            assert_eq!(bad.parse::<Address>(), Err(MalformedOctets), "{bad}");
        }
    }
}
