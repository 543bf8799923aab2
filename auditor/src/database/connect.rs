//! The connection to the database: by TLS that verifies chain and name, except on this machine.

use std::{env, sync::Arc, time::Duration};

use postgres::{Client, Config, NoTls, config::SslMode};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{
    cli,
    files::{read, read_text},
    report::Undecided,
};

const CONNECT_MAX: Duration = Duration::from_secs(10);
const RULE: &str = "the URL must be postgresql://LOGIN@HOST:PORT/DATABASE?sslmode=verify-full \
                    (disable on loopback only), without password";

pub(super) fn connect(arguments: &cli::Database) -> Result<Client, Undecided> {
    let place = Place::parse(&arguments.url).ok_or_else(|| Undecided::new(RULE))?;
    let mut config = Config::new();
    config
        .host(place.host)
        .port(place.port)
        .user(place.user)
        .dbname(place.database)
        .application_name("optkas-auditor")
        .connect_timeout(CONNECT_MAX)
        .ssl_mode(if place.tls {
            SslMode::Require
        } else {
            SslMode::Disable
        });
    if let Some(password) = password(arguments)? {
        config.password(password);
    }
    let client = if place.tls {
        config.connect(MakeRustlsConnect::new(tls(arguments)?))
    } else {
        config.connect(NoTls)
    };
    client.map_err(super::sql::failed)
}

/// Where the database is.
#[derive(Debug, PartialEq, Eq)]
struct Place<'a> {
    user: &'a str,
    host: &'a str,
    port: u16,
    database: &'a str,
    tls: bool,
}

impl<'a> Place<'a> {
    fn parse(url: &'a str) -> Option<Self> {
        let rest = url.strip_prefix("postgresql://")?;
        let (user, rest) = rest.split_once('@')?;
        let (authority, rest) = rest.split_once('/')?;
        let (database, mode) = rest.split_once("?sslmode=")?;
        let (host, port) = authority.rsplit_once(':')?;
        let host = host
            .strip_prefix('[')
            .map_or(Some(host), |host| host.strip_suffix(']'))?;
        let tls = match mode {
            "verify-full" => true,
            "disable" if is_loopback(host) => false,
            _ => return None,
        };
        let is_word = |text: &str, more: &str| {
            !text.is_empty()
                && text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        let valid = is_word(user, "_-.") && is_word(database, "_-") && is_word(host, ".-:");
        let port = port.parse().ok().filter(|port| *port > 0)?;
        valid.then_some(Self {
            user,
            host,
            port,
            database,
            tls,
        })
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn password(arguments: &cli::Database) -> Result<Option<String>, Undecided> {
    match &arguments.password_file {
        Some(path) => {
            let text = read_text(path)?;
            Ok(text.lines().next().map(str::to_owned))
        }
        None => Ok(env::var("PGPASSWORD").ok()),
    }
}

fn tls(arguments: &cli::Database) -> Result<ClientConfig, Undecided> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = &arguments.ca {
        let bytes = read(path)?;
        for certificate in CertificateDer::pem_slice_iter(&bytes) {
            let certificate =
                certificate.map_err(|error| Undecided(format!("{}: {error}", path.display())))?;
            roots
                .add(certificate)
                .map_err(|error| Undecided(format!("{}: {error}", path.display())))?;
        }
        if roots.is_empty() {
            return Err(Undecided(format!("{}: no certificate", path.display())));
        }
    } else {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring supports the protocol versions rustls calls safe");
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let place = Place {
            user: "ann",
            host: "db.example",
            port: 5432,
            database: "optkas",
            tls: true,
        };
        let url = "postgresql://ann@db.example:5432/optkas?sslmode=verify-full";
        assert_eq!(Place::parse(url), Some(place));
        for good in [
            "postgresql://ann@127.0.0.1:5432/optkas?sslmode=disable",
            "postgresql://ann@[::1]:5432/optkas?sslmode=disable",
            "postgresql://ann@localhost:5432/optkas?sslmode=disable",
        ] {
            assert!(Place::parse(good).is_some_and(|place| !place.tls), "{good}");
        }
        for bad in [
            "",
            "postgres://ann@db:5432/optkas?sslmode=verify-full",
            "postgresql://db:5432/optkas?sslmode=verify-full",
            "postgresql://ann:secret@db:5432/optkas?sslmode=verify-full",
            "postgresql://ann@db/optkas?sslmode=verify-full",
            "postgresql://ann@db:0/optkas?sslmode=verify-full",
            "postgresql://ann@db:5432/optkas",
            "postgresql://ann@db:5432/optkas?sslmode=require",
            "postgresql://ann@db:5432/optkas?sslmode=disable",
            "postgresql://ann@db:5432/optkas?sslmode=verify-full&x=y",
            "postgresql://ann@localhost.example:5432/optkas?sslmode=disable",
            "postgresql://ann@a,b:5432/optkas?sslmode=verify-full",
            "postgresql://ann@eve@db:5432/optkas?sslmode=verify-full",
            "postgresql://ann@db:5432/a/b?sslmode=verify-full",
        ] {
            assert_eq!(Place::parse(bad), None, "{bad}");
        }
    }
}
