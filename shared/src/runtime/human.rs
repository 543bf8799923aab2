use std::{process::ExitCode, sync::Arc};

use once_cell::sync::OnceCell;
use time::OffsetDateTime;
use tracing::{info, warn};

use super::{
    Endpoint,
    invocation::Invocation,
    prepare::{ConnectionCache, Prepare},
    serve::{Function, http},
};
use crate::{
    auth::{Authenticator, Human, Unauthenticated, jwt::Policy},
    commitment,
    config::{People, SecretError, load},
    gateway::{Claim, Database, Gateway},
    http::{Problem, Request, Success},
    telemetry::Meter,
};

/// A request of a person whose token was verified.
#[derive(Debug)]
pub struct HumanCall {
    /// Who asks.
    pub human: Human,
    /// What is asked.
    pub request: Request,
    /// The database, for this invocation.
    pub gateway: Gateway,
    /// When it was asked.
    pub now: OffsetDateTime,
    /// For metrics of the function's own.
    pub meter: Arc<Meter>,
    function: &'static str,
}

impl HumanCall {
    /// The claim to the key that the request's `Idempotency-Key` gives on `resource`: the canonical id in
    /// the path, or an empty text.
    ///
    /// # Errors
    ///
    /// 400 when the header is missing or malformed; 422 for query parameters, which no mutation has.
    pub fn claim(&self, resource: &str) -> Result<Claim, Problem> {
        let mut values = self.request.headers.get_all("idempotency-key").iter();
        let value = values.next().ok_or(Problem::IdempotencyKeyMissing)?;
        let client_key = Some(value)
            .filter(|_| values.next().is_none())
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .ok_or(Problem::IdempotencyKeyMalformed)?;
        self.request.refuse_query()?;
        let request = commitment::Request {
            actor: &self.human.actor(),
            operation: self.function,
            resource,
        };
        Ok(Claim {
            client_key,
            fingerprint: request.fingerprint(&self.request.body),
            occurred_at: None,
        })
    }
}

/// Serves an endpoint that people call.
pub fn human<H, F>(endpoint: Endpoint, handler: H) -> ExitCode
where
    H: Fn(HumanCall) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Success, Problem>> + Send,
{
    static CONFIG: OnceCell<People> = OnceCell::new();
    let function = Function::start(
        || load(&CONFIG, People::read),
        |config: &'static People| PeopleResources::new(endpoint.function, config),
    );
    http(
        endpoint,
        function,
        move |(gateway, authenticator), request, invocation: Invocation| async move {
            let human = authenticator
                .authenticate(&request.headers, invocation.now)
                .await
                .map_err(|error| refuse(&error))?;
            handler(HumanCall {
                human,
                request,
                gateway,
                now: invocation.now,
                meter: invocation.meter,
                function: endpoint.function,
            })
            .await
        },
    )
}

struct PeopleResources {
    connections: ConnectionCache,
    authenticator: Arc<Authenticator>,
}

impl PeopleResources {
    fn new(function: &'static str, config: &'static People) -> Self {
        let (identity, key_set) = (&config.identity, &config.key_set);
        let policy = Policy::new(identity.issuer.clone(), identity.audience.clone())
            .with_client_ids(identity.client_ids.clone());
        let authenticator = Authenticator::new(policy, key_set.url.clone(), key_set.max_age);
        Self {
            connections: ConnectionCache::new(function, &config.base),
            authenticator: Arc::new(authenticator),
        }
    }
}

impl Prepare for PeopleResources {
    type Ready = Arc<Authenticator>;

    async fn prepare(&self) -> Result<(Arc<Database>, Arc<Authenticator>), SecretError> {
        Ok((
            self.connections.database().await?,
            Arc::clone(&self.authenticator),
        ))
    }
}

fn refuse(error: &Unauthenticated) -> Problem {
    match error {
        Unauthenticated::Refused(cause) => info!(auth.refused = %cause, "The token is refused."),
        Unauthenticated::KeysUnavailable(cause) => {
            warn!(auth.keys_unavailable = %cause, "No token can be judged without the key set.");
        }
    }
    error.into()
}
