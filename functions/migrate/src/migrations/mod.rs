//! What the function `migrate` does to the database, in order; safe to run again.
//!
//! 1. One deployment at a time: a lock on `deploy.turn`, which no other login can take. A second connection holds it in
//!    a transaction, so that it ends with the deployment whatever stands between.
//! 2. `migrations/roles.sql` and `rds.sql` as `migrate` itself: roles and schemas, and membership in `optkas_owner`. A
//!    database that has migrations this build does not know is newer: it is refused, and this step undone.
//! 3. As `optkas_owner`: history, `migrations/tables/NNNN_*.sql` that are new, all in one transaction.
//! 4. As `optkas_owner`: the present, what differs of `functions/`, `gateway/` and `access/`, in one transaction.
//! 5. Where the server or a role of ours is not as the promises need it, the deployment fails and says what deviates.
//! 6. The membership is taken back, whatever happened before.
//!
//! A crash between the steps leaves a database that serves the old functions or the new ones, never half of
//! them; running again completes it. The membership that a crash leaves is taken back by the next run.

mod embedded;
mod present;

use refinery::{Migration, Runner};
use shared::{
    config::{Base, DatabaseLogin},
    gateway::connect,
};
use tokio_postgres::{
    Client,
    error::{DbError, SqlState},
};

use self::embedded::{File, RDS, ROLES, TABLES};

/// What a deployment locks. `migrate` owns it: `optkas_owner` has no members before roles.sql is run.
const TURN: &str = "
    create schema if not exists deploy;
    create table if not exists deploy.turn (only_row boolean)";

/// Longer than a deployment takes: the second one waits for the first.
const LOCK_TIMEOUT: &str = "5min";

/// What no deployment sets back. A setting of a role is set back, and a large object is the watch's affair.
const DEVIATIONS: &str = "
    select d::text from auth.deviations() as d where d ->> 'of' in ('server', 'role', 'membership')";

/// Where refinery keeps what was applied.
const HISTORY: &str = "deploy.schema_history";

/// The files that were applied by this run.
pub(crate) type Applied = Vec<String>;

/// Why the database is not up to date.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MigrationError {
    /// No connection, or a statement failed.
    #[error("a statement of the deployment failed")]
    Database(#[from] tokio_postgres::Error),
    /// The database was migrated by a later build.
    #[error("the database is at migration {database}, this build knows {build}")]
    Newer {
        /// The database's last migration.
        database: i32,
        /// This build's.
        build: i32,
    },
    /// Two transactions of one connection were answered by two sessions.
    #[error("a pooler of transactions is between: the deployment needs the database itself")]
    Pooled,
    /// The server's settings, or a role's attributes or memberships, break a promise.
    #[error("the database deviates: {0}")]
    Deviates(String),
    /// A migration failed, was changed after it was applied, or is unknown to this build.
    #[error("the migrations cannot be applied")]
    Refinery(#[from] Box<refinery::Error>),
}

impl MigrationError {
    /// For the log of a deployment, which has no caller: what the server said, without DETAIL and HINT.
    #[must_use]
    pub(crate) fn detail(&self) -> String {
        let mut texts = Vec::new();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            texts.push(match cause.downcast_ref::<DbError>() {
                Some(answer) => format!("{} {}", answer.code().code(), answer.message()),
                None => cause.to_string(),
            });
            source = cause.source();
        }
        texts.join(": ")
    }
}

/// Brings the database up to date. Where it fails, what was done before stays.
pub(crate) async fn run(base: &Base, login: &DatabaseLogin) -> Result<Applied, MigrationError> {
    let turn = take_turn(base, login).await?;
    let mut client = connect(base, login).await?;
    client
        .batch_execute(&format!("set lock_timeout = '{LOCK_TIMEOUT}'"))
        .await?;
    refuse_pooler(&mut client).await?;
    become_member(&client).await?;
    let applied = as_owner(&mut client).await;
    let revoked = client
        .batch_execute("rollback; reset role; revoke optkas_owner from migrate")
        .await;
    // The next deployment begins when this one's membership is gone. A turn that was lost meanwhile is an error here:
    // another deployment may have run beside this one.
    let kept = turn.batch_execute("commit").await;
    let applied = applied?;
    revoked?;
    kept?;
    Ok(applied)
}

/// A connection in whose open transaction no other deployment runs. It writes nothing, and so holds nothing back.
async fn take_turn(base: &Base, login: &DatabaseLogin) -> Result<Client, MigrationError> {
    let client = connect(base, login).await?;
    match client.batch_execute(TURN).await {
        // Another first deployment has just created it.
        Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
            client.batch_execute(TURN).await?;
        }
        created => created?,
    }
    client
        .batch_execute(&format!(
            "begin isolation level read committed;
            set local lock_timeout = '{LOCK_TIMEOUT}';
            set local statement_timeout = 0;
            set local idle_in_transaction_session_timeout = 0;
            lock table deploy.turn in exclusive mode"
        ))
        .await?;
    Ok(client)
}

/// The role and the time-outs of a deployment are its session's. RDS Proxy keeps a session that has set something.
async fn refuse_pooler(client: &mut Client) -> Result<(), MigrationError> {
    let mut sessions = [0_i32; 2];
    for session in &mut sessions {
        let transaction = client.transaction().await?;
        let row = transaction
            .query_one("select pg_catalog.pg_backend_pid()", &[])
            .await?;
        *session = row.try_get(0)?;
        transaction.commit().await?;
    }
    if sessions[0] == sessions[1] {
        Ok(())
    } else {
        Err(MigrationError::Pooled)
    }
}

/// One transaction: without its commit, the session's end undoes it.
async fn become_member(client: &Client) -> Result<(), MigrationError> {
    client
        .batch_execute(&format!("begin;\n{ROLES}\n{RDS}"))
        .await?;
    client.batch_execute("set local role optkas_owner").await?;
    let (database, build) = (
        applied_last(client).await?,
        TABLES.len().try_into().unwrap_or(i32::MAX),
    );
    if database > build {
        return Err(MigrationError::Newer { database, build });
    }
    Ok(client.batch_execute("commit").await?)
}

/// The number of the last migration applied; 0 in a new database.
async fn applied_last(client: &Client) -> Result<i32, tokio_postgres::Error> {
    let table = "select pg_catalog.to_regclass($1) is not null";
    if !client
        .query_one(table, &[&HISTORY])
        .await?
        .try_get::<_, bool>(0)?
    {
        return Ok(0);
    }
    let last = format!("select coalesce(pg_catalog.max(version), 0) from {HISTORY}");
    client.query_one(&last, &[]).await?.try_get(0)
}

async fn as_owner(client: &mut Client) -> Result<Applied, MigrationError> {
    client.batch_execute("set role optkas_owner").await?;
    let mut runner = Runner::new(&migrations()?)
        .set_grouped(true)
        .set_abort_divergent(true)
        .set_abort_missing(true);
    runner.set_migration_table_name(HISTORY);
    let report = runner.run_async(client).await.map_err(Box::new)?;
    let mut applied: Applied = report
        .applied_migrations()
        .iter()
        .map(ToString::to_string)
        .collect();
    applied.extend(present::apply(client).await?);
    let deviations = client.query(DEVIATIONS, &[]).await?;
    if !deviations.is_empty() {
        let texts: Result<Vec<String>, _> = deviations.iter().map(|row| row.try_get(0)).collect();
        return Err(MigrationError::Deviates(texts?.join(", ")));
    }
    Ok(applied)
}

/// The files' names begin with their numbers; refinery wants `V<number>__<name>`.
fn migrations() -> Result<Vec<Migration>, MigrationError> {
    let migration = |(path, sql): &File| {
        let file = path.trim_start_matches("tables/").trim_end_matches(".sql");
        let name = file.replacen('_', "__", 1);
        Migration::unapplied(&format!("V{name}"), sql).map_err(|error| Box::new(error).into())
    };
    TABLES.iter().map(migration).collect()
}
