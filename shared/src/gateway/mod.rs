//! The only SQL: one Rust function for each function in the database's schema `gateway`.
//!
//! A call is one statement and one round trip, in a transaction of its own; the login's default isolation is
//! SERIALIZABLE. A call that failed is made again where that can help and is safe:
//!
//! - It is always safe. What failed before it committed left nothing. What committed before its reply was
//!   lost is known to the ledger, and asking again with the same `attempt` gets the first answer.
//! - A conflict with concurrent transactions (40001, 40P01) is tried again until the deadline; a database
//!   that is away or busy, a few times.
//!
//! An error's DETAIL and HINT can quote rows: they never leave this module, not even for the log.

mod connect;
mod facilities;
mod fault;
pub mod migrations;
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
use tokio::time::timeout_at;
use tokio_postgres::types::{ToSql, Type};
use tracing::{error, warn};

pub use self::{
    facilities::{NewRelease, Released},
    reads::SettlementFilter,
    reply::{Outcome, Reply},
    settlements::NewSettlement,
    system::{Books, Monitoring},
    webhooks::EventHead,
};
use self::{fault::Fault, retry::Retries};
use crate::{
    commitment::{ClientKey, Fingerprint, IdempotencyKey, Request},
    config::{Base, DatabaseLogin},
    telemetry::Meter,
};

/// The database as one function sees it. One for each process; it connects at the first call.
#[derive(Debug)]
pub struct Database {
    pool: Pool,
    login_refused: AtomicBool,
}

impl Database {
    /// The database of `base`, entered with `login`.
    #[must_use]
    pub fn new(base: &Base, login: &DatabaseLogin) -> Self {
        Self {
            pool: connect::pool(base, login),
            login_refused: AtomicBool::new(false),
        }
    }

    /// Whether the server has refused the login since. The password was changed, perhaps: the secret is to be
    /// read again.
    #[must_use]
    pub fn is_login_refused(&self) -> bool {
        self.login_refused.load(Relaxed)
    }
}

/// The gateway for the time of one invocation.
#[derive(Debug, Clone)]
pub struct Gateway {
    database: Arc<Database>,
    /// The invocation's request id: tells our own second try from a caller's.
    attempt: Arc<str>,
    /// No try begins, and none is waited for, after it.
    deadline: Instant,
    meter: Arc<Meter>,
}

/// A mutation's claim to its key.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The caller's part of the key.
    pub client_key: ClientKey,
    /// The key, which the database computes again.
    pub key: IdempotencyKey,
    /// Of the request's bytes.
    pub fingerprint: Fingerprint,
}

impl Claim {
    /// The claim of who sends `body` as `request` under `client_key`.
    #[must_use]
    pub fn new(request: &Request<'_>, client_key: ClientKey, body: &[u8]) -> Self {
        Self {
            key: request.idempotency_key(&client_key),
            fingerprint: request.fingerprint(body),
            client_key,
        }
    }
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

    /// Makes a call, and makes it again as long as that can help.
    async fn call(&self, sql: &'static str, parameters: &[Parameter<'_>]) -> Result<Reply, Error> {
        let mut retries = Retries::default();
        loop {
            let started = Instant::now();
            let outcome = self.call_once(sql, parameters).await;
            self.meter.database_time(started.elapsed());
            let fault = match outcome {
                Ok(reply) => return Ok(reply),
                Err(fault) => fault,
            };
            let delay = retries.delay(
                &fault,
                rand_u32(),
                self.deadline.saturating_duration_since(Instant::now()),
            );
            let Some(delay) = delay else {
                log_final(&fault, retries.count());
                return Err(fault.into());
            };
            self.count(&fault);
            tokio::time::sleep(delay).await;
        }
    }

    async fn call_once(
        &self,
        sql: &'static str,
        parameters: &[Parameter<'_>],
    ) -> Result<Reply, Fault> {
        let deadline = self.deadline.into();
        let connection = match timeout_at(deadline, self.database.pool.get()).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => return Err(self.not_connected(error)),
            Err(_) => return Err(Fault::Deadline),
        };
        // The row is complete only when the server is ready again, and so after the commit: an error of
        // the commit itself arrives here too.
        match timeout_at(deadline, connection.query_typed_one(sql, parameters)).await {
            Ok(Ok(row)) => Reply::from_row(&row).map_err(Fault::from),
            Ok(Err(error)) => {
                let fault = Fault::from(error);
                if fault.loses_connection() {
                    discard(connection);
                }
                Err(fault)
            }
            // The statement may still be running and may commit: whoever asks again finds its outcome.
            Err(_) => {
                discard(connection);
                Err(Fault::Deadline)
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

/// Closes a connection instead of giving it back.
fn discard(connection: Object) {
    drop(Object::take(connection));
}

fn log_final(fault: &Fault, retries: u32) {
    match fault {
        // This function has verified the token before it asked: either the key is not registered yet, or one
        // of the two verifiers is wrong.
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
