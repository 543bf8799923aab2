//! Words of which there are a few: what lists are filtered by.

use std::str::FromStr;

use crate::http::one_of;

macro_rules! one_of_these {
    ($(#[$doc:meta])* $name:ident, $words:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(&'static str);

        impl $name {
            /// Every one of them, as JSON and the database have it.
            pub const ALL: &[&str] = &$words;

            /// The words of several.
            #[must_use]
            pub fn words(several: &[Self]) -> Vec<&'static str> {
                several.iter().map(|one| one.0).collect()
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                one_of(text, Self::ALL).map(Self)
            }
        }
    };
}

one_of_these!(
    /// What became of a release.
    ReleaseStatus,
    ["REQUESTED", "APPROVED", "EXPIRED"]
);
one_of_these!(
    /// Whether the reason of a warning is still there.
    WarningStatus,
    ["open", "closed"]
);
impl WarningStatus {
    /// Its reason is still there.
    pub const OPEN: Self = Self("open");
}
one_of_these!(
    /// What a warning is about.
    WarningKind,
    [
        "asset-contested",
        "base-short",
        "continuation-closing",
        "continuation-open",
        "coverage-short",
        "custody-stale",
        "filing-contested",
        "filing-disputed",
        "filing-lapsed",
        "filing-terminated",
        "search-adverse",
        "valuation-stale",
    ]
);
