//! A database with every kind of mutation, its published log, and an auditor with a policy.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tests::aws::{Log, ORIGIN};
use tests::cargo;
use tests::fixture::Fixture;
use tests::http::{Reply, Response, Server, Transport as _};
use tests::postgres::Database;
use tlog::note::SigningKey;

use crate::collateral::secured_facility::monitor;
use crate::locks::until;
use crate::mutations::{Mutation, accepted, refused};
use crate::support::{all_triggers_off, count};

const PASSWORD: &str = "the auditor's own";

pub(super) struct AuditorFixture {
    pub(super) base: Fixture,
    pub(super) size: i64,
    /// What was sent, and what was answered.
    pub(super) exchanges: Vec<(Mutation, Response)>,
    log: Log,
    folder: PathBuf,
    /// The database that the copies are made from. It has no connections.
    template: OnceLock<Database>,
    copies: AtomicU64,
}

/// The program's exit code and its JSON.
pub(super) struct Answer {
    pub(super) code: i32,
    pub(super) said: Value,
}

impl Drop for AuditorFixture {
    fn drop(&mut self) {
        let _left = fs::remove_dir_all(&self.folder);
    }
}

impl AuditorFixture {
    /// The fixture shared by tests that change copies only.
    pub(super) fn shared() -> Result<Arc<Self>> {
        static SHARED: OnceLock<Result<Arc<AuditorFixture>, String>> = OnceLock::new();
        let made = || {
            let fixture = Self::new()?;
            fixture.template()?;
            anyhow::Ok(Arc::new(fixture))
        };
        let fixture = SHARED.get_or_init(|| made().map_err(|error| format!("{error:#}")));
        fixture.clone().map_err(anyhow::Error::msg)
    }

    /// One of every mutation, accepted and refused, sealed in three checkpoints.
    pub(super) fn new() -> Result<Self> {
        let base = Fixture::new()?;
        let log = base.log()?;
        let folder = base
            .services()
            .folder()
            .join(format!("auditor-{}", base.database().name()));
        fs::create_dir_all(&folder)?;
        let mut fixture = Self {
            base,
            log,
            folder,
            size: 0,
            exchanges: Vec::new(),
            template: OnceLock::new(),
            copies: AtomicU64::new(0),
        };
        fixture.seal()?;
        for mutations in [accepted(&fixture.base)?, refused(&fixture.base)?] {
            for mutation in mutations {
                let reply = fixture.base.send(&mutation.request)?;
                mutation.assert_first(&reply);
                fixture.exchanges.push((mutation, reply));
            }
            monitor(&fixture.base)?;
            fixture.seal()?;
        }
        let seed = fixture.base.deployment().note_seed.as_slice().try_into()?;
        let key = SigningKey::from_seed(ORIGIN, seed)?;
        fixture.write(
            "policy",
            format!("log {}\nquorum none\n", key.verifier_key()),
        )?;
        fixture.log.download(&fixture.folder.join("log"))?;
        let login = fixture.login();
        fixture.base.admin()?.batch_execute(&format!(
            "create role {login} login password '{}' in role optkas_auditor",
            PASSWORD.replace('\'', "''")
        ))?;
        Ok(fixture)
    }

    fn seal(&mut self) -> Result<()> {
        self.size = self.sequence()?;
        let signed = self.base.function("sign-checkpoint")?.call(&Value::Null)?;
        ensure!(signed["published_size"] == self.size, "{signed}");
        Ok(())
    }

    /// Gives every outcome its place in the log; returns their number.
    pub(super) fn sequence(&self) -> Result<i64> {
        let outcomes = count(
            &mut self.base.admin()?,
            "select count(*) from ledger.commitment_outcome",
        )?;
        let sequencer = self.base.function("sequence-tlog")?;
        until("everything has its place", || {
            Ok(sequencer.call(&Value::Null)?["size"] == outcomes)
        })?;
        Ok(outcomes)
    }

    /// The auditor's login. Roles belong to the cluster, so each fixture has its own.
    pub(super) fn login(&self) -> String {
        format!("auditor_{}", self.base.database().name())
    }

    pub(super) fn log_folder(&self) -> String {
        self.folder.join("log").display().to_string()
    }

    /// Publishes the folder over HTTP; the first request for each file fails.
    pub(super) fn site(&self) -> Result<Server> {
        let folder = self.folder.join("log");
        let asked = Mutex::new(HashSet::new());
        Server::start(0, move |request| {
            let path = request.path().trim_start_matches("/log/").to_owned();
            let first = asked
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(path.clone());
            let (status, body) = match fs::read(folder.join(path)) {
                _ if first => (503, Vec::new()),
                Ok(bytes) => (200, bytes),
                Err(_) => (404, Vec::new()),
            };
            Reply::Response(Response {
                status,
                headers: Vec::new(),
                body,
            })
        })
    }

    pub(super) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> Result<String> {
        let path = self.folder.join(name);
        fs::create_dir_all(path.parent().context("a file is in a folder")?)?;
        fs::write(&path, bytes)?;
        Ok(path.display().to_string())
    }

    /// `auditor verify …`
    pub(super) fn auditor(&self, arguments: &[&str]) -> Result<Answer> {
        let output = Command::new(cargo::build_auditor()?)
            .arg("verify")
            .args(arguments)
            .arg("--policy")
            .arg(self.folder.join("policy"))
            .arg("--json")
            .env("PGPASSWORD", PASSWORD)
            .output()?;
        let said = serde_json::from_slice(&output.stdout).with_context(|| {
            format!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr))
        })?;
        let code = output.status.code().context("it was killed")?;
        Ok(Answer { code, said })
    }

    /// `auditor verify database`, against the log in the folder.
    pub(super) fn verify_database(&self, database: &Database) -> Result<Answer> {
        self.verify_database_by(database, &self.log_folder())
    }

    pub(super) fn verify_database_by(&self, database: &Database, log: &str) -> Result<Answer> {
        let login = self.login();
        database.connect()?.batch_execute(&format!(
            "grant connect on database {} to {login}",
            database.name()
        ))?;
        let url = database
            .public_url()
            .replace("://", &format!("://{login}@"));
        self.auditor(&["database", &url, "--log", log])
    }

    /// Attacks a copy of the database as its superuser, with all triggers off, and verifies the copy.
    pub(super) fn verify_after(&self, attack: &str) -> Result<Answer> {
        let copy = self.copy()?;
        let mut insider = copy.connect()?;
        insider.batch_execute(&all_triggers_off())?;
        insider
            .batch_execute(attack)
            .with_context(|| attack.to_owned())?;
        drop(insider);
        let answer = self.verify_database(&copy);
        self.forget(&copy)?;
        answer
    }

    /// A copy of the database as it was when the first copy was asked for.
    pub(super) fn copy(&self) -> Result<Database> {
        let template = self.template()?;
        let count = self.copies.fetch_add(1, Ordering::Relaxed);
        let copy = template.sibling(&format!("{}_{count}", template.name()));
        let statement = format!(
            "create database {} template {}",
            copy.name(),
            template.name()
        );
        template
            .sibling("postgres")
            .connect()?
            .batch_execute(&statement)?;
        Ok(copy)
    }

    fn template(&self) -> Result<&Database> {
        if let Some(template) = self.template.get() {
            return Ok(template);
        }
        let original = self.base.database();
        let name = original.name();
        let template = original.sibling(&format!("{name}_copy"));
        let mut admin = original.sibling("postgres").connect()?;
        // A database with a connection to it is no template; the functions connect again when they are asked.
        let statement = format!("create database {} template {name}", template.name());
        until("nobody is connected", || {
            admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1",
                &[&name],
            )?;
            Ok(admin.batch_execute(&statement).is_ok())
        })?;
        Ok(self.template.get_or_init(|| template))
    }

    pub(super) fn forget(&self, copy: &Database) -> Result<()> {
        let mut admin = self.base.database().sibling("postgres").connect()?;
        admin.batch_execute(&format!("drop database {} with (force)", copy.name()))?;
        Ok(())
    }

    /// The number that a query gives in the untouched database.
    pub(super) fn ask(&self, sql: &str) -> Result<i64> {
        count(&mut self.base.admin()?, sql)
    }
}
