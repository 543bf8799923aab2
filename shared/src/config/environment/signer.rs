use std::time::Duration;

use tlog::policy::Policy;

use super::{Base, rounds::beat};
use crate::config::{Malformed, Variables, urls::http_url};

/// How long what is published may not be deleted, by default: ten years.
const RETENTION_DAYS: u32 = 3_653;
/// S3 locks an object for a hundred years at most.
const RETENTION_DAYS_MAX: u32 = 36_500;

/// The environment of the function that signs the log.
#[derive(Debug)]
pub struct Signer {
    /// What every function has.
    pub base: Base,
    /// `TLOG_ORIGIN`: the log's name, for ever.
    pub origin: String,
    /// `TLOG_BUCKET`: where it is published.
    pub bucket: String,
    /// `TLOG_STATE_TABLE`: where the signer remembers how far it has come.
    pub state_table: String,
    /// `TLOG_RETENTION_DAYS`: how long nobody can delete what is published.
    pub retention: Duration,
    /// `TLOG_ROUND_SECONDS`: from the beginning of a round to that of the next; zero for one round an invocation.
    pub beat: Duration,
    /// `WITNESS_POLICY`, a C2SP tlog-policy: whom to ask for cosignatures, and how many must cosign.
    pub witnesses: Option<Policy>,
    /// Of a local S3.
    pub s3_endpoint: Option<String>,
    /// Of a local `DynamoDB`.
    pub dynamodb_endpoint: Option<String>,
}

impl Signer {
    /// # Errors
    ///
    /// Every variable that is missing or malformed.
    pub fn parse<F: Fn(&str) -> Option<String>>(
        mut variables: Variables<F>,
    ) -> Result<Self, Malformed> {
        let signer = Self::read(&mut variables);
        variables.finish(signer)
    }

    fn read<F: Fn(&str) -> Option<String>>(variables: &mut Variables<F>) -> Option<Self> {
        let base = Base::read(variables);
        let origin = variables.required("TLOG_ORIGIN", origin);
        let bucket = variables.required("TLOG_BUCKET", bucket);
        let state_table = variables.required("TLOG_STATE_TABLE", table);
        let retention = variables.optional("TLOG_RETENTION_DAYS", retention_days);
        let beat = beat(variables);
        let witnesses = variables.optional("WITNESS_POLICY", witness_policy);
        let s3_endpoint = variables.optional("AWS_ENDPOINT_URL_S3", http_url);
        let dynamodb_endpoint = variables.optional("AWS_ENDPOINT_URL_DYNAMODB", http_url);
        let days = u64::from(retention?.unwrap_or(RETENTION_DAYS));
        Some(Self {
            base: base?,
            origin: origin?,
            bucket: bucket?,
            state_table: state_table?,
            retention: Duration::from_secs(days * 24 * 60 * 60),
            beat: beat?,
            witnesses: witnesses?,
            s3_endpoint: s3_endpoint?,
            dynamodb_endpoint: dynamodb_endpoint?,
        })
    }
}

/// A URL without its scheme (C2SP tlog-checkpoint): a host, and words after it.
pub(super) fn origin(text: &str) -> Result<String, &'static str> {
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

fn retention_days(text: &str) -> Result<u32, &'static str> {
    Some(text)
        .filter(|text| text.bytes().all(|c| c.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .filter(|days| (1..=RETENTION_DAYS_MAX).contains(days))
        .ok_or("must be a number from 1 to 36500")
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
}
