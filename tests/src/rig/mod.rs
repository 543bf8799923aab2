//! What a test runs on: a database of its own, an issuer of its own, and the real binaries.
//!
//! The cluster and Secrets Manager behind it are shared by all tests of a run.
//!
//! ```ignore
//! #[test]
//! fn a_reply_that_got_lost_is_given_again() -> anyhow::Result<()> {
//!     let rig = Rig::new()?;
//!     let alice = rig.person("alice");
//!     let request = alice
//!         .request("POST", "/v1/settlements")
//!         .header("idempotency-key", &idempotency_key())
//!         .json(&json!({
//!             "facility_id": USD_FACILITY.id.to_string(),
//!             "amount_minor": "100",
//!             "currency": "USD",
//!             "value_date": value_date(),
//!         }));
//!     // The same request id twice is what a retry by Lambda looks like.
//!     let once = |invocation: Invocation| invocation.with_request_id("one");
//!     let lost = rig.invoke(&request, |it| once(it).killed(Moment::AtReply))?;
//!     let again = lambda::response(&rig.invoke(&request, once)?.json())?;
//!     assert!(matches!(lost, Answer::Killed(Some(_))));
//!     assert_eq!(again.status, 201);
//!     let count: i64 = rig.admin()?.query_one("select count(*) from capital.settlement", &[])?.get(0);
//!     assert_eq!(count, 1);
//!     Ok(())
//! }
//! ```

mod ground;

pub use ground::Ground;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use postgres::Client;
use serde_json::Value;

use crate::aws::Log;
use crate::deployment::{Deployment, log_name};
use crate::http::{Request, Response, Transport};
use crate::issuer::{Issuer, Key};
use crate::lambda::{self, Answer, Function, Invocation, Launch};
use crate::postgres::Database;
use crate::routes::Routes;
use crate::world::{AgentClient, PersonClient, find_person};

/// The value of `iss`. The databases are copies of one that has registered it, so it names no port.
pub const ISSUER: &str = "http://127.0.0.1/auth/v1";

/// As patient as this with other tests' transactions.
const SEALING_TIME_MAX: Duration = Duration::from_secs(20);

/// A database, an issuer and the functions, for one test.
pub struct Rig {
    ground: Arc<Ground>,
    database: Database,
    issuer: Issuer,
    deployment: Deployment,
    folder: PathBuf,
    functions: Mutex<HashMap<String, Arc<Function>>>,
    kept: bool,
}

impl Rig {
    /// A fresh copy of the sample world.
    pub fn new() -> Result<Self> {
        let ground = Ground::shared()?;
        let database = ground.copy_of_world()?;
        Self::on(ground, database)
    }

    /// A fresh migrated database with nothing in it.
    pub fn empty() -> Result<Self> {
        let ground = Ground::shared()?;
        let database = ground.copy_of_empty()?;
        Self::on(ground, database)
    }

    /// The sample world on a cluster of its own, which the test may stop and start.
    pub fn isolated() -> Result<Self> {
        let ground = Ground::start()?;
        let database = ground.copy_of_world()?;
        Self::on(ground, database)
    }

    /// On a database that the caller has made.
    pub fn on(ground: Arc<Ground>, database: Database) -> Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let folder = ground
            .folder()
            .join(format!("rig-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
        std::fs::create_dir_all(&folder)?;
        let issuer = Issuer::start_named(0, ground.signing_key(), ISSUER.to_owned())?;
        let deployment = ground.deployment().clone();
        Ok(Self {
            ground,
            database,
            issuer,
            deployment,
            folder,
            functions: Mutex::default(),
            kept: false,
        })
    }

    /// The same rig, whose database stays when it is dropped.
    #[must_use]
    pub fn keep(mut self) -> Self {
        self.kept = true;
        self
    }

    /// Moves the rig to secrets of its own, which the test may change and delete.
    pub fn own_secrets(&mut self) -> Result<&Deployment> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        self.deployment.prefix = format!("{}/own-{count}", self.ground.deployment().prefix);
        self.deployment.store(self.ground.secrets())?;
        self.functions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        Ok(&self.deployment)
    }

    /// Speaks as one of the sample people.
    ///
    /// # Panics
    /// If there is no such person.
    #[must_use]
    pub fn person(&self, name: &str) -> PersonClient<'_> {
        let person = find_person(name).unwrap_or_else(|error| panic!("{error}"));
        PersonClient::new(self, self.issuer.minter(), person)
    }

    /// Speaks as one of the sample agents.
    ///
    /// # Panics
    /// If there is no such agent.
    #[must_use]
    pub fn agent(&self, id: &str) -> AgentClient<'_> {
        let agent = self
            .deployment
            .agent(id)
            .unwrap_or_else(|error| panic!("{error}"));
        AgentClient::new(self, agent)
    }

    /// The test's own issuer.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Lets the database know the keys as they are published now; answers what changed. A rig begins with
    /// the signing key known.
    pub fn sync_keys(&self) -> Result<Value> {
        let mut synced = self.function("sync-jwks")?.call(&Value::Null)?;
        Ok(synced["changes"].take())
    }

    /// Signs with this key from now on, after everybody has come to know it: as Supabase rotates.
    pub fn rotate(&self, key: Key) -> Result<()> {
        self.issuer.announce(key);
        self.sync_keys()?;
        self.issuer.promote();
        Ok(())
    }

    /// The secrets behind the functions.
    #[must_use]
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// What is shared with the other tests.
    #[must_use]
    pub fn ground(&self) -> &Ground {
        &self.ground
    }

    /// A connection as the cluster's superuser.
    pub fn admin(&self) -> Result<Client> {
        self.database.connect()
    }

    /// A connection as a function's login; its settings apply.
    pub fn login(&self, function: &str) -> Result<Client> {
        self.deployment
            .database(&self.database, function)?
            .connect()
    }

    /// A connection as the owner of everything in the database, which has no login of its own.
    pub fn owner(&self) -> Result<Client> {
        let mut client = self.admin()?;
        client.batch_execute("set session authorization optkas_owner")?;
        Ok(client)
    }

    /// The database, as the superuser.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Where the log of this database is published.
    pub fn log(&self) -> Result<Log> {
        self.ground.secrets().log(&log_name(&self.database))
    }

    /// Gives everything that is concluded its place, and publishes the log that far; answers its size. Another
    /// test's transaction may hold the horizon for a moment.
    pub fn seal(&self) -> Result<u64> {
        let start = Instant::now();
        while start.elapsed() < SEALING_TIME_MAX {
            let sequenced = self.function("sequence-tlog")?.call(&Value::Null)?;
            let waiting: i64 = self
                .admin()?
                .query_one(
                    "select (select count(*) from ledger.commitment_outcome) - tlog.size()",
                    &[],
                )?
                .try_get(0)?;
            if waiting == 0 {
                let signed = self.function("sign-checkpoint")?.call(&Value::Null)?;
                ensure!(signed["published_size"] == sequenced["size"], "{signed}");
                return signed["published_size"].as_u64().context("a size");
            }
            thread::sleep(Duration::from_millis(5));
        }
        bail!("the log was not complete in time")
    }

    /// How a function is started here: change it and hand it to [`Rig::start`].
    pub fn launch(&self, function: &str) -> Result<Launch> {
        if function == "sign-checkpoint" {
            // Most tests have no log: a bucket and a table are made for those that do.
            self.log()?;
        }
        Ok(Launch {
            name: function.to_owned(),
            binary: self.ground.binaries().join(function),
            env: self
                .deployment
                .environment(&self.database, &self.issuer, self.ground.secrets()),
            processes: 1,
            concurrency: 1,
            log_folder: self.folder.clone(),
        })
    }

    /// Starts a function this way; requests on its route go to it from now on.
    pub fn start(&self, launch: Launch) -> Result<Arc<Function>> {
        let name = launch.name.clone();
        let function = Arc::new(Function::new(launch)?);
        self.functions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name, Arc::clone(&function));
        Ok(function)
    }

    /// The function of that name, started as usual if it has not been yet.
    pub fn function(&self, name: &str) -> Result<Arc<Function>> {
        let known = self
            .functions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .map(Arc::clone);
        known.map_or_else(|| self.start(self.launch(name)?), Ok)
    }

    /// The function that a request goes to, and the event that it gets.
    pub fn resolve(&self, request: &Request) -> Result<Option<(Arc<Function>, Value)>> {
        let Some((route, parameters)) = self.routes().find(&request.method, request.path()) else {
            return Ok(None);
        };
        let event = lambda::event(request, route, &parameters);
        Ok(Some((self.function(&route.function)?, event)))
    }

    /// Sends a request as one invocation that the caller shapes: its request id, its fate.
    pub fn invoke(
        &self,
        request: &Request,
        shape: impl FnOnce(Invocation) -> Invocation,
    ) -> Result<Answer> {
        let (function, event) = self
            .resolve(request)?
            .context("no route takes this request")?;
        function.invoke(shape(Invocation::new(&event)))
    }

    /// The local routes.
    #[must_use]
    pub fn routes(&self) -> &Routes {
        self.ground.routes()
    }
}

impl Transport for Rig {
    fn send(&self, request: &Request) -> Result<Response> {
        let Some((function, event)) = self.resolve(request)? else {
            // What API Gateway says about a path that no route takes.
            return Ok(Response {
                status: 404,
                headers: Vec::new(),
                body: br#"{"message":"Not Found"}"#.to_vec(),
            });
        };
        lambda::response(&function.call(&event)?)
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.functions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        // A run's cluster is thrown away; dropping the copy early only saves disk.
        if !self.kept {
            self.ground.forget(&self.database);
        }
    }
}
