//! What the tests of a run share: one cluster with two template databases, one Secrets Manager.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::{Result, ensure};

use super::Rig;
use crate::cargo::{self, Profile};
use crate::deployment::{Deployment, functions, login};
use crate::folders;
use crate::issuer::{Algorithm, Key};
use crate::lambda::{Answer, Invocation};
use crate::postgres::{Cluster, Database, Durability, Options};
use crate::progress::step;
use crate::routes::Routes;
use crate::secrets::{Secrets, random_hex};
use crate::world::{Agent, PLATFORM, steps};

const EMPTY: &str = "optkas_empty";
const WORLD: &str = "optkas_world";

/// The parts that several databases share.
pub struct Ground {
    // Dropped in this order: the functions that use them have ended by then.
    cluster: Mutex<Cluster>,
    secrets: Secrets,
    admin: Database,
    deployment: Deployment,
    routes: Routes,
    signing_key: Arc<Key>,
    folder: PathBuf,
    binaries: PathBuf,
    copies: AtomicU64,
}

impl Ground {
    /// The one of this process, started when it is first asked for.
    pub fn shared() -> Result<Arc<Self>> {
        static SHARED: OnceLock<Result<Arc<Ground>, String>> = OnceLock::new();
        let ground = SHARED.get_or_init(|| Self::start().map_err(|error| format!("{error:#}")));
        ground.clone().map_err(anyhow::Error::msg)
    }

    /// Another one, for a test that stops and starts the cluster.
    pub fn start() -> Result<Arc<Self>> {
        let binaries = cargo::build_functions(Profile::Debug)?;
        Self::of("test", Durability::None, binaries)
    }

    /// One to measure on: these binaries, and a cluster that keeps what was committed, as in production.
    pub fn to_measure(binaries: PathBuf) -> Result<Arc<Self>> {
        Self::of("bench", Durability::Full, binaries)
    }

    fn of(purpose: &str, durability: Durability, binaries: PathBuf) -> Result<Arc<Self>> {
        let run = format!("{purpose}-{}-{}", std::process::id(), random_hex(3));
        let folder = folders::own("tests")?.join(&run);
        std::fs::create_dir_all(&folder)?;
        let cluster = Cluster::start(Options {
            name: run,
            password: random_hex(24),
            port: 0,
            durability,
            temporary: true,
        })?;
        let ground = Arc::new(Self {
            admin: cluster.admin("postgres"),
            cluster: Mutex::new(cluster),
            secrets: Secrets::start(&folder, true)?,
            deployment: Deployment::new("optkas/test", Agent::samples())?,
            routes: Routes::load()?,
            signing_key: Arc::new(Key::generate(Algorithm::Es256)?),
            folder,
            binaries,
            copies: AtomicU64::new(0),
        });
        step("Migrating the databases that the tests copy", || {
            ground.make_templates()
        })?;
        Ok(ground)
    }

    /// The cluster, for a test that has one of its own.
    pub fn cluster(&self) -> MutexGuard<'_, Cluster> {
        self.cluster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The Secrets Manager.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The secrets of all tests that have none of their own.
    #[must_use]
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// The local routes.
    #[must_use]
    pub fn routes(&self) -> &Routes {
        &self.routes
    }

    /// The key that all issuers of the run begin with: the templates have it registered.
    #[must_use]
    pub fn signing_key(&self) -> Arc<Key> {
        Arc::clone(&self.signing_key)
    }

    /// Where the run keeps its logs.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the functions' programs are.
    #[must_use]
    pub fn binaries(&self) -> &Path {
        &self.binaries
    }

    /// A database of its own for a test, with the sample world.
    pub fn copy_of_world(&self) -> Result<Database> {
        self.copy(WORLD)
    }

    /// A database of its own for a test, migrated and empty.
    pub fn copy_of_empty(&self) -> Result<Database> {
        self.copy(EMPTY)
    }

    /// A database of its own for a test, before anything was done to it.
    pub fn blank(&self) -> Result<Database> {
        let name = self.next_name();
        self.admin
            .connect()?
            .batch_execute(&format!("create database {name}"))?;
        Ok(self.admin.sibling(&name))
    }

    pub(super) fn forget(&self, database: &Database) {
        if let Ok(mut admin) = self.admin.connect() {
            // Left over, it is gone with the cluster.
            let _left =
                admin.batch_execute(&format!("drop database {} with (force)", database.name()));
        }
    }

    fn make_templates(self: &Arc<Self>) -> Result<()> {
        self.deployment.store(&self.secrets)?;
        let empty = self.admin.sibling(EMPTY);
        self.admin
            .connect()?
            .batch_execute(&format!("create database {EMPTY}"))?;
        self.deployment.bootstrap(&empty)?;
        let rig = Rig::on(Arc::clone(self), empty.clone())?.keep();
        migrate(&rig)?;
        self.deployment.set_passwords(&empty)?;
        rig.sync_keys()?;
        // A database with a connection to it is no template.
        drop(rig);
        self.copy_as(EMPTY, WORLD)?;
        populate(&Rig::on(Arc::clone(self), self.admin.sibling(WORLD))?.keep())
    }

    fn copy(&self, template: &str) -> Result<Database> {
        let name = self.next_name();
        self.copy_as(template, &name)?;
        Ok(self.admin.sibling(&name))
    }

    fn copy_as(&self, template: &str, name: &str) -> Result<()> {
        let mut admin = self.admin.connect()?;
        admin.batch_execute(&format!(
            "create database {name} template {template} owner migrate"
        ))?;
        // A copy has the template's content but not the grants on the database itself.
        let grants: String = functions()?.iter().fold(String::new(), |grants, function| {
            format!(
                "{grants}grant connect on database {name} to {};",
                login(function)
            )
        });
        admin.batch_execute(&format!(
            "revoke all on database {name} from public; {grants}"
        ))?;
        Ok(())
    }

    fn next_name(&self) -> String {
        format!("optkas_{}", self.copies.fetch_add(1, Ordering::Relaxed))
    }
}

fn migrate(rig: &Rig) -> Result<()> {
    let answer = rig
        .function("migrate")?
        .invoke(Invocation::new(&serde_json::json!({})))?;
    ensure!(
        matches!(answer, Answer::Response(_)),
        "migrate failed: {answer:?}\n{}",
        rig.function("migrate")?.logs()
    );
    Ok(())
}

fn populate(rig: &Rig) -> Result<()> {
    for step in steps() {
        let answer = rig.agent(PLATFORM).deliver(&step.event)?;
        ensure!(
            answer.status == 200,
            "{}: {} {}\n{}",
            step.title,
            answer.status,
            answer.text(),
            rig.function("platform-webhook")?.logs(),
        );
    }
    Ok(())
}
