//! The whole stack behind one gateway: what `cargo xtask up` keeps and `demo` throws away.

mod keeper;
mod state;

use keeper::Keeper;
pub use state::{FILE, Kept, read};

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result, anyhow, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::aws::Log;
use crate::cargo::{self, Profile};
use crate::chain::{CHAIN_ID, Chain, Mining};
use crate::deployment::{Deployment, log_name};
use crate::folders;
use crate::http::Response;
use crate::issuer::{Account, Issuer, Trust};
use crate::postgres::{Cluster, Database, Durability, Options, free_port};
use crate::progress::step;
use crate::sample_data::{
    Agent, AgentClient, PEOPLE, PLATFORM, PersonClient, Step, find_person, steps,
};
use crate::secrets::Secrets;
use crate::tools;
use crate::watch::Gateway;

const DATABASE: &str = "optkas";
/// The folder of the chain, in the stack's.
const CHAIN: &str = "chain";

/// Ports; 0 means the one of the last time if it is free, else any.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ports {
    /// The gateway's.
    pub gateway: u16,
    /// The issuer's.
    pub issuer: u16,
    /// PostgreSQL's.
    pub postgres: u16,
}

/// Which stack.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name of its folder below `target/`.
    pub name: String,
    /// See [`Ports`].
    pub ports: Ports,
    /// Forget what an earlier stack of that name has kept.
    pub fresh: bool,
    /// Keep nothing.
    pub temporary: bool,
    /// Whose tokens it takes; without it an issuer of its own starts, at which the sample people sign in.
    pub trust: Option<Trust>,
}

/// A running stack; dropping it stops it, the gateway first.
pub struct Stack {
    keeper: Keeper,
    gateway: Gateway,
    issuer: Option<Issuer>,
    trust: Trust,
    secrets: Secrets,
    chain: Chain,
    _cluster: Cluster,
    admin: Database,
    deployment: Deployment,
    folder: PathBuf,
    _lock: fs::File,
}

impl Stack {
    /// Installs, builds, starts and migrates; the database is still empty when this returns.
    pub fn start(settings: Settings) -> Result<Self> {
        prepare()?;
        let folder = folders::own(&settings.name)?;
        let lock = lock(&folder)?;
        // A cluster is of no use without the password that is kept here.
        if settings.fresh || !Kept::exists(&folder) {
            forget(&settings.name, &folder)?;
        }
        remove_logs(&folder)?;
        let mut kept = Kept::load(&folder)?;
        kept.trust_only(settings.trust.as_ref(), &folder)?;
        let cluster = Cluster::start(Options {
            name: settings.name.clone(),
            password: kept.admin_password.clone(),
            port: choose(settings.ports.postgres, kept.ports.postgres)?,
            durability: if settings.temporary {
                Durability::None
            } else {
                Durability::Full
            },
            temporary: settings.temporary,
        })?;
        let issuer = match settings.trust {
            None => Some(start_issuer(settings.ports.issuer, &kept)?),
            Some(_) => None,
        };
        let trust = issuer.as_ref().map(Issuer::trust).or(settings.trust);
        let trust = trust.context("an issuer of its own, or another one")?;
        let secrets = Secrets::start(&folder, settings.temporary)?;
        let mut deployment = Deployment::new("optkas/local", kept.agents.clone())?;
        deployment.note_seed = STANDARD.decode(&kept.note_seed)?;
        deployment.chain_key.clone_from(&kept.chain_key);
        let chain = start_chain(&folder, settings.temporary, &deployment)?;
        deployment.chain_url = chain.url();
        deployment.store(&secrets)?;

        let admin = database(&cluster)?;
        secrets.log(&log_name(&admin))?;
        deployment.bootstrap(&admin)?;
        let environment = deployment.environment(&admin, &trust, &secrets);
        let port = choose(settings.ports.gateway, kept.ports.gateway)?;
        let gateway = step("Starting the gateway", || {
            Gateway::start(&folder, port, &environment)
        })?;
        kept.ports = Ports {
            gateway: port,
            issuer: issuer.as_ref().map_or(kept.ports.issuer, Issuer::port),
            postgres: cluster.port(),
        };
        kept.save(&folder)?;

        let mut stack = Self {
            keeper: Keeper::idle(),
            gateway,
            issuer,
            trust,
            secrets,
            chain,
            _cluster: cluster,
            admin,
            deployment,
            folder,
            _lock: lock,
        };
        step("Migrating the database", || stack.migrate())?;
        stack.deployment.set_passwords(&stack.admin)?;
        step("Registering the issuer's keys", || {
            let synced = stack.gateway.invoker().sync_keys();
            synced.with_context(|| {
                let log = stack.gateway.log_tail();
                format!(
                    "the key set {} is not registered\n{log}",
                    stack.trust.jwks_url
                )
            })
        })?;
        stack.keeper = Keeper::start(stack.gateway.invoker());
        Ok(stack)
    }

    /// Sends one of the deliveries that make the sample data.
    pub fn onboard(&self, step: &Step) -> Result<Response> {
        self.agent(PLATFORM)?.deliver(&step.event)
    }

    /// Makes the sample data, or finds it made already. Where another issuer says who people are, none is a member.
    pub fn populate(&self) -> Result<()> {
        let people = self.issuer.is_some();
        for delivery in steps()
            .into_iter()
            .filter(|step| people || step.event["type"] != "member.granted")
        {
            let answer = self.onboard(&delivery)?;
            ensure!(
                answer.status == 200,
                "{}: {} {}",
                delivery.title,
                answer.status,
                answer.text()
            );
        }
        Ok(())
    }

    /// Speaks as a sample person.
    pub fn person(&self, name: &str) -> Result<PersonClient<'_>> {
        Ok(PersonClient::new(
            &self.gateway,
            self.issuer().minter(),
            find_person(name)?,
        ))
    }

    /// Speaks as a sample agent.
    pub fn agent(&self, id: &str) -> Result<AgentClient<'_>> {
        Ok(AgentClient::new(&self.gateway, self.deployment.agent(id)?))
    }

    /// The HTTP side.
    #[must_use]
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// The tokens' side.
    ///
    /// # Panics
    /// If the stack was started to take another issuer's tokens.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        let issuer = self.issuer.as_ref();
        issuer.expect("this stack was started with an issuer of its own")
    }

    /// Whether that issuer is its own.
    #[must_use]
    pub const fn has_issuer(&self) -> bool {
        self.issuer.is_some()
    }

    /// Whose tokens it takes.
    #[must_use]
    pub const fn trust(&self) -> &Trust {
        &self.trust
    }

    /// The database, as the superuser.
    #[must_use]
    pub fn admin(&self) -> &Database {
        &self.admin
    }

    /// The database, as a function's login.
    pub fn login(&self, function: &str) -> Result<Database> {
        self.deployment.database(&self.admin, function)
    }

    /// The chain that checkpoints are anchored in.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Where the log is published.
    pub fn log(&self) -> Result<Log> {
        self.secrets.log(&log_name(&self.admin))
    }

    /// Where it can be read: the bucket's URL.
    #[must_use]
    pub fn log_url(&self) -> String {
        format!("{}/{}", self.secrets.url(), log_name(&self.admin))
    }

    /// What an auditor is given out of band: the log's public key. A file in the stack's folder.
    pub fn policy(&self) -> Result<PathBuf> {
        let path = self.folder.join("policy");
        let key = self.deployment.verifier_key();
        fs::write(
            &path,
            format!("log {key} {}\nquorum none\n", self.log_url()),
        )?;
        Ok(path)
    }

    /// Where its files are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The keys and accounts behind it.
    #[must_use]
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// Stops the keeping of the log: no more sequencing, signing and anchoring.
    pub fn rest(&mut self) {
        self.keeper.stop();
    }

    /// Writes stack.json, and says where.
    pub fn describe(&self) -> Result<PathBuf> {
        let logins: Result<serde_json::Map<String, Value>> = self
            .deployment
            .passwords
            .keys()
            .map(|function| Ok((function.clone(), json!(self.login(function)?.url()))))
            .collect();
        let issuer = self.issuer.as_ref();
        let signing_key = issuer
            .map(|issuer| issuer.key().private_jwk())
            .transpose()?;
        let kept = Kept::load(&self.folder)?;
        let description = json!({
            "gateway": self.gateway.url(),
            "issuer": self.trust.issuer,
            "audience": self.trust.audience,
            "signing_key": signing_key,
            "chain": {
                "id": CHAIN_ID,
                "rpc_url": self.chain.url(),
                "account": self.deployment.chain_account()?.address().to_string(),
            },
            "postgres": { "admin": self.admin.url(), "logins": logins? },
            "agents": self.deployment.agents.iter().map(Agent::to_json).collect::<Vec<_>>(),
            "people": issuer.map_or_else(Vec::new, |_| state::people(&kept)),
            "facilities": state::facilities(),
            "log": { "url": self.log_url(), "policy": self.policy()? },
        });
        let path = self.folder.join(FILE);
        state::write_private(&path, &description)?;
        Ok(path)
    }

    fn migrate(&self) -> Result<()> {
        let migrated = self.gateway.invoker().invoke("migrate", &json!({}));
        migrated.map(drop).map_err(|error| {
            let log = self.gateway.log_tail();
            error.context(format!(
                "{log}\n(kept data of other migrations? `cargo xtask up --fresh` starts over)"
            ))
        })
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.keeper.stop();
        self.gateway.stop();
        // It describes what runs; nothing does any more. Left behind, it would only be out of date.
        let _left = fs::remove_file(self.folder.join(FILE));
    }
}

/// Installs the tools and builds the functions, both at a time: one waits for the network mostly.
fn prepare() -> Result<()> {
    thread::scope(|scope| {
        let tools = scope.spawn(|| {
            tools::install(tools::Set::Local)?;
            tools::anvil()
        });
        cargo::build_functions(Profile::Debug)?;
        tools
            .join()
            .map_err(|_| anyhow!("the installation of the tools broke off"))??;
        Ok(())
    })
}

/// An issuer at which the sample people can sign in.
fn start_issuer(port: u16, kept: &Kept) -> Result<Issuer> {
    let issuer = Issuer::start(choose(port, kept.ports.issuer)?, kept.key()?)?;
    for person in PEOPLE {
        issuer.enrol(Account {
            sub: person.sub,
            name: person.name.to_owned(),
            password: kept.password(person.name),
        });
    }
    Ok(issuer)
}

/// A chain that makes a block for each transaction, and is still otherwise.
fn start_chain(folder: &Path, temporary: bool, deployment: &Deployment) -> Result<Chain> {
    let folder = folder.join(CHAIN);
    fs::create_dir_all(&folder)?;
    remove_logs(&folder)?;
    let account = deployment.chain_account()?.address();
    Chain::start(&folder, temporary, Mining::AtOnce, account)
}

fn lock(folder: &Path) -> Result<fs::File> {
    let lock = fs::File::create(folder.join("lock"))?;
    lock.try_lock()
        .with_context(|| format!("a stack already runs on {}", folder.display()))?;
    Ok(lock)
}

/// Removes the last run's logs, which would be mistaken for this run's.
fn remove_logs(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "log") {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn forget(name: &str, folder: &Path) -> Result<()> {
    Cluster::remove(name)?;
    Secrets::forget(folder)?;
    Chain::forget(&folder.join(CHAIN))?;
    Kept::forget(folder)
}

/// The wanted port; without a wish the last one if it is free, else any.
fn choose(wanted: u16, last: u16) -> Result<u16> {
    if wanted != 0 {
        return free_port(wanted);
    }
    free_port(last).or_else(|_| free_port(0))
}

/// The database, created if this is the first time.
fn database(cluster: &Cluster) -> Result<Database> {
    let mut client = cluster.admin("postgres").connect()?;
    let known = client.query_opt("select from pg_database where datname = $1", &[&DATABASE])?;
    if known.is_none() {
        client.batch_execute(&format!("create database {DATABASE}"))?;
    }
    Ok(cluster.admin(DATABASE))
}
