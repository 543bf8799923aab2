//! What an operator does once for a database, and the environment that the functions then need.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::aws::ORIGIN;
use crate::chain::{self, CHAIN_ID};
use crate::folders;
use crate::issuer::Trust;
use crate::postgres::Database;
use crate::sample_data::{Agent, Kind, PLATFORM};
use crate::secrets::{Secrets, random, random_hex};

/// The schemas that a deployment makes, as an SQL list. A test of the catalogue holds it complete.
pub const SCHEMAS: &str = "('deploy', 'fixed', 'auth', 'ledger', 'audit', 'capital', 'collateral', \
     'risk', 'tlog', 'lane', 'gateway')";

/// The secrets of one installation.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// `SECRETS_PREFIX`.
    pub prefix: String,
    /// Function name to the password of its login.
    pub passwords: BTreeMap<String, String>,
    /// The agents with their secrets.
    pub agents: Vec<Agent>,
    /// The seed of the key that the log is signed with.
    pub note_seed: Vec<u8>,
    /// The private key of the account that anchors.
    pub chain_key: String,
    /// The URL of the chain's node; at first no node is there.
    pub chain_url: String,
}

impl Deployment {
    /// New random passwords for all functions.
    pub fn new(prefix: &str, agents: Vec<Agent>) -> Result<Self> {
        let passwords = functions()?
            .into_iter()
            .map(|name| (name, random_hex(24)))
            .collect();
        Ok(Self {
            prefix: prefix.to_owned(),
            passwords,
            agents,
            note_seed: random(32),
            chain_key: random_hex(32),
            // The port named discard: nothing listens there.
            chain_url: "http://127.0.0.1:9".to_owned(),
        })
    }

    /// Stores everything where the functions look for it.
    pub fn store(&self, secrets: &Secrets) -> Result<()> {
        for (function, password) in &self.passwords {
            let value = json!({ "username": login(function), "password": password });
            secrets.put(&format!("{}/database/{function}", self.prefix), &value)?;
        }
        for kind in Kind::ALL {
            secrets.put(&self.key_ring_name(kind), &self.key_ring(kind))?;
        }
        secrets.put(
            &format!("{}/note-key/sign-checkpoint", self.prefix),
            &self.note_key(),
        )?;
        secrets.put(
            &format!("{}/chain-key/anchor-checkpoint", self.prefix),
            &json!({ "private_key": self.chain_key }),
        )
    }

    /// The key that the log is signed with.
    pub fn log_key(&self) -> Result<tlog::note::SigningKey> {
        self.log_key_of(ORIGIN)
    }

    /// The same for a log of another name.
    pub fn log_key_of(&self, origin: &str) -> Result<tlog::note::SigningKey> {
        let seed = self.note_seed.as_slice().try_into()?;
        Ok(tlog::note::SigningKey::from_seed(origin, seed)?)
    }

    /// The account that anchors.
    pub fn chain_account(&self) -> Result<evm::SigningKey> {
        chain::account(&self.chain_key)
    }

    /// The secret of the key that the log is signed with.
    #[must_use]
    pub fn note_key(&self) -> Value {
        json!({ "name": ORIGIN, "seed": STANDARD.encode(&self.note_seed) })
    }

    /// Where the secrets of the agents of a kind are.
    #[must_use]
    pub fn key_ring_name(&self, kind: Kind) -> String {
        format!("{}/webhooks/{}", self.prefix, kind.function())
    }

    /// The secrets of the agents of a kind.
    #[must_use]
    pub fn key_ring(&self, kind: Kind) -> Value {
        let agents = self.agents.iter().filter(|agent| agent.kind == kind);
        let entry = |agent: &Agent| {
            (
                agent.id.clone(),
                json!({ "scheme": agent.scheme.name(), "secrets": [agent.secret] }),
            )
        };
        json!({ "agents": agents.map(entry).collect::<serde_json::Map<_, _>>() })
    }

    /// Gives the database to the login `migrate`, as the cluster's superuser; again is no harm.
    pub fn bootstrap(&self, admin: &Database) -> Result<()> {
        let script = folders::workspace().join("migrations/bootstrap.sql");
        let script = fs::read_to_string(&script).with_context(|| script.display().to_string())?;
        admin
            .connect()?
            .batch_execute(&script)
            .context("bootstrap.sql failed")?;
        self.set_password(admin, "migrate")
    }

    /// Gives every function's login its password; the migrations have created them without one.
    pub fn set_passwords(&self, admin: &Database) -> Result<()> {
        self.passwords
            .keys()
            .try_for_each(|function| self.set_password(admin, function))
    }

    /// A database as a function's login.
    pub fn database(&self, admin: &Database, function: &str) -> Result<Database> {
        let password = self
            .passwords
            .get(function)
            .with_context(|| format!("there is no function {function}"))?;
        Ok(admin.login(&login(function), password))
    }

    /// The agent of that id.
    pub fn agent(&self, id: &str) -> Result<Agent> {
        self.agents
            .iter()
            .find(|agent| agent.id == id)
            .cloned()
            .with_context(|| format!("there is no agent {id}"))
    }

    /// The environment of every function.
    #[must_use]
    pub fn environment(
        &self,
        database: &Database,
        trust: &Trust,
        secrets: &Secrets,
    ) -> Vec<(String, String)> {
        let ours = [
            ("DATABASE_URL", database.public_url()),
            ("SECRETS_PREFIX", self.prefix.clone()),
            ("JWT_ISSUER", trust.issuer.clone()),
            ("JWT_AUDIENCE", trust.audience.clone()),
            ("JWKS_URL", trust.jwks_url.clone()),
            ("PLATFORM_AGENT_ID", PLATFORM.to_owned()),
            // Our own chain makes a block for each transaction, and undoes none by itself.
            ("CHAIN_CONFIRMATIONS", "1".to_owned()),
            ("CHAIN_ID", CHAIN_ID.to_string()),
            ("CHAIN_RPC_URL", self.chain_url.clone()),
            ("TLOG_ORIGIN", ORIGIN.to_owned()),
            ("TLOG_VERIFIER_KEY", self.verifier_key()),
            ("TLOG_BUCKET", log_name(database)),
            ("TLOG_STATE_TABLE", log_name(database)),
            // One round an invocation: who wants more says so.
            ("TLOG_ROUND_SECONDS", "0".to_owned()),
        ];
        let ours = ours.map(|(name, value)| (name.to_owned(), value));
        ours.into_iter().chain(secrets.environment()).collect()
    }

    /// `TLOG_VERIFIER_KEY`.
    #[must_use]
    pub fn verifier_key(&self) -> String {
        let key = self.log_key().expect("the seed is 32 bytes long");
        key.verifier_key().to_string()
    }

    fn set_password(&self, admin: &Database, function: &str) -> Result<()> {
        let password = self
            .passwords
            .get(function)
            .with_context(|| format!("there is no function {function}"))?;
        // Names are folders of ours and the password is hex: nothing here needs quoting.
        let statement = format!("alter role {} password '{password}'", login(function));
        admin
            .connect()?
            .batch_execute(&statement)
            .with_context(|| format!("the login of {function} got no password"))
    }
}

/// All functions, by their folders.
pub fn functions() -> Result<Vec<String>> {
    let folder = folders::workspace().join("functions");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// The bucket and the table of a database's log.
#[must_use]
pub fn log_name(database: &Database) -> String {
    database.name().replace('_', "-")
}

/// The login of a function.
#[must_use]
pub fn login(function: &str) -> String {
    function.replace('-', "_")
}
