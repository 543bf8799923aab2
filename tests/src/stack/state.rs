//! What a stack keeps between two runs, and the file that describes a running one.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde_json::{Value, json};

use super::Ports;
use crate::folders;
use crate::issuer::{Algorithm, Key, Trust};
use crate::sample_data::{Agent, FACILITIES, PEOPLE};
use crate::secrets::{hex, random, random_hex};

/// The file that describes the running stack, in its folder.
pub const FILE: &str = "stack.json";
const STATE: &str = "state.json";

/// Kept so that tokens, signatures and URLs of yesterday still work today.
#[derive(Debug)]
pub struct Kept {
    /// The superuser's password, fixed when the cluster is created.
    pub admin_password: String,
    /// The issuer's signing key.
    pub signing_key: Value,
    /// The private key of the account that anchors.
    pub chain_key: String,
    /// The agents' secrets.
    pub agents: Vec<Agent>,
    /// The seed of the key that the log is signed with.
    pub note_seed: String,
    /// What the sample people's passwords are derived from.
    pub password_seed: String,
    /// Whose tokens the database takes, if they are not of the stack's own issuer.
    pub trusts: Option<String>,
    /// The last ports.
    pub ports: Ports,
}

impl Kept {
    /// Whether a last run has kept anything.
    #[must_use]
    pub fn exists(folder: &Path) -> bool {
        folder.join(STATE).is_file()
    }

    /// What the last run has kept, or a new beginning.
    pub fn load(folder: &Path) -> Result<Self> {
        let Ok(text) = fs::read_to_string(folder.join(STATE)) else {
            return Self::begin(folder);
        };
        let value: Value = serde_json::from_str(&text)?;
        let port = |name: &str| {
            value["ports"][name]
                .as_u64()
                .and_then(|port| u16::try_from(port).ok())
        };
        Ok(Self {
            admin_password: value["admin_password"]
                .as_str()
                .context("no password is kept")?
                .to_owned(),
            signing_key: value["signing_key"].clone(),
            agents: value["agents"]
                .as_array()
                .into_iter()
                .flatten()
                .map(Agent::from_json)
                .collect::<Result<_>>()?,
            note_seed: value["note_seed"]
                .as_str()
                .context("no seed of the log's key is kept (`cargo xtask up --fresh` starts over)")?
                .to_owned(),
            chain_key: value["chain_key"]
                .as_str()
                .context(
                    "no key of the chain's account is kept (`cargo xtask up --fresh` starts over)",
                )?
                .to_owned(),
            password_seed: value["password_seed"]
                .as_str()
                .context("no passwords are kept (`cargo xtask up --fresh` starts over)")?
                .to_owned(),
            trusts: value["trusts"].as_str().map(str::to_owned),
            ports: Ports {
                gateway: port("gateway").unwrap_or_default(),
                issuer: port("issuer").unwrap_or_default(),
                postgres: port("postgres").unwrap_or_default(),
            },
        })
    }

    /// Writes it, for us alone to read.
    pub fn save(&self, folder: &Path) -> Result<()> {
        let Ports {
            gateway,
            issuer,
            postgres,
        } = self.ports;
        let value = json!({
            "admin_password": self.admin_password,
            "signing_key": self.signing_key,
            "agents": self.agents.iter().map(Agent::to_json).collect::<Vec<_>>(),
            "note_seed": self.note_seed,
            "chain_key": self.chain_key,
            "password_seed": self.password_seed,
            "trusts": self.trusts,
            "ports": { "gateway": gateway, "issuer": issuer, "postgres": postgres },
        });
        write_private(&folder.join(STATE), &value)
    }

    /// Removes the kept state.
    pub fn forget(folder: &Path) -> Result<()> {
        match fs::remove_file(folder.join(STATE)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// The issuer's signing key.
    pub fn key(&self) -> Result<Key> {
        Key::from_private_jwk(&self.signing_key)
    }

    /// A sample person's password: random for each stack, for every page in a browser can call the issuer.
    #[must_use]
    pub fn password(&self, name: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.password_seed.as_bytes());
        hex(&hmac::sign(&key, name.as_bytes()).as_ref()[..8])
    }

    /// Remembers whose tokens the database takes. It cannot be made to take another's: the keys of the first one are
    /// in force there, and none of them would be published any more.
    pub(super) fn trust_only(&mut self, trust: Option<&Trust>, folder: &Path) -> Result<()> {
        let wanted = trust.map(|trust| trust.issuer.clone());
        let its_own = "its own issuer".to_owned();
        let is_new = self.ports.gateway == 0;
        ensure!(
            is_new || wanted == self.trusts,
            "{} keeps the data of a stack that takes the tokens of {}. --fresh forgets that data; \
             --name NAME starts another stack beside it",
            folder.display(),
            self.trusts.as_ref().unwrap_or(&its_own),
        );
        self.trusts = wanted;
        self.save(folder)
    }

    /// Saved before anything is created with it: a cluster whose password is lost is of no use.
    fn begin(folder: &Path) -> Result<Self> {
        let kept = Self {
            admin_password: random_hex(24),
            signing_key: Key::generate(Algorithm::Es256)?.private_jwk()?,
            agents: Agent::samples(),
            note_seed: STANDARD.encode(random(32)),
            chain_key: random_hex(32),
            password_seed: random_hex(32),
            trusts: None,
            ports: Ports::default(),
        };
        kept.save(folder)?;
        Ok(kept)
    }
}

/// The description of the running stack.
pub fn read(name: &str) -> Result<Value> {
    let path = folders::workspace().join("target").join(name).join(FILE);
    let text = fs::read_to_string(&path).with_context(|| {
        format!(
            "no stack is running (there is no {}); start one with: cargo xtask up",
            path.display(),
        )
    })?;
    Ok(serde_json::from_str(&text)?)
}

/// Writes the whole file or none of it, readable by us alone.
pub(super) fn write_private(path: &Path, value: &Value) -> Result<()> {
    let new = path.with_extension("new");
    let mut file = fs::OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(serde_json::to_string_pretty(value)?.as_bytes())?;
    file.write_all(b"\n")?;
    fs::rename(new, path)?;
    Ok(())
}

pub(super) fn people(kept: &Kept) -> Vec<Value> {
    let describe = |person: &crate::sample_data::Person| {
        json!({
            "name": person.name,
            "password": kept.password(person.name),
            "sub": person.sub.to_string(),
            "allocator": person.allocator.id.to_string(),
            "roles": person.roles,
        })
    };
    PEOPLE.iter().map(describe).collect()
}

pub(super) fn facilities() -> Vec<Value> {
    let describe = |facility: &crate::sample_data::Facility| {
        json!({
            "id": facility.id.to_string(),
            "currency": facility.currency,
            "agents": {
                "escrow": facility.escrow_agent,
                "settlement": facility.settlement_agent,
                "collateral": facility.security.map(|(agent, _)| agent),
            },
        })
    };
    FACILITIES.iter().map(describe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was kept is for one issuer's people: another start with them goes on, any other is told what to do.
    #[test]
    fn what_was_kept_of_one_issuer_serves_no_other() -> Result<()> {
        let folder = folders::own("tests")?.join(format!("kept-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let trust = |issuer: &str| Trust::new(issuer, "authenticated", None);
        let one = trust("https://one.example/auth/v1")?;
        let other = trust("https://other.example/auth/v1")?;
        for (first, others) in [
            (None, [Some(&one), Some(&other)]),
            (Some(&one), [None, Some(&other)]),
        ] {
            Kept::forget(&folder)?;
            let mut kept = Kept::load(&folder)?;
            // Before its first start it has no data.
            kept.trust_only(others[0], &folder)?;
            kept.trust_only(first, &folder)?;
            kept.ports.gateway = 1;
            kept.save(&folder)?;
            Kept::load(&folder)?.trust_only(first, &folder)?;
            for other in others {
                let refused = Kept::load(&folder)?.trust_only(other, &folder);
                let told = refused.map_err(|error| error.to_string());
                assert!(told.is_err_and(|told| told.contains("--fresh")));
            }
        }
        fs::remove_dir_all(folder)?;
        Ok(())
    }
}
