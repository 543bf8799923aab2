use std::{fmt, str::FromStr};

use base16ct::lower as hex;

use crate::ids::Invalid;

macro_rules! digest {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(pub(super) [u8; 32]);

        impl $name {
            /// The bytes, as a parameter of a query.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                from_hex(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode_string(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

digest!(
    /// The id of a commitment in the ledger. Its text is 64 lower-case hexadecimal digits.
    CommitmentId
);
digest!(
    /// The hash of what was asked. Its text is 64 lower-case hexadecimal digits.
    Fingerprint
);
digest!(
    /// SHA-256 of what somebody else keeps or renders: a document, a release's content. Its text is 64
    /// lower-case hexadecimal digits.
    Sha256
);

pub(crate) fn from_hex(text: &str) -> Result<[u8; 32], Invalid> {
    let mut bytes = [0; 32];
    match hex::decode(text, &mut bytes) {
        Ok(decoded) if decoded.len() == 32 => Ok(bytes),
        _ => Err(Invalid("must be 64 lower-case hexadecimal digits")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_lower_case_hex_of_full_length_parses() {
        let good = "00ff".repeat(16);
        assert_eq!(good.parse::<CommitmentId>().unwrap().to_string(), good);
        let non_ascii = "é".repeat(32);
        for bad in [
            "",
            &good[1..],
            &good[2..],
            &good.to_uppercase(),
            &good.replace('f', "g"),
            &format!("{good}00"),
            &format!("0x{}", &good[2..]),
            &non_ascii,
        ] {
            assert!(bad.parse::<CommitmentId>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn every_digest_reads_back(bytes: [u8; 32]) {
            prop_assert_eq!(CommitmentId(bytes).to_string().parse(), Ok(CommitmentId(bytes)));
        }
    }
}
