use std::time::Duration;

use once_cell::sync::OnceCell;
use shared::config::{Base, Variables, http_url, round_interval, whole_number};
use tlog::policy::Policy;

/// The environment as it was parsed at the start.
pub(crate) static CONFIG: OnceCell<SignerConfig> = OnceCell::new();

/// How long published files cannot be deleted, by default: ten years.
const RETENTION_DAYS: u64 = 3_653;
/// S3 locks an object for a hundred years at most.
const RETENTION_DAYS_MAX: u64 = 36_500;

/// The environment of the function that signs the log.
#[derive(Debug)]
pub(crate) struct SignerConfig {
    /// What every function has.
    pub(crate) base: Base,
    /// `TLOG_ORIGIN`: the log's name, for ever.
    pub(crate) origin: String,
    /// `TLOG_BUCKET`: where the log is published.
    pub(crate) bucket: String,
    /// `TLOG_STATE_TABLE`: where the signer remembers the tree that it decided on last.
    pub(crate) state_table: String,
    /// `TLOG_RETENTION_DAYS`: how long published files cannot be deleted.
    pub(crate) retention: Duration,
    /// `TLOG_ROUND_SECONDS`: from the beginning of a round to that of the next.
    pub(crate) round_interval: Duration,
    /// `WITNESS_POLICY`, a C2SP tlog-policy: the witnesses to ask for cosignatures, and how many must cosign.
    pub(crate) witnesses: Option<Policy>,
    /// The endpoint of a local S3.
    pub(crate) s3_endpoint: Option<String>,
    /// The endpoint of a local `DynamoDB`.
    pub(crate) dynamodb_endpoint: Option<String>,
}

impl SignerConfig {
    /// Reads the environment.
    pub(crate) fn read(variables: &mut Variables) -> Option<Self> {
        let base = Base::read(variables);
        let origin = variables.required("TLOG_ORIGIN", origin);
        let bucket = variables.required("TLOG_BUCKET", bucket);
        let state_table = variables.required("TLOG_STATE_TABLE", table);
        let retention = variables.optional("TLOG_RETENTION_DAYS", retention_days);
        let round_interval = round_interval(variables);
        let witnesses = variables.optional("WITNESS_POLICY", witness_policy);
        let s3_endpoint = variables.optional("AWS_ENDPOINT_URL_S3", http_url);
        let dynamodb_endpoint = variables.optional("AWS_ENDPOINT_URL_DYNAMODB", http_url);
        let days = retention?.unwrap_or(RETENTION_DAYS);
        Some(Self {
            base: base?,
            origin: origin?,
            bucket: bucket?,
            state_table: state_table?,
            retention: Duration::from_secs(days * 24 * 60 * 60),
            round_interval: round_interval?,
            witnesses: witnesses?,
            s3_endpoint: s3_endpoint?,
            dynamodb_endpoint: dynamodb_endpoint?,
        })
    }
}

/// A URL without its scheme (C2SP tlog-checkpoint): a host, and words after it.
fn origin(text: &str) -> Result<String, &'static str> {
    let word = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|c| {
                c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'-' | b'.' | b'_')
            })
    };
    if text.len() <= 200 && text.split('/').all(word) {
        Ok(text.to_owned())
    } else {
        Err("must be the log's name: a host, and words separated by slashes, in lower case")
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>, without dots: they are at odds
/// with TLS.
fn bucket(text: &str) -> Result<String, &'static str> {
    let character = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    let edges = text.starts_with('-') || text.ends_with('-');
    if (3..=63).contains(&text.len()) && text.bytes().all(character) && !edges {
        Ok(text.to_owned())
    } else {
        Err("must be the name of a bucket")
    }
}

fn table(text: &str) -> Result<String, &'static str> {
    let character = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    if (3..=255).contains(&text.len()) && text.bytes().all(character) {
        Ok(text.to_owned())
    } else {
        Err("must be the name of a table")
    }
}

fn retention_days(text: &str) -> Result<u64, &'static str> {
    whole_number(text, 1, RETENTION_DAYS_MAX).ok_or("must be a number from 1 to 36500")
}

fn witness_policy(text: &str) -> Result<Policy, &'static str> {
    Policy::parse(text.as_bytes())
        .ok()
        .filter(|policy| {
            let mut witnesses = policy.witnesses().iter();
            witnesses.all(|witness| witness.url().is_some_and(|url| http_url(url).is_ok()))
        })
        .ok_or("must be a C2SP tlog-policy whose witnesses have https URLs (http on loopback only)")
}

#[cfg(test)]
mod tests {
    use tlog::cosignature::Cosigner;

    use super::*;

    #[test]
    fn every_witness_can_be_asked() {
        let cosigner = Cosigner::from_seed("w.example", &[1; 32]).unwrap();
        let with = |url: &str| {
            let key = cosigner.verifier_key();
            witness_policy(&format!("witness w {key}{url}\nquorum w\n"))
        };
        assert_eq!(with(" https://w.example/log").unwrap().witnesses().len(), 1);
        assert!(with(" http://127.0.0.1:8080").is_ok());
        for bad in [
            "",
            " http://w.example",
            " w.example",
            " https://w.example?a=b",
        ] {
            assert!(with(bad).is_err(), "{bad}");
        }
        assert!(witness_policy("quorum none\n").is_ok());
    }

    fn refused(name: &'static str, value: Option<&'static str>) -> Vec<&'static str> {
        let variables = Variables::new(move |asked: &str| {
            let good = match asked {
                _ if asked == name => return value.map(str::to_owned),
                "DATABASE_URL" => "postgresql://127.0.0.1:5432/optkas?sslmode=disable",
                "SECRETS_PREFIX" => "optkas/local",
                "AWS_REGION" => "eu-central-1",
                "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => "local",
                "TLOG_ORIGIN" => "optkas.example/log",
                "TLOG_BUCKET" | "TLOG_STATE_TABLE" => "optkas-log",
                _ => return None,
            };
            Some(good.to_owned())
        });
        let refused = variables.parse(SignerConfig::read).err();
        refused.map_or_else(Vec::new, |malformed| malformed.names().collect())
    }

    #[test]
    fn each_variable_missing_or_malformed_is_named() {
        assert_eq!(refused("OTHER", None), [""; 0]);
        for (name, value) in [
            ("TLOG_ORIGIN", None),
            ("TLOG_ORIGIN", Some("")),
            ("TLOG_ORIGIN", Some("https://optkas.example/log")),
            ("TLOG_ORIGIN", Some("optkas.example/log/")),
            ("TLOG_ORIGIN", Some("optkas.example/a log")),
            ("TLOG_ORIGIN", Some("optkas.example/log+1")),
            ("TLOG_BUCKET", None),
            ("TLOG_BUCKET", Some("Log")),
            ("TLOG_BUCKET", Some("-log")),
            ("TLOG_BUCKET", Some("a.log")),
            ("TLOG_STATE_TABLE", None),
            ("TLOG_STATE_TABLE", Some("a table")),
            ("TLOG_RETENTION_DAYS", Some("0")),
            ("TLOG_RETENTION_DAYS", Some("36501")),
            ("TLOG_ROUND_SECONDS", Some("")),
            ("TLOG_ROUND_SECONDS", Some("61")),
            ("TLOG_ROUND_SECONDS", Some("+2")),
            ("WITNESS_POLICY", Some("")),
            ("WITNESS_POLICY", Some("quorum all")),
            ("AWS_ENDPOINT_URL_S3", Some("http://storage.example")),
            ("AWS_ENDPOINT_URL_DYNAMODB", Some("http://tables.example")),
        ] {
            assert_eq!(refused(name, value), [name], "{value:?}");
        }
    }
}
