//! Deliveries that are not the agent's own, or not now.

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use serde_json::Value;
use tests::fixture::Fixture;
use tests::http::Request;
use tests::sample_data::{Agent, Scheme};
use tests::secrets::hex;
use time::OffsetDateTime;

use super::{header, renewed};
use crate::endpoints::{KINDS, event};

/// Each forgery beside its one mistake. The rest is correct: the body would be executed.
pub(super) fn forgeries(fixture: &Fixture, agent: &Agent) -> Result<Vec<(String, Request)>> {
    let body = event(agent.kind).to_string();
    let good = agent.sign(&body);
    let mut all = strangers(fixture, agent, &body)?;
    let altered = format!("{body} ");
    all.push(("an altered body".to_owned(), good.clone().body(altered)));
    all.push(("no body".to_owned(), good.clone().body("")));
    all.push(("both schemes' headers".to_owned(), with_both(agent, &body)));
    for (name, value) in &good.headers {
        if name == "content-type" {
            continue;
        }
        all.push((format!("no {name}"), good.clone().without(name)));
        all.push((format!("{name} twice"), good.clone().header(name, value)));
        all.push((
            format!("{name} empty"),
            good.clone().without(name).header(name, ""),
        ));
        all.push((
            format!("{name} with a space before"),
            good.clone()
                .without(name)
                .header(name, &format!(" {value}")),
        ));
    }
    match agent.scheme {
        Scheme::StandardWebhooks => {
            all.extend(bad_times(agent, &body));
            all.extend(bad_signatures(&good)?);
            all.push((
                "another id".to_owned(),
                good.clone()
                    .without("webhook-id")
                    .header("webhook-id", "another"),
            ));
        }
        Scheme::RawBody => all.extend(bad_digests(&good)?),
    }
    Ok(all)
}

/// Correctly signed, but by another agent or for another route.
fn strangers(fixture: &Fixture, agent: &Agent, body: &str) -> Result<Vec<(String, Request)>> {
    let other_scheme = match agent.scheme {
        Scheme::StandardWebhooks => Scheme::RawBody,
        Scheme::RawBody => Scheme::StandardWebhooks,
    };
    let other_scheme = Agent {
        scheme: other_scheme,
        ..agent.clone()
    };
    let of_path = |id: &str| {
        Agent {
            id: id.to_owned(),
            ..agent.clone()
        }
        .sign(body)
    };
    let mut all = vec![
        ("a wrong secret".to_owned(), renewed(agent).sign(body)),
        (
            "the other scheme with the right secret".to_owned(),
            other_scheme.sign(body),
        ),
        ("an unknown agent".to_owned(), of_path("nobody-here")),
        (
            "an agent id in upper case".to_owned(),
            of_path(&agent.id.to_uppercase()),
        ),
        ("a malformed agent id".to_owned(), of_path("%00")),
    ];
    for kind in KINDS.into_iter().filter(|kind| *kind != agent.kind) {
        let name = fixture.deployment().key_ring_name(kind);
        let elsewhere = Agent {
            kind,
            ..agent.clone()
        };
        all.push((format!("on the route of {kind:?}"), elsewhere.sign(body)));
        let other = fixture
            .deployment()
            .agents
            .iter()
            .find(|other| other.kind == kind)
            .with_context(|| name)?;
        let impostor = Agent {
            id: agent.id.clone(),
            kind: agent.kind,
            ..other.clone()
        };
        all.push((
            format!("signed by the agent of {kind:?}"),
            impostor.sign(body),
        ));
    }
    Ok(all)
}

/// Two signatures, both right: which one counts would be ours to guess.
fn with_both(agent: &Agent, body: &str) -> Request {
    let good = agent.sign(body);
    let (standard, raw) = (Scheme::StandardWebhooks, Scheme::RawBody);
    let other = if agent.scheme == standard {
        raw
    } else {
        standard
    };
    let other = Agent {
        scheme: other,
        ..agent.clone()
    }
    .sign(body);
    let added = other
        .headers
        .iter()
        .filter(|(name, _)| name != "content-type");
    added.fold(good, |request, (name, value)| request.header(name, value))
}

/// Correctly signed over a time that is not now, or that is another spelling of now.
fn bad_times(agent: &Agent, body: &str) -> Vec<(String, Request)> {
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let id = serde_json::from_str::<Value>(body)
        .map(|event| event["id"].clone())
        .unwrap_or_default();
    let times = [
        (now - 310).to_string(),
        (now + 310).to_string(),
        "0".to_owned(),
        "999999999999".to_owned(),
        format!("+{now}"),
        format!("-{now}"),
        format!(" {now}"),
        format!("{now} "),
        format!("0x{now:x}"),
        format!("{now}.0"),
        format!("000{now}"),
        "1e9".to_owned(),
        "now".to_owned(),
        String::new(),
        "99999999999999999999".to_owned(),
        "１７".to_owned(),
    ];
    let request =
        |time: &String| agent.sign_with(body.as_bytes(), id.as_str().unwrap_or_default(), time);
    times
        .iter()
        .map(|time| (format!("the time {time:?}"), request(time)))
        .collect()
}

/// The right 32 bytes in a wrong spelling, and spellings of nothing.
fn bad_signatures(good: &Request) -> Result<Vec<(String, Request)>> {
    let signature = header(good, "webhook-signature");
    let encoded = signature.strip_prefix("v1,").context("a v1 signature")?;
    let bytes = STANDARD.decode(encoded)?;
    // 32 bytes leave two bits of the 43rd character unused.
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let last = alphabet
        .iter()
        .position(|letter| *letter == encoded.as_bytes()[42])
        .context("base64")?;
    let stray = format!("v1,{}{}=", &encoded[..42], char::from(alphabet[last + 1]));
    let signatures = [
        format!("v1,{}", STANDARD_NO_PAD.encode(&bytes)),
        stray,
        // With this prefix the two alphabets differ for any bytes.
        format!(
            "v1,{}",
            URL_SAFE.encode([&[0xfb, 0xff], &bytes[2..]].concat())
        ),
        format!("v1,{}", hex(&bytes)),
        format!("v1,{}", STANDARD.encode(&bytes[..31])),
        format!("v1,{}", STANDARD.encode([&bytes[..], &[0]].concat())),
        format!("v1,{encoded}\t"),
        format!("v1, {encoded}"),
        format!("v1{encoded}"),
        format!("V1,{encoded}"),
        format!("v2,{encoded}"),
        format!("v1a,{encoded}"),
        format!("sha256={}", hex(&bytes)),
        encoded.to_owned(),
        "v1,".to_owned(),
        [signature; 9].join(" "),
        format!("{signature},{signature}"),
        format!("{signature} "),
        format!("{signature}  {signature}"),
    ];
    let request = |value: &String| {
        good.clone()
            .without("webhook-signature")
            .header("webhook-signature", value)
    };
    Ok(signatures
        .iter()
        .map(|value| (format!("the signature {value:?}"), request(value)))
        .collect())
}

/// The same for hex.
fn bad_digests(good: &Request) -> Result<Vec<(String, Request)>> {
    let value = header(good, "x-signature-256");
    let digest = value.strip_prefix("sha256=").context("a digest")?;
    let digests = [
        format!("sha256={}", digest.to_uppercase()),
        format!("SHA256={digest}"),
        format!("sha1={digest}"),
        format!("sha256={}", &digest[..62]),
        format!("sha256={digest}00"),
        format!("sha256= {digest}"),
        format!("sha256={digest} "),
        format!("{value},{value}"),
        format!("{value} {value}"),
        digest.to_owned(),
        "sha256=".to_owned(),
        format!("sha256={}", "0".repeat(64)),
        format!("v1,{digest}"),
    ];
    let request = |value: &String| {
        good.clone()
            .without("x-signature-256")
            .header("x-signature-256", value)
    };
    // A digest without a letter has one spelling; then that one is no forgery.
    let spelled = digests.iter().filter(|other| *other != value);
    Ok(spelled
        .map(|value| (format!("the digest {value:?}"), request(value)))
        .collect())
}
