//! A webhook accepts only a registered agent's own signature, and only for facilities that name the agent.

mod forgeries;
mod not_executed;
mod refusals;
mod rings;

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tests::fixture::Fixture;
use tests::http::{Request, Response, Transport as _};
use tests::lambda::response;
use tests::sample_data::{Agent, Kind, Scheme};

use crate::endpoints::{KINDS, anonymous, assert_decent, event};
use crate::support::count;
use forgeries::forgeries;

const SCHEMES: [Scheme; 2] = [Scheme::StandardWebhooks, Scheme::RawBody];

#[test]
fn every_route_refuses_every_forgery_in_the_same_words() -> Result<()> {
    let mut answers = BTreeSet::new();
    for scheme in SCHEMES {
        let (fixture, agents) = fixture_of(scheme)?;
        for agent in agents {
            let kind = agent.kind;
            assert_ne!(
                fixture.send(&agent.sign(&event(kind).to_string()))?.status,
                401,
                "{kind:?} {scheme:?}: its own signature"
            );
            let before = ledger_rows(&fixture)?;
            for (what, request) in forgeries(&fixture, &agent)? {
                let answer = fixture.send(&request)?;
                let what = format!("{kind:?} {scheme:?}: {what}");
                assert_eq!(answer.status, 401, "{what}: {}", answer.text());
                assert_eq!(
                    answer.header("www-authenticate"),
                    Some("HMAC-SHA256"),
                    "{what}"
                );
                assert_decent(&what, &answer);
                answers.insert(anonymous(&answer));
            }
            assert_eq!(
                ledger_rows(&fixture)?,
                before,
                "{kind:?} {scheme:?}: a forgery claims no key"
            );
            assert!(
                !fixture
                    .function(&kind.function())?
                    .logs()
                    .contains(&agent.secret),
                "{kind:?}: a secret is logged"
            );
        }
    }
    assert_eq!(answers.len(), 1, "the refusals differ: {answers:#?}");
    Ok(())
}

#[test]
fn the_signed_bytes_are_the_clients_whether_or_not_the_gateway_encodes_them() -> Result<()> {
    for scheme in SCHEMES {
        let (fixture, agents) = fixture_of(scheme)?;
        for agent in agents {
            let kind = agent.kind;
            // Bytes that a serializer would write otherwise: white space, an escape.
            let body = event(kind).to_string().replace("\":", "\" :\t").replacen(
                "\"id\"",
                "\"\\u0069d\"",
                1,
            );
            let request = agent.sign(&body);
            let (function, mut event) = fixture.resolve(&request)?.context("a route")?;
            event["body"] = json!(STANDARD.encode(&body));
            event["isBase64Encoded"] = json!(true);
            let answer = response(&function.call(&event)?)?;
            assert_done(&answer, kind, "in base64");
            // The same delivery as text is the same delivery.
            let again = fixture.send(&request)?;
            assert_repeated(&again, kind, "as text");
        }
    }
    Ok(())
}

#[test]
fn one_good_signature_among_several_is_enough() -> Result<()> {
    let (fixture, agents) = fixture_of(Scheme::StandardWebhooks)?;
    for agent in agents {
        let kind = agent.kind;
        let request = agent.sign(&event(kind).to_string());
        let good = header(&request, "webhook-signature");
        let bad = format!("v1,{}", STANDARD.encode([7; 32]));
        for (number, several) in [
            format!("{bad} {good}"),
            format!("{good} {bad}"),
            format!("v1a,AAAA {good}"),
        ]
        .iter()
        .enumerate()
        {
            let request = request
                .clone()
                .without("webhook-signature")
                .header("webhook-signature", several);
            let answer = fixture.send(&request)?;
            if number == 0 {
                assert_done(&answer, kind, several);
            } else {
                assert_repeated(&answer, kind, several);
            }
        }
    }
    Ok(())
}

#[test]
fn both_secrets_work_during_a_rotation_and_the_retired_one_stops_afterwards() -> Result<()> {
    for scheme in SCHEMES {
        let (fixture, agents) = fixture_of(scheme)?;
        for old in agents {
            let kind = old.kind;
            let new = renewed(&old);
            let sends = |agent: &Agent| -> Result<u16> {
                Ok(fixture.send(&agent.sign(&event(kind).to_string()))?.status)
            };
            for (secrets, old_opens, new_opens) in [
                (vec![&old], true, false),
                (vec![&old, &new], true, true),
                (vec![&new], false, true),
            ] {
                store(&fixture, &secrets)?;
                // A new process uses the new secrets at once; a running one does within a minute.
                fixture.function(&kind.function())?.kill();
                let opens = (sends(&old)? != 401, sends(&new)? != 401);
                assert_eq!(
                    opens,
                    (old_opens, new_opens),
                    "{kind:?} {scheme:?} with {} secrets",
                    secrets.len()
                );
            }
        }
    }
    Ok(())
}

#[test]
fn the_signed_id_must_equal_the_bodys_id() -> Result<()> {
    let (fixture, agents) = fixture_of(Scheme::StandardWebhooks)?;
    for agent in agents {
        let kind = agent.kind;
        let body = event(kind).to_string();
        let now = time::OffsetDateTime::now_utc().unix_timestamp().to_string();
        let before = ledger_rows(&fixture)?;
        let answer = fixture.send(&agent.sign_with(body.as_bytes(), "another", &now))?;
        assert_eq!(answer.status, 422, "{kind:?}: {}", answer.text());
        assert_eq!(answer.json()["errors"][0]["pointer"], "/id", "{kind:?}");
        assert_eq!(ledger_rows(&fixture)?, before, "{kind:?}");
    }
    Ok(())
}

#[test]
fn an_agent_that_the_database_does_not_know_leaves_no_trace() -> Result<()> {
    for scheme in SCHEMES {
        let (fixture, agents) = fixture_of(scheme)?;
        for known in agents {
            let kind = known.kind;
            let ghost = Agent {
                id: "ghost-agent".to_owned(),
                ..known
            };
            store(&fixture, &[&ghost])?;
            let before = ledger_rows(&fixture)?;
            let answer = fixture.send(&ghost.sign(&event(kind).to_string()))?;
            assert_eq!(answer.status, 404, "{kind:?} {scheme:?}: {}", answer.text());
            assert_eq!(
                answer.json()["type"],
                "urn:optkas:problem:not-found",
                "{kind:?}"
            );
            assert_eq!(answer.json().get("commitment"), None, "{kind:?}");
            assert_eq!(ledger_rows(&fixture)?, before, "{kind:?}");
        }
    }
    Ok(())
}

/// A fixture whose agents, one of each kind, sign in that scheme. The database does not know how an agent signs.
fn fixture_of(scheme: Scheme) -> Result<(Fixture, Vec<Agent>)> {
    let mut fixture = Fixture::new()?;
    fixture.own_secrets()?;
    let samples = fixture.deployment().agents.iter();
    let agents: Vec<Agent> = samples
        .map(|agent| {
            renewed(&Agent {
                scheme,
                ..agent.clone()
            })
        })
        .collect();
    for agent in &agents {
        store(&fixture, &[agent])?;
    }
    assert_eq!(agents.len(), KINDS.len(), "a sample agent of each kind");
    Ok((fixture, agents))
}

/// The same agent with a new secret.
fn renewed(agent: &Agent) -> Agent {
    Agent {
        secret: agent.scheme.generate_secret(),
        ..agent.clone()
    }
}

/// Makes one agent, under one or two secrets, the only one of its kind that is known.
fn store(fixture: &Fixture, same: &[&Agent]) -> Result<()> {
    let agent = same.first().context("an agent")?;
    let secrets: Vec<&str> = same.iter().map(|agent| &*agent.secret).collect();
    let entry = json!({ "scheme": agent.scheme.name(), "secrets": secrets });
    let known = json!({ "agents": { &*agent.id: entry } });
    fixture
        .services()
        .secrets()
        .put(&fixture.deployment().key_ring_name(agent.kind), &known)
}

/// The first answer to [`event`]: a deposit is made, a report on an unknown settlement is refused.
fn assert_done(answer: &Response, kind: Kind, what: &str) {
    let expected = if kind == Kind::Platform { 200 } else { 404 };
    assert_eq!(
        answer.status,
        expected,
        "{kind:?} {what}: {}",
        answer.text()
    );
    assert!(
        answer.json()["commitment"].is_object(),
        "{kind:?} {what}: it is recorded"
    );
}

/// The answer to a repetition of [`event`]: a deposit was made, a report on an unknown settlement was refused.
fn assert_repeated(answer: &Response, kind: Kind, what: &str) {
    let expected = if kind == Kind::Platform { 200 } else { 409 };
    let text = answer.text();
    assert_eq!(answer.status, expected, "{kind:?} {what}: {text}");
    let reply = answer.json();
    assert!(
        reply["original"].is_object() && reply["commitment"].is_object(),
        "{kind:?} {what}: {text}"
    );
}

fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    let found = request.headers.iter().find(|(known, _)| known == name);
    found.map_or("", |(_, value)| value)
}

fn ledger_rows(fixture: &Fixture) -> Result<i64> {
    count(
        &mut fixture.admin()?,
        "select count(*) from ledger.commitment_ledger",
    )
}
