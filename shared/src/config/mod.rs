//! What a function is told from outside: its environment and its secrets, parsed once into types.
//!
//! Nothing else in the crate reads the environment. An error names a variable or a secret and the rule it
//! breaks, never a value.

mod aws;
mod aws_http;
mod chain_key;
mod database_login;
mod database_url;
mod environment;
mod note_key;
mod secrets;
mod secrets_manager;
mod urls;
mod variables;

pub use self::{
    aws::Aws,
    database_login::{DatabaseAuth, DatabaseLogin},
    database_url::{DatabaseUrl, TlsMode},
    environment::{
        Anchorer, Base, Chain, Deployment, Identity, KeySetSource, People, Registrar, Rounds,
        Signer, load,
    },
    secrets::SecretError,
    secrets_manager::SecretsManager,
    variables::{Malformed, Variables},
};
