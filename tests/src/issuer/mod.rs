//! A Supabase-shaped token issuer: one JWKS endpoint, keys that rotate, and every fault on request.

mod key;
mod token;

pub use key::{Algorithm, Key, hs256, unsigned};
pub use token::{Minter, encode};

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use serde_json::{Value, json};

use crate::http::{Reply, Request, Response, Server};

/// Supabase's audience for people who have signed in.
pub const AUDIENCE: &str = "authenticated";
const JWKS_PATH: &str = "/auth/v1/.well-known/jwks.json";
/// Over the 150 kB that a key set may have.
const OVERSIZE_BYTES: usize = 200_000;

/// What the JWKS endpoint does.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Behaviour {
    /// Publishes the keys.
    #[default]
    Publish,
    /// Answers with that status and no keys.
    Status(u16),
    /// Publishes this document instead.
    Document(String),
    /// Redirects there.
    Redirect(String),
    /// Publishes the keys, padded beyond any sensible size.
    Oversize,
    /// Accepts the request and never answers.
    Hang,
    /// Closes the connection without an answer.
    Close,
}

/// A running issuer; ends when it is dropped.
pub struct Issuer {
    server: Server,
    state: Arc<State>,
    name: String,
}

struct State {
    keys: Mutex<Keys>,
    behaviour: Mutex<Behaviour>,
    fetches: AtomicU64,
}

struct Keys {
    published: Vec<Arc<Key>>,
    signing: Arc<Key>,
}

impl Issuer {
    /// Starts it on a loopback port (0: any free one). Its name is its own URL, as with Supabase.
    pub fn start(port: u16, key: impl Into<Arc<Key>>) -> Result<Self> {
        let mut issuer = Self::start_named(port, key, String::new())?;
        issuer.name = format!("http://{}/auth/v1", issuer.server.address());
        Ok(issuer)
    }

    /// Starts it under a name that does not depend on the port: databases remember the name.
    pub fn start_named(port: u16, key: impl Into<Arc<Key>>, name: String) -> Result<Self> {
        let signing = key.into();
        let state = Arc::new(State {
            keys: Mutex::new(Keys {
                published: vec![Arc::clone(&signing)],
                signing,
            }),
            behaviour: Mutex::default(),
            fetches: AtomicU64::new(0),
        });
        let server = Server::start(port, {
            let state = Arc::clone(&state);
            move |request| state.answer(&request)
        })?;
        Ok(Self {
            server,
            state,
            name,
        })
    }

    /// The value of `iss`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the keys are published.
    #[must_use]
    pub fn jwks_url(&self) -> String {
        format!("http://{}{JWKS_PATH}", self.server.address())
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.server.address().port()
    }

    /// How often the keys have been asked for.
    #[must_use]
    pub fn fetches(&self) -> u64 {
        self.state.fetches.load(Ordering::SeqCst)
    }

    /// Changes what the endpoint does from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        *self
            .state
            .behaviour
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = behaviour;
    }

    /// Publishes a standby key beside the others. It signs nothing yet: Supabase gives everybody time to
    /// know it first.
    pub fn announce(&self, key: impl Into<Arc<Key>>) {
        self.state.keys().published.push(key.into());
    }

    /// Signs with the key that was announced last from now on; the others stay published.
    pub fn promote(&self) {
        let mut keys = self.state.keys();
        if let Some(newest) = keys.published.last().map(Arc::clone) {
            keys.signing = newest;
        }
    }

    /// Publishes the signing key only.
    pub fn drop_old_keys(&self) {
        let mut keys = self.state.keys();
        keys.published = vec![Arc::clone(&keys.signing)];
    }

    /// The key that signs now.
    #[must_use]
    pub fn key(&self) -> Arc<Key> {
        Arc::clone(&self.state.keys().signing)
    }

    /// Mints tokens with the key that signs now.
    #[must_use]
    pub fn minter(&self) -> Minter {
        Minter {
            issuer: self.name.clone(),
            audience: AUDIENCE.to_owned(),
            key: self.key(),
        }
    }

    /// The key set as it is published.
    #[must_use]
    pub fn jwks(&self) -> Value {
        self.state.jwks()
    }
}

impl State {
    fn answer(&self, request: &Request) -> Reply {
        if request.path() != JWKS_PATH {
            return respond(404, r#"{"error":"not found"}"#, &[]);
        }
        self.fetches.fetch_add(1, Ordering::SeqCst);
        let behaviour = self
            .behaviour
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match behaviour {
            Behaviour::Publish => respond(
                200,
                &self.jwks().to_string(),
                &[("cache-control", "public, max-age=600")],
            ),
            Behaviour::Status(status) => respond(status, "{}", &[]),
            Behaviour::Document(document) => respond(200, &document, &[]),
            Behaviour::Redirect(location) => respond(302, "", &[("location", &location)]),
            Behaviour::Oversize => respond(
                200,
                &format!("{}{}", self.jwks(), " ".repeat(OVERSIZE_BYTES)),
                &[],
            ),
            Behaviour::Hang => Reply::Hang,
            Behaviour::Close => Reply::Close,
        }
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn jwks(&self) -> Value {
        json!({ "keys": self.keys().published.iter().map(|key| key.public_jwk()).collect::<Vec<_>>() })
    }
}

fn respond(status: u16, body: &str, headers: &[(&str, &str)]) -> Reply {
    let json = ("content-type", "application/json; charset=utf-8");
    let headers = headers
        .iter()
        .chain([&json])
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Reply::Response(Response {
        status,
        headers: headers.collect(),
        body: body.as_bytes().to_vec(),
    })
}
