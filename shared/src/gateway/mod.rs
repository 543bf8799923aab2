//! The only SQL: one Rust function for each function in the database's schema `gateway`.
//!
//! A call is one statement and one round trip, in a transaction of its own; the login's default isolation is
//! SERIALIZABLE. A call that failed is made again where that can help and is safe:
//!
//! - Calling again is always safe. A call that failed before its commit left nothing. A call that committed before its
//!   reply was lost is known to the ledger, and calling again with the same `attempt` gets the first answer.
//! - A conflict with concurrent transactions (40001, 40P01) is tried again until the deadline; a database
//!   that is away or busy, a few times.
//! - After a conflict the database may name a lane. The next try takes its turn there: `begin`, the lock, the call and
//!   `commit` are sent together, and are one round trip too.
//!
//! An error's DETAIL and HINT can quote rows: they never leave this module, not even for the log.

mod connect;
mod facilities;
mod fault;
mod lane;
mod reads;
mod reply;
mod retry;
mod risk;
mod settlements;
mod system;
mod tlog;
mod webhooks;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use deadpool_postgres::{Object, Pool, PoolError};
use futures_util::{
    FutureExt,
    future::{BoxFuture, join4},
};
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::time::timeout_at;
use tokio_postgres::types::{Json, ToSql, Type};
use tracing::{error, warn};

pub use self::{
    connect::connect,
    facilities::{NewRelease, ReleaseFilter, Released, Removal, WarningFilter},
    lane::LANES,
    reads::{Sent, SettlementFilter, SettlementOrder},
    reply::{Outcome, Reply},
    settlements::NewSettlement,
    system::{Books, RetiredFor},
    tlog::{Anchor, AnchorTransaction},
    webhooks::AgentEvent,
};
use self::{
    fault::Fault,
    lane::{Lane, Lanes},
    retry::Retries,
};
use crate::{
    auth::Token,
    commitment::{ClientKey, Fingerprint},
    config::{Base, DatabaseLogin},
    telemetry::Meter,
};

/// The database as one function sees it. One for each process; it connects at the first call.
#[derive(Debug)]
pub struct Database {
    pool: Pool,
    login_refused: AtomicBool,
    lanes: Lanes,
}

impl Database {
    /// The database of `base`, entered with `login`.
    #[must_use]
    pub fn new(base: &Base, login: &DatabaseLogin) -> Self {
        Self {
            pool: connect::pool(base, login),
            login_refused: AtomicBool::new(false),
            lanes: Lanes::new(),
        }
    }

    /// Whether the server has refused the login. Its password may have been changed: the secret must be read again.
    #[must_use]
    pub fn is_login_refused(&self) -> bool {
        self.login_refused.load(Relaxed)
    }
}

/// The gateway for the time of one invocation.
#[derive(Debug, Clone)]
pub struct Gateway {
    database: Arc<Database>,
    /// The invocation's request id, which tells our own second try from a caller's.
    attempt: Arc<str>,
    /// After this instant no try begins, and no try is waited for.
    deadline: Instant,
    meter: Arc<Meter>,
}

/// A mutation's claim. The database alone derives the key that is claimed, from the principal that it authenticates.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The caller's part of the key.
    pub client_key: ClientKey,
    /// The fingerprint of the request's bytes.
    pub fingerprint: Fingerprint,
    /// When an agent says that what it reports happened.
    pub occurred_at: Option<OffsetDateTime>,
}

/// Why there is no reply. The cause was logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The database does not accept the token.
    #[error("the database refused the token")]
    TokenRefused,
    /// The token's subject is a member of no allocator.
    #[error("the person is a member of no allocator")]
    NotAMember,
    /// Away, busy, or too many conflicts; nothing half-done exists.
    #[error("the database is not available")]
    Unavailable,
    /// A programmer's or an operator's error.
    #[error("the database call failed")]
    Broken,
}

/// A batch is not begun with less time than this.
const BATCH_TIME: Duration = Duration::from_secs(2);

/// A parameter and its type: built-in types only, so that no type is looked up in a second round trip.
type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

impl Gateway {
    /// The gateway for the invocation `attempt`, which ends at `deadline`.
    #[must_use]
    pub const fn new(
        database: Arc<Database>,
        attempt: Arc<str>,
        deadline: Instant,
        meter: Arc<Meter>,
    ) -> Self {
        Self {
            database,
            attempt,
            deadline,
            meter,
        }
    }

    /// How long until no call may begin.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The gateway for a part of the invocation, which may take so long at most.
    #[must_use]
    pub fn within(&self, limit: Duration) -> Self {
        Self {
            deadline: self.deadline.min(Instant::now() + limit),
            ..self.clone()
        }
    }

    /// Whether there is time for one more batch. Each batch is a transaction: what one has done stays done, whatever
    /// becomes of the next.
    #[must_use]
    pub fn has_time(&self) -> bool {
        self.remaining() > BATCH_TIME
    }

    /// Calls a function that a person's token opens, and that changes nothing.
    async fn read(
        &self,
        name: &'static str,
        token: &Token,
        own: &[Parameter<'_>],
    ) -> Result<Reply, Error> {
        let token = token.expose();
        let mut parameters: Vec<Parameter<'_>> = vec![(&token, Type::TEXT)];
        parameters.extend_from_slice(own);
        self.call(name, &parameters).await
    }

    /// Calls a function that a person's token opens, and that changes something under this claim.
    async fn mutation(
        &self,
        name: &'static str,
        token: &Token,
        claim: &Claim,
        own: &[Parameter<'_>],
    ) -> Result<Reply, Error> {
        let token = token.expose();
        // A person acts on few accounts, an agent on those of everybody.
        self.claimed(name, token, Some(token), claim, own).await
    }

    /// Calls a function whose first parameters are who asks (a token or an agent's id) and the claim. `hot` is under
    /// what name it is remembered that the caller has lost a race.
    async fn claimed(
        &self,
        name: &'static str,
        who: &str,
        hot: Option<&str>,
        claim: &Claim,
        own: &[Parameter<'_>],
    ) -> Result<Reply, Error> {
        let occurred_at = claim.occurred_at.map(|at| at.format(&Rfc3339)).transpose();
        // By name, so that no two texts can change places.
        let claim = Json(json!({
            "attempt": &*self.attempt,
            "client_key": claim.client_key.as_str(),
            "fingerprint": claim.fingerprint.to_string(),
            "occurred_at": occurred_at.map_err(|_| Error::Broken)?,
        }));
        let mut parameters: Vec<Parameter<'_>> = vec![(&who, Type::TEXT), (&claim, Type::JSONB)];
        parameters.extend_from_slice(own);
        self.call_as(hot, name, &parameters).await
    }

    /// Calls a function of a job that claims keys: the first parameter is the attempt.
    async fn job(&self, name: &'static str, own: &[Parameter<'_>]) -> Result<Reply, Error> {
        let attempt = &*self.attempt;
        let mut parameters: Vec<Parameter<'_>> = vec![(&attempt, Type::TEXT)];
        parameters.extend_from_slice(own);
        self.call(name, &parameters).await
    }

    /// Calls `gateway.<name>` with these parameters, and calls it again as long as that can help.
    async fn call(&self, name: &'static str, parameters: &[Parameter<'_>]) -> Result<Reply, Error> {
        self.call_as(None, name, parameters).await
    }

    /// The same for a caller who queues at the first try after having lost a race lately.
    async fn call_as(
        &self,
        hot: Option<&str>,
        name: &'static str,
        parameters: &[Parameter<'_>],
    ) -> Result<Reply, Error> {
        let sql = statement(name, parameters.len());
        let mut retries = Retries::default();
        let lanes = &self.database.lanes;
        let mut lane = hot.and_then(|who| lanes.hot(who, Instant::now()));
        loop {
            let started = Instant::now();
            let outcome = self.call_once(&sql, parameters, lane).await;
            self.meter.database_time(started.elapsed());
            let fault = match outcome {
                Ok(reply) => return Ok(reply),
                Err(Missed::Call(fault)) => fault,
                Err(Missed::Turn(passed_over)) => {
                    lanes.pass_over(passed_over, Instant::now());
                    lane = None;
                    continue;
                }
            };
            if let Some(lost_in) = fault.lane() {
                lane = lanes.lost(hot, lost_in, Instant::now());
            }
            let delay = retries.delay(&fault, rand_u32(), self.remaining());
            let Some(delay) = delay else {
                log_final(&fault, retries.count());
                return Err(fault.into());
            };
            self.count(&fault);
            // Who takes its turn need not wait for chance to tell it from others.
            if lane.is_none() || !matches!(fault, Fault::Conflict(_)) {
                tokio::time::sleep(delay).await;
            }
        }
    }

    /// Boxed, so that it is compiled here once: `runtime::serve` says why.
    fn call_once<'a>(
        &'a self,
        sql: &'a str,
        parameters: &'a [Parameter<'a>],
        lane: Option<Lane>,
    ) -> BoxFuture<'a, Result<Reply, Missed>> {
        self.try_once(sql, parameters, lane).boxed()
    }

    async fn try_once(
        &self,
        sql: &str,
        parameters: &[Parameter<'_>],
        lane: Option<Lane>,
    ) -> Result<Reply, Missed> {
        let deadline = self.deadline.into();
        let connection = match timeout_at(deadline, self.database.pool.get()).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => return Err(self.not_connected(error).into()),
            Err(_) => return Err(Fault::Deadline.into()),
        };
        let answer = timeout_at(deadline, ask(&connection, sql, parameters, lane)).await;
        match answer {
            Ok(Err(Missed::Call(fault))) if fault.loses_connection() => {
                discard(connection);
                Err(fault.into())
            }
            Ok(answer) => answer,
            // The statement may still be running, and may commit: the next call finds its outcome.
            Err(_) => {
                discard(connection);
                Err(Fault::Deadline.into())
            }
        }
    }

    fn not_connected(&self, error: PoolError) -> Fault {
        let fault = Fault::from(error);
        if matches!(fault, Fault::Login(_)) {
            self.database.login_refused.store(true, Relaxed);
        }
        fault
    }

    fn count(&self, fault: &Fault) {
        match fault {
            Fault::Conflict(_) => self.meter.serialization_retry(),
            fault => {
                self.meter.connection_retry();
                warn!(database.fault = %fault, "The database call failed and is made again.");
            }
        }
    }
}

/// Why one try has no reply.
enum Missed {
    Call(Fault),
    /// The lane was not free in time: nothing was called.
    Turn(Lane),
}

impl From<Fault> for Missed {
    fn from(fault: Fault) -> Self {
        Self::Call(fault)
    }
}

/// Makes the call: alone, or after its turn in a lane.
async fn ask(
    connection: &Object,
    sql: &str,
    parameters: &[Parameter<'_>],
    lane: Option<Lane>,
) -> Result<Reply, Missed> {
    let call = connection.query_typed_one(sql, parameters);
    let row = match lane {
        // The row is complete only when the server is ready again, and so after the commit: an error of
        // the commit itself arrives here too.
        None => call.await.map_err(Fault::from)?,
        Some(lane) => {
            // Each is sent when it is first polled, in this order, and none waits for another's answer.
            let turn = lane.turn();
            let (begun, taken, called, committed) = join4(
                connection.batch_execute("begin"),
                connection.batch_execute(&turn),
                call,
                connection.batch_execute("commit"),
            )
            .await;
            begun.map_err(Fault::from)?;
            taken.map_err(|error| {
                let fault = Fault::from(error);
                if fault.is_lock_timeout() {
                    Missed::Turn(lane)
                } else {
                    fault.into()
                }
            })?;
            // After an error the commit rolls back, and says so without an error.
            let row = called.map_err(Fault::from)?;
            committed.map_err(Fault::from)?;
            row
        }
    };
    Ok(Reply::from_row(&row).map_err(Fault::from)?)
}

/// The one statement of a call. The name is a constant of this module: nothing that a caller wrote is in the text.
fn statement(name: &'static str, parameters: usize) -> String {
    let numbers: Vec<_> = (1..=parameters)
        .map(|number| format!("${number}"))
        .collect();
    format!(
        "select outcome, status, refusal, body from gateway.{name}({})",
        numbers.join(", ")
    )
}

/// Closes a connection instead of giving it back.
fn discard(connection: Object) {
    drop(Object::take(connection));
}

fn log_final(fault: &Fault, retries: u32) {
    match fault {
        // The function has verified the token before this call. Either the key is not registered yet, or one of the two
        // verifiers is wrong.
        Fault::TokenRefused => {
            warn!("The database refused a token that this function has verified.");
        }
        Fault::NotAMember => {}
        Fault::Conflict(_) | Fault::Away(_) | Fault::Deadline => {
            warn!(database.fault = %fault, database.retries = retries, "The database call failed for good.");
        }
        Fault::Login(_) | Fault::Broken(_) => {
            error!(database.fault = %fault, database.retries = retries, "The database call failed for good.");
        }
    }
}

/// How long an invocation may take when it does not say.
const LIMIT_WITHOUT_DEADLINE: Duration = Duration::from_secs(10);

/// What remains for the reply when the gateway gives up.
const RESERVE: Duration = Duration::from_millis(500);

/// When the gateway must have given up. A time in the past means that the deadline is not known.
#[must_use]
pub fn deadline(remaining: Option<Duration>, now: Instant) -> Instant {
    match remaining {
        Some(remaining) if !remaining.is_zero() => now + remaining.saturating_sub(RESERVE),
        _ => now + LIMIT_WITHOUT_DEADLINE,
    }
}

/// For jitter only.
fn rand_u32() -> u32 {
    uuid::Uuid::new_v4().as_fields().0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered() {
        for (parameters, expected) in [
            (0, ""),
            (1, "$1"),
            (11, "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11"),
        ] {
            assert_eq!(
                statement("list_audit", parameters),
                format!(
                    "select outcome, status, refusal, body from gateway.list_audit({expected})"
                )
            );
        }
    }

    #[test]
    fn a_deadline_in_the_past_is_no_deadline() {
        let now = Instant::now();
        assert_eq!(deadline(None, now), now + LIMIT_WITHOUT_DEADLINE);
        assert_eq!(
            deadline(Some(Duration::ZERO), now),
            now + LIMIT_WITHOUT_DEADLINE
        );
        assert_eq!(
            deadline(Some(Duration::from_secs(3)), now),
            now + Duration::from_millis(2_500)
        );
        assert_eq!(deadline(Some(Duration::from_millis(1)), now), now);
    }
}
