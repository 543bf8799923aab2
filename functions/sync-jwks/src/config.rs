use http::Uri;
use once_cell::sync::OnceCell;
use shared::config::{Base, Variables, key_set_url};

/// The environment as it was parsed at the start.
pub(crate) static CONFIG: OnceCell<JwksSyncConfig> = OnceCell::new();

/// The environment of the function that registers the issuer's keys.
#[derive(Debug)]
pub(crate) struct JwksSyncConfig {
    /// What every function has.
    pub(crate) base: Base,
    /// `JWKS_URL`.
    pub(crate) key_set_url: Uri,
}

impl JwksSyncConfig {
    /// Reads the environment.
    pub(crate) fn read(variables: &mut Variables) -> Option<Self> {
        let base = Base::read(variables);
        let key_set_url = key_set_url(variables);
        Some(Self {
            base: base?,
            key_set_url: key_set_url?,
        })
    }
}
