use std::{sync::Arc, time::Duration};

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio_postgres::{Config, NoTls, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::config::{Base, DatabaseLogin, DatabaseUrl, TlsMode};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// While a function is frozen nobody answers the server's or a load balancer's probes, and a socket that
/// was closed meanwhile looks open until the first write is lost. Older ones are not tried.
const IDLE_MAX: Duration = Duration::from_mins(1);

/// A pool that has not connected yet.
pub(super) fn pool(base: &Base, login: &DatabaseLogin) -> Pool {
    let config = config(&base.database, login);
    // `Fast`: no statement of its own when a connection is given out, for one round trip is the promise.
    let manager_config = ManagerConfig {
        recycling_method: RecyclingMethod::Fast,
    };
    let manager = match base.database.tls {
        TlsMode::LoopbackPlain => Manager::from_config(config, NoTls, manager_config),
        TlsMode::VerifyFull => Manager::from_config(config, tls(base), manager_config),
    };
    Pool::builder(manager)
        .max_size(base.connections_max)
        .runtime(Runtime::Tokio1)
        .pre_recycle(Hook::sync_fn(|_, metrics| {
            if metrics.last_used() > IDLE_MAX {
                Err(HookError::message("idle for too long"))
            } else {
                Ok(())
            }
        }))
        .build()
        .expect("a pool with a runtime has all it needs")
}

/// The settings of one connection, for `migrate` too.
pub(super) fn config(url: &DatabaseUrl, login: &DatabaseLogin) -> Config {
    let mut config = Config::new();
    config
        .host(&url.host)
        .port(url.port)
        .dbname(&url.dbname)
        .user(&login.username)
        .password(login.password.expose())
        .application_name(&login.username)
        .connect_timeout(CONNECT_TIMEOUT)
        .ssl_mode(match url.tls {
            TlsMode::VerifyFull => SslMode::Require,
            TlsMode::LoopbackPlain => SslMode::Disable,
        });
    config
}

/// TLS that verifies the chain and the host's name; there is no other.
pub(super) fn tls(base: &Base) -> MakeRustlsConnect {
    let mut roots = RootCertStore::empty();
    match &base.database_ca {
        Some(certificates) => drop(roots.add_parsable_certificates(certificates.iter().cloned())),
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring supports the protocol versions rustls calls safe")
        .with_root_certificates(roots)
        .with_no_client_auth();
    MakeRustlsConnect::new(config)
}
