//! A Supabase-shaped token issuer: a key set that rotates, with every fault on request, and the calls to sign in.

mod key;
mod sign_in;
mod token;

pub use key::{Algorithm, Key, hs256, unsigned};
pub use sign_in::Account;
pub use token::{Minter, encode};

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use url::Url;

use self::sign_in::{CORS, SignIn};
use crate::http::{Reply, Request, Response, Server};

/// Supabase's audience for people who have signed in.
pub const AUDIENCE: &str = "authenticated";
/// Where Supabase's gateway has its Auth server, and where the key set is below it.
const BASE: &str = "/auth/v1";
/// See `BASE`.
pub const JWKS_PATH: &str = "/.well-known/jwks.json";
/// Over the 150 kB that a key set may have.
const OVERSIZE_BYTES: usize = 200_000;

/// Whose tokens are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// The value of `iss`.
    pub issuer: String,
    /// The value of `aud`.
    pub audience: String,
    /// Where the keys are published.
    pub jwks_url: String,
}

impl Trust {
    /// The issuer of this URL. Its keys are below it, as with Supabase, unless they are named.
    pub fn new(issuer: &str, audience: &str, jwks_url: Option<&str>) -> Result<Self> {
        let jwks_url = jwks_url.map_or_else(|| format!("{issuer}{JWKS_PATH}"), str::to_owned);
        for url in [issuer, &jwks_url] {
            ensure!(
                is_safe(url),
                "{url} is no https URL without user, query and fragment (http is for this machine only)"
            );
        }
        ensure!(!audience.is_empty(), "an audience is not empty");
        Ok(Self {
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            jwks_url,
        })
    }
}

/// Whether a key set that is read from there can be believed. The functions ask the same.
fn is_safe(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else {
        return false;
    };
    let loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    (url.scheme() == "https" || url.scheme() == "http" && loopback)
        && url.username().is_empty()
        && url.password().is_none()
        && !text.contains(['?', '#', '@'])
}

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
}

struct State {
    name: OnceLock<String>,
    sign_in: SignIn,
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
        let issuer = Self::start_nameless(port, key)?;
        let name = format!("http://{}{BASE}", issuer.server.address());
        issuer.state.name.get_or_init(|| name);
        Ok(issuer)
    }

    /// Starts it under a name that does not depend on the port: databases remember the name.
    pub fn start_named(port: u16, key: impl Into<Arc<Key>>, name: String) -> Result<Self> {
        let issuer = Self::start_nameless(port, key)?;
        issuer.state.name.get_or_init(|| name);
        Ok(issuer)
    }

    fn start_nameless(port: u16, key: impl Into<Arc<Key>>) -> Result<Self> {
        let signing = key.into();
        let state = Arc::new(State {
            name: OnceLock::new(),
            sign_in: SignIn::default(),
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
        Ok(Self { server, state })
    }

    /// The value of `iss`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.state.name()
    }

    /// Where the keys are published.
    #[must_use]
    pub fn jwks_url(&self) -> String {
        format!("http://{}{BASE}{JWKS_PATH}", self.server.address())
    }

    /// What those need to know who take its tokens.
    #[must_use]
    pub fn trust(&self) -> Trust {
        Trust {
            issuer: self.name().to_owned(),
            audience: AUDIENCE.to_owned(),
            jwks_url: self.jwks_url(),
        }
    }

    /// Lets somebody sign in with a password.
    pub fn enrol(&self, account: Account) {
        self.state.sign_in.enrol(account);
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
        self.state.minter()
    }

    /// The key set as it is published.
    #[must_use]
    pub fn jwks(&self) -> Value {
        self.state.jwks()
    }
}

impl State {
    fn answer(&self, request: &Request) -> Reply {
        let path = request.path().strip_prefix(BASE).unwrap_or_default();
        if path == JWKS_PATH && request.method == "GET" {
            return self.publish();
        }
        let answer = CORS.preflight(request).unwrap_or_else(|| {
            let keys = self.public_keys();
            let answer = self.sign_in.answer(request, path, &self.minter(), &keys);
            CORS.reply(request, answer)
        });
        Reply::Response(answer)
    }

    fn publish(&self) -> Reply {
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
                // Every page may read public keys.
                &[
                    ("cache-control", "public, max-age=600"),
                    ("access-control-allow-origin", "*"),
                ],
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
        json!({ "keys": self.public_keys() })
    }

    fn public_keys(&self) -> Vec<Value> {
        let keys = self.keys();
        keys.published.iter().map(|key| key.public_jwk()).collect()
    }

    fn name(&self) -> &str {
        self.name.get().expect("it is named when it is started")
    }

    fn minter(&self) -> Minter {
        Minter {
            issuer: self.name().to_owned(),
            audience: AUDIENCE.to_owned(),
            key: Arc::clone(&self.keys().signing),
        }
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
