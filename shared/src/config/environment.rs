//! The variables of the functions that have no variables of their own.

use std::{env, path::Path, time::Duration};

use http::Uri;
use once_cell::sync::OnceCell;
use rustls::pki_types::{CertificateDer, pem::PemObject};

use super::{
    Aws, DatabaseAuth, DatabaseUrl, Malformed, Variables, urls::http_url, variables::whole_number,
};

/// The most connections one instance of a function keeps, however many requests it serves at once.
const CONNECTIONS_MAX: usize = 16;

/// What every function has.
#[derive(Debug)]
pub struct Base {
    /// `DATABASE_URL`.
    pub database: DatabaseUrl,
    /// `DATABASE_AUTH`; by default a secret.
    pub database_auth: DatabaseAuth,
    /// The certificates in `DATABASE_CA_FILE`, to trust instead of the public roots.
    pub database_ca: Option<Vec<CertificateDer<'static>>>,
    /// `SECRETS_PREFIX`: what the names of this stage's secrets begin with.
    pub secrets_prefix: String,
    /// How the secrets are reached.
    pub aws: Aws,
    /// How many requests Lambda may give to this instance at once, up to a limit of ours.
    pub connections_max: usize,
}

/// Whose tokens are accepted.
#[derive(Debug)]
pub struct Identity {
    /// `JWT_ISSUER`, letter by letter.
    pub issuer: String,
    /// `JWT_AUDIENCE`.
    pub audience: String,
    /// `JWT_CLIENT_IDS`: the applications whose tokens count as the person's own; by default none.
    pub client_ids: Vec<String>,
}

/// Where the keys of tokens are.
#[derive(Debug)]
pub struct KeySetSource {
    /// `JWKS_URL`.
    pub url: Uri,
    /// `JWKS_MAX_AGE_SECONDS`; by default the set is read for every request.
    pub max_age: Duration,
}

/// The environment of a function that people call.
#[derive(Debug)]
pub struct People {
    /// What every function has.
    pub base: Base,
    /// Whose tokens are accepted.
    pub identity: Identity,
    /// Where their keys are.
    pub key_set: KeySetSource,
}

/// Parses this process's environment, once.
///
/// # Errors
///
/// Every variable that is missing or malformed.
pub fn load<T>(
    once: &'static OnceCell<T>,
    read: impl FnOnce(&mut Variables) -> Option<T>,
) -> Result<&'static T, Malformed> {
    once.get_or_try_init(|| {
        let variables = Variables::new(|name| {
            // A value that is no Unicode becomes a text with U+FFFD, which no rule accepts.
            env::var_os(name).map(|value| value.to_string_lossy().into_owned())
        });
        variables.parse(read)
    })
}

impl Base {
    /// Reads the variables that every function has; those that agents or a schedule call have no others.
    pub fn read(variables: &mut Variables) -> Option<Self> {
        let database: Option<DatabaseUrl> = variables.required("DATABASE_URL", str::parse);
        let database_auth = variables.optional("DATABASE_AUTH", |text| {
            text.parse().and_then(|auth: DatabaseAuth| {
                // A malformed URL is an error of its own.
                let suits = database
                    .as_ref()
                    .is_none_or(|database| auth.suits(database));
                suits
                    .then_some(auth)
                    .ok_or("must be secret unless DATABASE_URL names a host behind TLS")
            })
        });
        let database_ca = variables.optional("DATABASE_CA_FILE", certificates);
        let secrets_prefix = variables.required("SECRETS_PREFIX", secrets_prefix);
        let aws = Aws::read(variables);
        let connections_max = variables.optional("AWS_LAMBDA_MAX_CONCURRENCY", str::parse::<usize>);
        Some(Self {
            database: database?,
            database_auth: database_auth?.unwrap_or(DatabaseAuth::Secret),
            database_ca: database_ca?,
            secrets_prefix: secrets_prefix?,
            aws: aws?,
            connections_max: connections_max?.unwrap_or(1).clamp(1, CONNECTIONS_MAX),
        })
    }
}

impl People {
    /// Reads the variables of a function that people call.
    pub fn read(variables: &mut Variables) -> Option<Self> {
        let base = Base::read(variables);
        let identity = Identity::read(variables);
        let url = key_set_url(variables);
        let max_age = variables.optional("JWKS_MAX_AGE_SECONDS", max_age);
        Some(Self {
            base: base?,
            identity: identity?,
            key_set: KeySetSource {
                url: url?,
                max_age: max_age?.unwrap_or_default(),
            },
        })
    }
}

impl Identity {
    /// Reads whose tokens are accepted.
    pub fn read(variables: &mut Variables) -> Option<Self> {
        let issuer = variables.required("JWT_ISSUER", http_url);
        let audience = variables.required("JWT_AUDIENCE", audience);
        let client_ids = variables.optional("JWT_CLIENT_IDS", client_ids);
        Some(Self {
            issuer: issuer?,
            audience: audience?,
            client_ids: client_ids?.unwrap_or_default(),
        })
    }
}

/// `JWKS_URL`: where the issuer's key set is.
pub fn key_set_url(variables: &mut Variables) -> Option<Uri> {
    variables.required("JWKS_URL", |text| {
        http_url(text).and_then(|url| url.parse().map_err(|_| "must be a URL"))
    })
}

/// Read here and not at the first connection, so that a missing file is told from a database that is away.
fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    Some(path)
        .filter(|path| Path::new(path).is_absolute())
        .and_then(|path| {
            CertificateDer::pem_file_iter(path)
                .ok()?
                .collect::<Result<Vec<_>, _>>()
                .ok()
        })
        .filter(|certificates| !certificates.is_empty())
        .ok_or("must be the absolute path of a file of PEM certificates")
}

/// `^[a-z0-9-]+(/[a-z0-9-]+)*$`, at most 100 characters.
fn secrets_prefix(text: &str) -> Result<String, &'static str> {
    let word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
    };
    if text.len() <= 100 && text.split('/').all(word) {
        Ok(text.to_owned())
    } else {
        Err("must be lower-case words separated by slashes, 100 characters at most")
    }
}

fn audience(text: &str) -> Result<String, &'static str> {
    if (1..=255).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 255 visible ASCII characters")
    }
}

/// A stack gives an empty value where it names no application.
fn client_ids(text: &str) -> Result<Vec<String>, &'static str> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    text.split(',')
        .map(audience)
        .collect::<Result<_, _>>()
        .map_err(
            |_| "must be client ids of 1 to 255 visible ASCII characters, with a comma between two",
        )
}

fn max_age(text: &str) -> Result<Duration, &'static str> {
    whole_number(text, 0, 600)
        .map(Duration::from_secs)
        .ok_or("must be a number from 0 to 600")
}

#[cfg(test)]
mod tests;
