//! What a function is told from outside: its environment and its secrets, parsed once into types.
//!
//! No other module, and no function, reads the environment. A function with variables of its own declares their type in
//! its folder and reads it from [`Variables`]. An error names a variable or a secret and the rule it breaks, never a
//! value.

mod aws;
mod aws_http;
mod database_login;
mod database_url;
mod environment;
mod rounds;
mod secrets;
mod secrets_manager;
mod urls;
mod variables;

pub use self::{
    aws::Aws,
    database_login::{DatabaseAuth, DatabaseLogin},
    database_url::{DatabaseUrl, TlsMode},
    environment::{Base, Identity, KeySetSource, People, key_set_url, load},
    rounds::round_interval,
    secrets::{SecretError, zeroizing},
    secrets_manager::SecretsManager,
    urls::http_url,
    variables::{Malformed, Variables, whole_number},
};
