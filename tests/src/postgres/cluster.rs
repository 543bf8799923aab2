//! One cluster: created once, started, stopped.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::{Database, Login, binaries};
use crate::child::{Child, Identity, Plan};
use crate::folders;
use crate::progress::step;

const ADMIN: &str = "postgres";
const LOG: &str = "postgres.log";
const START_TIMEOUT: Duration = Duration::from_mins(1);
const STOP_GRACE: Duration = Duration::from_secs(20);

/// What survives a crash of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Everything that was committed.
    Full,
    /// Nothing; for data that is thrown away anyhow.
    None,
}

/// Which cluster, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name of its folder.
    pub name: String,
    /// The superuser's password; an existing cluster keeps the one it was created with.
    pub password: String,
    /// Its port; 0 for any free one.
    pub port: u16,
    /// See [`Durability`].
    pub durability: Durability,
    /// Remove the data when the server has ended.
    pub temporary: bool,
}

/// A running server; dropping it stops it.
#[derive(Debug)]
pub struct Cluster {
    server: Child,
    options: Options,
    binaries: PathBuf,
    folder: PathBuf,
    identity: Option<Identity>,
    admin: Login,
}

impl Cluster {
    /// Starts the cluster of that name, creating it first if there is none.
    pub fn start(mut options: Options) -> Result<Self> {
        let binaries = binaries::folder()?;
        let identity = folders::unprivileged()?;
        let folder = folders::reachable("postgres")?.join(&options.name);
        let wanted = options.port;
        let mut tries = 1;
        let (server, admin) = loop {
            // A temporary one is gone with a server that did not start.
            if !folder.join("data/PG_VERSION").exists() {
                step("Creating a PostgreSQL cluster", || {
                    create(&folder, &binaries, identity, &options.password)
                })?;
            }
            options.port = free_port(wanted)?;
            let admin = Login::new(options.port, ADMIN, &options.password);
            let mut server = run(&folder, &binaries, identity, &options)?;
            let probe = admin.database("postgres");
            match server.wait_until(START_TIMEOUT, || probe.connect().is_ok()) {
                Ok(()) => break (server, admin),
                // Another cluster of this run has taken the free port meanwhile.
                Err(_) if wanted == 0 && tries < 3 => tries += 1,
                Err(error) => return Err(error),
            }
        };
        Ok(Self {
            server,
            options,
            binaries,
            folder,
            identity,
            admin,
        })
    }

    /// Removes what is kept under that name; the cluster must not be running.
    pub fn remove(name: &str) -> Result<()> {
        let folder = folders::reachable("postgres")?.join(name);
        if folder.exists() {
            fs::remove_dir_all(folder).map_err(Into::into)
        } else {
            Ok(())
        }
    }

    /// The loopback port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.options.port
    }

    /// A database of this cluster, as the superuser.
    #[must_use]
    pub fn admin(&self, database: &str) -> Database {
        self.admin.database(database)
    }

    /// A program that comes with the server, if it does.
    #[must_use]
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        Some(self.binaries.join(name)).filter(|path| path.is_file())
    }

    /// Everything the server has written to its log so far.
    pub fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(self.folder.join(LOG))?)
    }

    /// Stops the server as an operator would, and starts it again on the same port.
    pub fn restart(&mut self) -> Result<()> {
        self.server.stop_for_now();
        self.server = run(&self.folder, &self.binaries, self.identity, &self.options)?;
        let probe = self.admin.database("postgres");
        self.server
            .wait_until(START_TIMEOUT, || probe.connect().is_ok())
    }

    /// A standby of this cluster that follows it and takes questions, on a port of its own; its data go with it.
    pub fn standby(&self, name: &str) -> Result<Self> {
        let folder = folders::reachable("postgres")?.join(name);
        prepare(&folder, self.identity)?;
        let mut copy = Command::new(self.binaries.join("pg_basebackup"));
        copy.args(["--write-recovery-conf", "--wal-method", "stream"])
            .args(["--checkpoint", "fast", "--no-sync", "--host", "127.0.0.1"])
            .args(["--username", ADMIN, "--port"])
            .arg(self.options.port.to_string())
            .arg("--pgdata")
            .arg(folder.join("data"))
            .env("PGPASSWORD", &self.options.password)
            .current_dir(&folder)
            .stdin(Stdio::null());
        perform(copy, self.identity, "pg_basebackup")?;
        let options = Options {
            name: name.to_owned(),
            port: free_port(0)?,
            temporary: true,
            ..self.options.clone()
        };
        let admin = Login::new(options.port, ADMIN, &options.password);
        let mut server = run(&folder, &self.binaries, self.identity, &options)?;
        let probe = admin.database("postgres");
        server.wait_until(START_TIMEOUT, || probe.connect().is_ok())?;
        Ok(Self {
            server,
            options,
            binaries: self.binaries.clone(),
            folder,
            identity: self.identity,
            admin,
        })
    }

    /// Stops the server; dropping does it too.
    pub fn stop(&mut self) {
        self.server.stop();
    }
}

/// A loopback port that is free now: the wanted one, or any if that is 0.
pub fn free_port(wanted: u16) -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", wanted))
        .with_context(|| format!("port {wanted} is taken"))?;
    Ok(listener.local_addr()?.port())
}

fn create(
    folder: &Path,
    binaries: &Path,
    identity: Option<Identity>,
    password: &str,
) -> Result<()> {
    prepare(folder, identity)?;
    let password_file = folder.join("password");
    fs::write(&password_file, password)?;
    fs::set_permissions(&password_file, fs::Permissions::from_mode(0o600))?;
    if let Some(Identity { uid, gid }) = identity {
        chown(&password_file, Some(uid), Some(gid))?;
    }
    let mut initdb = Command::new(binaries.join("initdb"));
    initdb
        .args([
            "--username",
            ADMIN,
            "--auth",
            "scram-sha-256",
            "--encoding",
            "UTF8",
            "--locale",
            "C",
            "--no-sync",
        ])
        .arg("--pwfile")
        .arg(&password_file)
        .arg("--pgdata")
        .arg(folder.join("data.new"))
        .current_dir(folder)
        .stdin(Stdio::null());
    perform(initdb, identity, "initdb")?;
    fs::remove_file(password_file)?;
    // The folder's final name says that it is complete.
    fs::rename(folder.join("data.new"), folder.join("data"))?;
    Ok(())
}

/// An empty folder that is the server's alone.
fn prepare(folder: &Path, identity: Option<Identity>) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    if let Some(Identity { uid, gid }) = identity {
        chown(folder, Some(uid), Some(gid))?;
    }
    Ok(())
}

fn perform(mut command: Command, identity: Option<Identity>, name: &str) -> Result<()> {
    if let Some(Identity { uid, gid }) = identity {
        command.uid(uid).gid(gid);
    }
    let output = command
        .output()
        .with_context(|| format!("cannot run {name}"))?;
    ensure!(
        output.status.success(),
        "{name} failed:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

fn run(
    folder: &Path,
    binaries: &Path,
    identity: Option<Identity>,
    options: &Options,
) -> Result<Child> {
    let mut command = Command::new(binaries.join("postgres"));
    command
        .arg("-D")
        .arg(folder.join("data"))
        .current_dir(folder);
    let port = options.port.to_string();
    let always = [
        ("listen_addresses", "127.0.0.1"),
        ("port", &*port),
        // No socket in the file system: its path could be too long, and TCP is what production uses.
        ("unix_socket_directories", ""),
        ("max_connections", "400"),
        ("timezone", "UTC"),
        ("log_timezone", "UTC"),
        ("logging_collector", "off"),
        ("log_checkpoints", "off"),
        // Tokens are parameters: they never get into the log, whatever a login sets. The first two are the
        // superuser's alone. docs/OPERATIONS.md asks the same of production.
        ("log_error_verbosity", "terse"),
        ("log_parameter_max_length", "0"),
        ("log_parameter_max_length_on_error", "0"),
        // As infra/database.yaml: what SERIALIZABLE remembers stays rows for longer before it is pages and tables.
        ("max_pred_locks_per_transaction", "256"),
        ("max_pred_locks_per_page", "16"),
    ];
    let forgetful = [
        ("fsync", "off"),
        ("synchronous_commit", "off"),
        ("full_page_writes", "off"),
    ];
    let durability: &[_] = if options.durability == Durability::None {
        &forgetful
    } else {
        &[]
    };
    for (setting, value) in always.iter().chain(durability) {
        command.arg("-c").arg(format!("{setting}={value}"));
    }
    Child::start(Plan {
        name: "PostgreSQL",
        command,
        log: folder.join(LOG),
        // The fast shutdown: connections are ended, committed data is written.
        stop_signal: "SIGINT",
        grace: STOP_GRACE,
        identity,
        remove_afterwards: options.temporary.then(|| folder.to_owned()),
    })
}
