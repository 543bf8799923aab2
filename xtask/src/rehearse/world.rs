//! What stands around a stage: the account, the database's server, the issuer, and the operator's machine.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use generate::Table;
use tests::cargo::{self, Profile};
use tests::deployment::Deployment;
use tests::folders;
use tests::issuer::{Algorithm, Issuer, Key};
use tests::postgres::{Cluster, Database, Durability, Options};
use tests::sample_data::Agent;
use tests::secrets::random_hex;
use tests::tools;

use super::document;
use super::emulator::Emulator;
use super::stage::ARTIFACTS;
use super::template::{self, Templates};

const DATABASE: &str = "optkas";
const MASTER: &str = "optkas_admin";

/// What a stage stands in: the account, the database's server, the issuer, and the operator's machine.
pub(super) struct World {
    pub(super) emulator: Emulator,
    pub(super) issuer: Issuer,
    pub(super) deployment: Deployment,
    pub(super) cluster: Cluster,
    master_password: String,
    pub(super) binaries: PathBuf,
    pub(super) templates: Templates,
    pub(super) table: Table,
    pub(super) document: String,
    pub(super) samconfig: String,
    /// The document's blocks that have been run.
    pub(super) ran: RefCell<BTreeSet<String>>,
    pub(super) folder: PathBuf,
    _lock: fs::File,
}

impl World {
    pub(super) fn start() -> Result<Self> {
        let workspace = folders::workspace();
        let binaries = cargo::build_functions(Profile::Debug)?;
        let folder = folders::own("rehearsal")?;
        let lock = fs::File::create(folder.with_extension("lock"))?;
        lock.try_lock().context("another rehearsal is on its way")?;
        fs::remove_dir_all(&folder)?;
        let folder = folders::own("rehearsal")?;
        let cluster = Cluster::start(Options {
            name: "rehearsal".to_owned(),
            password: random_hex(16),
            port: 0,
            durability: Durability::None,
            temporary: true,
        })?;
        let emulator = Emulator::start(&folder)?;
        emulator.create_bucket(ARTIFACTS)?;
        let world = Self {
            emulator,
            issuer: Issuer::start(0, Key::generate(Algorithm::Es256)?)?,
            deployment: Deployment::new("", Agent::samples())?,
            cluster,
            master_password: random_hex(16),
            binaries,
            templates: template::read(&workspace)?,
            table: generate::load(&workspace)?,
            document: fs::read_to_string(workspace.join("docs/OPERATIONS.md"))?,
            samconfig: fs::read_to_string(workspace.join(generate::STAGES))?,
            ran: RefCell::default(),
            folder,
            _lock: lock,
        };
        world.write_programs()?;
        Ok(world)
    }

    /// Whether every marked block of the document has been run; answers how many.
    pub(super) fn whole_document(&self) -> Result<usize> {
        let (ran, marked) = (self.ran.borrow(), document::names(&self.document));
        ensure!(
            ran.iter().eq(&marked),
            "the document marks {marked:?}, and {ran:?} were run"
        );
        Ok(marked.len())
    }

    /// Stops everything and removes what it has written.
    pub(super) fn clear(self) -> Result<()> {
        let folder = self.folder.clone();
        drop(self);
        Ok(fs::remove_dir_all(folder)?)
    }

    /// The database as the server's superuser, whom RDS does not give to anybody.
    pub(super) fn database(&self) -> Database {
        self.cluster.admin(DATABASE)
    }

    /// An empty database of a master user who is no superuser, and the role that lets logins in by token.
    pub(super) fn create_database_as_rds_has_it(&self) -> Result<()> {
        let mut server = self.cluster.admin("postgres").connect()?;
        server.batch_execute(&format!(
            "create role rds_iam;
             create role {MASTER} login createdb createrole password '{}';
             grant rds_iam, pg_read_all_stats, pg_signal_backend to {MASTER} with admin option;",
            self.master_password
        ))?;
        server.batch_execute(&format!("create database {DATABASE} owner {MASTER}"))?;
        Ok(())
    }

    /// Where `aws` and `psql` are.
    pub(super) fn programs(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// `aws` speaks to the emulator. `psql` is the real one: it is given the password that a token of RDS stands for.
    fn write_programs(&self) -> Result<()> {
        let programs = self.programs();
        fs::create_dir_all(&programs)?;
        let python = tools::install(tools::Set::Rehearsal)?.join("python");
        let aws = self.folder.join("aws.py");
        fs::write(&aws, include_str!("aws.py"))?;
        let aws = format!(
            "#!/bin/sh\nexec '{}' -I '{}' \"$@\"\n",
            python.display(),
            aws.display()
        );
        write_program(&programs.join("aws"), &aws)?;
        let real = self.cluster.program("psql").map_or_else(
            || on_the_path("psql").context("psql is needed (Debian: postgresql-client)"),
            Ok,
        )?;
        let psql = format!(
            "#!/bin/sh
[ \"$PGSSLMODE\" = verify-full ] || {{ echo 'no TLS is asked for' >&2; exit 2; }}
case \"$PGPASSWORD\" in
    \"$PGHOST:5432/?Action=connect&DBUser=$PGUSER&\"*) ;;
    *) echo 'the password is no token of RDS' >&2; exit 2 ;;
esac
PGPASSWORD={} PGSSLMODE=disable PGPORT={} exec '{}' \"$@\"
",
            self.master_password,
            self.cluster.port(),
            real.display()
        );
        write_program(&programs.join("psql"), &psql)
    }
}

fn write_program(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    Ok(())
}

fn on_the_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}
