//! A mistake in one agent's entry of a key ring stops that agent alone.

use anyhow::Result;
use serde_json::{Value, json};
use tests::http::Transport as _;
use tests::sample_data::{Agent, Scheme};

use super::{SCHEMES, fixture_of};
use crate::endpoints::event;
use crate::metrics::metrics;

/// Part of values that no log may repeat.
const MARK: &str = "hush-hush";

/// Entries with a mistake, each with the rule that the log names.
fn mistakes(agent: &Agent) -> Vec<(Value, &'static str)> {
    let of = |scheme: &str, secrets: Value| json!({ "scheme": scheme, "secrets": secrets });
    let long = format!("{MARK}{}", "x".repeat(32));
    let own = |secret: String| of(agent.scheme.name(), json!([secret]));
    vec![
        (of("raw-body", json!([])), "one or two secrets"),
        (
            of("raw-body", json!([long, long, long])),
            "one or two secrets",
        ),
        (of("raw-body", json!([MARK])), "less than 32 bytes"),
        (of("standard-webhooks", json!([long])), "whsec_"),
        (
            of("standard-webhooks", json!([format!("v1,whsec_{long}")])),
            "whsec_",
        ),
        (
            of("standard-webhooks", json!(["whsec_AAAA"])),
            "24 to 64 bytes",
        ),
        (
            of(MARK, json!([long])),
            "neither standard-webhooks nor raw-body",
        ),
        (json!({ "secrets": [long] }), "not an object"),
        (
            json!({ "scheme": "raw-body", "secrets": [long], "disabled": true }),
            "not an object",
        ),
        (json!(MARK), "not an object"),
        (own(format!("{}\n", agent.secret)), "white space"),
        (own(format!(" {}", agent.secret)), "white space"),
    ]
}

#[test]
fn a_mistake_in_one_agents_entry_stops_that_agent_alone() -> Result<()> {
    for scheme in SCHEMES {
        let (fixture, agents) = fixture_of(scheme)?;
        for good in agents {
            let kind = good.kind;
            let function = kind.function();
            let name = fixture.deployment().key_ring_name(kind);
            let bad = Agent {
                id: "broken-agent".to_owned(),
                secret: good.scheme.generate_secret(),
                ..good.clone()
            };
            for (entry, rule) in mistakes(&bad) {
                let what = format!("{kind:?} {scheme:?} {rule}");
                let right = json!({ "scheme": good.scheme.name(), "secrets": [good.secret] });
                let ring = json!({ "agents": { &*good.id: right, &*bad.id: entry } });
                fixture.services().secrets().put(&name, &ring)?;
                fixture.function(&function)?.kill();

                let served = fixture.send(&good.sign(&event(kind).to_string()))?;
                assert!(
                    served.json()["commitment"].is_object(),
                    "{what}: {}",
                    served.text()
                );
                let metric = metrics(&fixture, &function, &served)?;
                assert_eq!(metric["agents_unusable"], 1, "{what}: {metric}");
                let request = bad.sign(&event(kind).to_string());
                let refused = fixture.send(&request)?;
                assert_eq!(refused.status, 500, "{what}: {}", refused.text());
                // Without the headers of any scheme nothing is told of the agent.
                let unsigned = request
                    .without("webhook-signature")
                    .without("x-signature-256");
                assert_eq!(fixture.send(&unsigned)?.status, 401, "{what}");

                let log = fixture.function(&function)?.logs();
                let told = log.lines().any(|line| {
                    line.contains("\"ERROR\"") && line.contains(&bad.id) && line.contains(rule)
                });
                assert!(told, "{what}: the log does not name agent and rule: {log}");
                assert!(!log.contains(MARK) && !log.contains(&good.secret), "{what}");
            }
        }
    }
    Ok(())
}

/// The entry of an agent that served before is broken: its right signature opens no longer, whatever the entry was.
#[test]
fn a_broken_entry_never_opens() -> Result<()> {
    let (fixture, agents) = fixture_of(Scheme::RawBody)?;
    for agent in agents {
        let kind = agent.kind;
        let ring = |secrets: Value| json!({ "agents": { &*agent.id: { "scheme": "raw-body", "secrets": secrets } } });
        for secrets in [
            json!([agent.secret, "short"]),
            json!([agent.secret, agent.secret, agent.secret]),
            json!([agent.secret, null]),
        ] {
            let name = fixture.deployment().key_ring_name(kind);
            fixture.services().secrets().put(&name, &ring(secrets))?;
            fixture.function(&kind.function())?.kill();
            let answer = fixture.send(&agent.sign(&event(kind).to_string()))?;
            assert_eq!(answer.status, 500, "{kind:?}: {}", answer.text());
        }
    }
    Ok(())
}
