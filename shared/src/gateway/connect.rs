use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use deadpool_postgres::{
    ConfigConnectImpl, Connect, Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod,
    Runtime,
};
use futures_util::future::BoxFuture;
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio::task::JoinHandle;
use tokio_postgres::{
    Client, Config, Error, NoTls,
    config::{SslMode, TargetSessionAttrs},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{
    clock::is_fresh,
    config::{Base, DatabaseLogin, DatabaseUrl, TlsMode},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A connection idle for longer is closed, not reused. While a function is frozen it answers no probe of the server or
/// a load balancer, and a socket that these closed still looks open, until the first write is lost.
const IDLE_MAX: Duration = Duration::from_mins(1);

/// A pool that has not connected yet.
pub(super) fn pool(base: &Base, login: &DatabaseLogin) -> Pool {
    // `Fast`: no statement of its own when a connection is given out, for one round trip is the promise.
    let manager_config = ManagerConfig {
        recycling_method: RecyclingMethod::Fast,
    };
    let connect: Box<dyn Connect> = match base.database.tls {
        TlsMode::LoopbackPlain => Box::new(ConfigConnectImpl { tls: NoTls }),
        TlsMode::VerifyFull => Box::new(ConfigConnectImpl { tls: tls(base) }),
    };
    let connector = Connector {
        database: base.database.clone(),
        login: login.clone(),
        connect,
    };
    let manager = Manager::from_connect(settings(&base.database, login), connector, manager_config);
    // The pool's own times do not count while the function is frozen. Then no connection of it is used.
    let used = Arc::new(Mutex::new(SystemTime::UNIX_EPOCH));
    let made = Arc::clone(&used);
    Pool::builder(manager)
        .max_size(base.connections_max)
        .runtime(Runtime::Tokio1)
        .post_create(Hook::sync_fn(move |_, _| {
            *made.lock().unwrap_or_else(PoisonError::into_inner) = SystemTime::now();
            Ok(())
        }))
        .pre_recycle(Hook::sync_fn(move |_, metrics| {
            let now = SystemTime::now();
            let mut used = used.lock().unwrap_or_else(PoisonError::into_inner);
            if metrics.last_used() > IDLE_MAX || !is_fresh(*used, now, IDLE_MAX) {
                return Err(HookError::message("idle for too long"));
            }
            *used = now;
            Ok(())
        }))
        .build()
        .expect("a pool with a runtime has all it needs")
}

/// Connects with a proof made for this one connection: a token made with the pool would have expired.
struct Connector {
    database: DatabaseUrl,
    login: DatabaseLogin,
    connect: Box<dyn Connect>,
}

impl Connect for Connector {
    fn connect(&self, settings: &Config) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), Error>> {
        let mut config = settings.clone();
        config.password(
            self.login
                .expose(&self.database, SystemTime::now())
                .as_str(),
        );
        self.connect.connect(&config)
    }
}

/// Opens a connection of its own, outside every pool: for `migrate`, whose statements no gateway function holds.
///
/// # Errors
///
/// The server cannot be reached, or refuses the login.
pub async fn connect(base: &Base, login: &DatabaseLogin) -> Result<Client, Error> {
    let mut config = settings(&base.database, login);
    config.password(login.expose(&base.database, SystemTime::now()).as_str());
    match base.database.tls {
        TlsMode::LoopbackPlain => {
            let (client, connection) = config.connect(NoTls).await?;
            tokio::spawn(connection);
            Ok(client)
        }
        TlsMode::VerifyFull => {
            let (client, connection) = config.connect(tls(base)).await?;
            tokio::spawn(connection);
            Ok(client)
        }
    }
}

/// The settings of a connection, without the proof of who connects.
fn settings(url: &DatabaseUrl, login: &DatabaseLogin) -> Config {
    let mut config = Config::new();
    config
        .host(&url.host)
        .port(url.port)
        .dbname(&url.dbname)
        .user(&login.username)
        .application_name(&login.username)
        .connect_timeout(CONNECT_TIMEOUT)
        // A standby is another server's past: books added up there, or a log sequenced there, are not the books. A new
        // connection costs one round trip more, and no function is served by a server that cannot write.
        .target_session_attrs(TargetSessionAttrs::ReadWrite)
        .ssl_mode(match url.tls {
            TlsMode::VerifyFull => SslMode::Require,
            TlsMode::LoopbackPlain => SslMode::Disable,
        });
    config
}

/// TLS that verifies the certificate's chain and the host's name. There is no setting for less.
fn tls(base: &Base) -> MakeRustlsConnect {
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

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
    };

    use super::*;
    use crate::config::{Base, Variables};

    /// Takes the start-up message, asks for a password in clear text, and refuses it; answers the two.
    async fn overhear(mut stream: TcpStream) -> [String; 2] {
        let mut message = async |head: usize| {
            let mut length = [0; 5];
            stream.read_exact(&mut length[5 - head..]).await.unwrap();
            let length = u32::from_be_bytes(length[1..].try_into().unwrap());
            let mut body = vec![0; usize::try_from(length).unwrap() - 4];
            stream.read_exact(&mut body).await.unwrap();
            if head == 4 {
                stream.write_all(b"R\0\0\0\x08\0\0\0\x03").await.unwrap();
            }
            String::from_utf8(body).unwrap()
        };
        [message(4).await, message(5).await]
    }

    #[tokio::test]
    async fn each_connection_brings_a_token_of_its_own() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let variables = Variables::new(|name: &str| {
            let value = match name {
                "DATABASE_URL" => "postgresql://db.example:5432/optkas?sslmode=verify-full",
                "DATABASE_AUTH" => "iam",
                "SECRETS_PREFIX" => "optkas/test",
                "AWS_REGION" => "eu-central-1",
                "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => "local",
                _ => return None,
            };
            Some(value.to_owned())
        });
        let base: &'static Base = Box::leak(Box::new(variables.parse(Base::read).unwrap()));
        let login = DatabaseLogin::signed("list-audit", &base.aws);
        // The server of this test has no certificate: what is tried here is what comes after TLS.
        let port = listener.local_addr().unwrap().port();
        let url = format!("postgresql://127.0.0.1:{port}/optkas?sslmode=disable");
        let to_listener = settings(&url.parse().unwrap(), &login);
        let connector = Connector {
            database: base.database.clone(),
            login,
            connect: Box::new(ConfigConnectImpl { tls: NoTls }),
        };
        let mut tokens = Vec::new();
        for _ in 0..2 {
            let (heard, connected) = tokio::join!(
                async { overhear(listener.accept().await.unwrap().0).await },
                connector.connect(&to_listener),
            );
            assert!(connected.is_err(), "the server let nobody in");
            let [start, token] = heard;
            assert!(start.contains("user\0list_audit\0"), "{start:?}");
            assert!(
                token.starts_with("db.example:5432/?Action=connect&DBUser=list_audit&X-Amz-"),
                "{token}"
            );
            tokens.push(token);
            tokio::time::sleep(Duration::from_millis(1_100)).await;
        }
        assert_ne!(tokens[0], tokens[1]);
    }
}
