use std::str::FromStr;

use url::Url;

use super::urls::is_loopback_name;

/// Where the database is: `postgresql://host:port/dbname?sslmode=verify-full`.
///
/// No user and no password: the user is the function, the password is a secret. `sslmode=disable` is for a
/// database on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    /// A DNS name or an address.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// The database's name.
    pub dbname: String,
    /// Whether the connection is encrypted and the server's name verified.
    pub tls: TlsMode,
}

/// There is nothing between the two: an unverified certificate does not protect from a server in the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// The certificate must chain to a trusted root and bear the host's name.
    VerifyFull,
    /// No TLS: the bytes never leave this machine.
    LoopbackPlain,
}

impl FromStr for DatabaseUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        const RULE: &str = "must be postgresql://host:port/dbname?sslmode=verify-full \
                            (disable on loopback only), without user";
        parse(text).ok_or(RULE)
    }
}

fn parse(text: &str) -> Option<DatabaseUrl> {
    if text.contains(['@', '#', '%']) || !text.bytes().all(|c| c.is_ascii_graphic()) {
        return None;
    }
    let url = Url::parse(text)
        .ok()
        .filter(|url| url.scheme() == "postgresql")?;
    let host = url
        .host_str()?
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let dbname = url
        .path()
        .strip_prefix('/')
        .filter(|name| is_word(name))?
        .to_owned();
    let tls = match url.query()? {
        "sslmode=verify-full" => TlsMode::VerifyFull,
        "sslmode=disable" if is_loopback_name(&host) => TlsMode::LoopbackPlain,
        _ => return None,
    };
    let named = host
        .bytes()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b':'));
    (named && !host.is_empty()).then_some(DatabaseUrl {
        host,
        port: url.port().filter(|port| *port > 0)?,
        dbname,
        tls,
    })
}

fn is_word(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn database_urls() {
        let url: DatabaseUrl = "postgresql://db.example:5432/optkas?sslmode=verify-full"
            .parse()
            .unwrap();
        assert_eq!(
            url,
            DatabaseUrl {
                host: "db.example".to_owned(),
                port: 5432,
                dbname: "optkas".to_owned(),
                tls: TlsMode::VerifyFull,
            }
        );
        for good in [
            "postgresql://127.0.0.1:5432/optkas?sslmode=disable",
            "postgresql://127.9.9.9:1/a?sslmode=disable",
            "postgresql://[::1]:65535/optkas_test-1?sslmode=disable",
            "postgresql://localhost:5432/optkas?sslmode=disable",
            "postgresql://localhost:5432/optkas?sslmode=verify-full",
            "postgresql://10.0.0.1:5432/optkas?sslmode=verify-full",
        ] {
            assert!(good.parse::<DatabaseUrl>().is_ok(), "{good}");
        }
    }

    #[test]
    fn what_no_database_url_may_be() {
        for bad in [
            "",
            "optkas",
            "postgres://db:5432/optkas?sslmode=verify-full",
            "https://db:5432/optkas?sslmode=verify-full",
            "postgresql://db/optkas?sslmode=verify-full",
            "postgresql://db:0/optkas?sslmode=verify-full",
            "postgresql://db:99999/optkas?sslmode=verify-full",
            "postgresql://:5432/optkas?sslmode=verify-full",
            "postgresql://db:5432/?sslmode=verify-full",
            "postgresql://db:5432?sslmode=verify-full",
            "postgresql://db:5432/a/b?sslmode=verify-full",
            "postgresql://db:5432/optkas",
            "postgresql://db:5432/optkas?sslmode=require",
            "postgresql://db:5432/optkas?sslmode=prefer",
            "postgresql://db:5432/optkas?sslmode=disable",
            "postgresql://localhost.example:5432/optkas?sslmode=disable",
            "postgresql://0.0.0.0:5432/optkas?sslmode=disable",
            "postgresql://db:5432/optkas?sslmode=verify-full&sslmode=disable",
            "postgresql://db:5432/optkas?sslmode=verify-full&options=-c",
            "postgresql://me@db:5432/optkas?sslmode=verify-full",
            "postgresql://me:secret@db:5432/optkas?sslmode=verify-full",
            "postgresql://@db:5432/optkas?sslmode=verify-full",
            "postgresql://db:5432/optkas?sslmode=verify-full#x",
            "postgresql://db%00:5432/optkas?sslmode=verify-full",
            "postgresql://db,other:5432/optkas?sslmode=verify-full",
            " postgresql://db:5432/optkas?sslmode=verify-full",
        ] {
            assert!(bad.parse::<DatabaseUrl>().is_err(), "{bad}");
        }
    }
}
