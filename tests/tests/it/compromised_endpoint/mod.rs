//! An attacker runs SQL of his own as the login of an endpoint, each in turn, with useless tokens he may have found.
//! Without a token in force he acts for no person and reads no data. Each attempt names the barrier that stopped it.

mod attempts;
mod fixture;
mod seal;
mod sessions;

use anyhow::Result;
use tests::sample_data::{
    AURORA, BOREALIS, COLLATERAL_AGENT, EUR_FACILITY, PLATFORM, USD_FACILITY, idempotency_key,
};

use crate::direct::{Direct, attempt, barrier, quote};
use crate::endpoints::PEOPLES;
use crate::isolation::call_with;
use attempts::{FORBIDDEN, settings};
use fixture::{AttackFixture, endpoints, fingerprint, seen, shown};

#[test]
fn no_login_executes_a_function_it_was_not_granted() -> Result<()> {
    let fixture = AttackFixture::new()?;
    let before = fingerprint(&fixture.base)?;
    for function in endpoints()? {
        let mut client = fixture.base.login(&function)?;
        for (what, sql, expected) in FORBIDDEN {
            let stopped = attempt(&mut client, sql)?;
            assert!(
                stopped.starts_with(expected),
                "{function}, {what}: {stopped}, not {expected}"
            );
        }
    }
    assert_eq!(fingerprint(&fixture.base)?, before);
    Ok(())
}

#[test]
fn only_a_token_in_force_is_of_use() -> Result<()> {
    let fixture = AttackFixture::new()?;
    let before = fingerprint(&fixture.base)?;
    for function in PEOPLES.iter().copied() {
        let mut client = fixture.base.login(function)?;
        for (what, token) in &fixture.useless {
            let stopped =
                barrier(client.simple_query(&call_with(function, token, &fixture.theirs)?));
            assert_eq!(stopped, "OPK02 token-refused", "{function}, {what}");
            assert_eq!(shown(&mut client)?, [""; 0], "{function}, after {what}");
        }
    }
    assert_eq!(fingerprint(&fixture.base)?, before);
    Ok(())
}

#[test]
fn a_token_opens_only_its_own_allocators_data() -> Result<()> {
    let fixture = AttackFixture::new()?;
    let before = fingerprint(&fixture.base)?;
    let alice = fixture.base.person("alice").person.sub.to_string();
    let (their_facility, their_release) = (&fixture.their_facility, &fixture.their_release);
    let their_filing = &fixture.their_filing;
    let secrets = [AURORA.id.to_string(), alice, their_facility.clone()];
    for function in PEOPLES.iter().copied() {
        let mut direct = Direct::new(&fixture.base);
        let theirs = format!("'{}'", fixture.theirs);
        let key = idempotency_key();
        let facility = EUR_FACILITY.id;
        let reply = match function {
            "verify-settlement" => direct.human(function, "mallory", &key, &theirs),
            "cancel-settlement" => {
                direct.human(function, "mallory", &key, &format!("{theirs}, null"))
            }
            "create-settlement" => {
                let rest = format!("'{facility}', 1000, 'EUR', '2099-01-02', null, null, null");
                direct.human(function, "mallory", &key, &rest)
            }
            "request-release" => {
                let rest =
                    format!("'{their_facility}', 'termination', '{facility}', null, null, 'paid'");
                direct.human(function, "mallory", &key, &rest)
            }
            "approve-release" => {
                let rest = format!(r"'{their_release}', '\x00'");
                direct.human(function, "mallory", &key, &rest)
            }
            "create-risk-run" => {
                let rest = r#"'{"currency": "USD"}', null"#;
                direct.human(function, "mallory", &key, rest)
            }
            "get-facility" => direct.read(function, "mallory", &format!("'{their_facility}'")),
            "find-commitment" => {
                let rest = format!("'create-settlement', '', '{key}'");
                direct.read(function, "mallory", &rest)
            }
            "get-filing" => {
                let rest = format!("'{their_facility}', '{their_filing}'");
                direct.read(function, "mallory", &rest)
            }
            "get-release" => direct.read(function, "mallory", &format!("'{their_release}'")),
            "get-facility-collateral" => {
                let rest = format!("'{their_facility}', 100, null");
                direct.read(function, "mallory", &rest)
            }
            _ => direct.call(
                function,
                &arguments(function, &fixture.own(), &fixture.theirs),
            ),
        }?;
        let expected = match function {
            "create-settlement" => "accepted",
            "create-risk-run" => "refused no-positions",
            "get-checkpoint" => "refused not-published",
            "get-me" | "list-audit" | "list-facilities" | "list-positions" | "list-risk-runs"
            | "list-releases" | "list-settlements" | "list-warnings" => "ok",
            _ => "refused not-found",
        };
        assert_eq!(reply.name(), expected, "{function}");
        let body = reply.body.to_string();
        for secret in &secrets {
            assert!(!body.contains(secret), "{function}: {body}");
        }
    }
    assert_eq!(fingerprint(&fixture.base)?, before);
    Ok(())
}

/// Behind a gateway function that forgot to ask, no setting is believed: not even one's own token in force.
#[test]
fn a_session_setting_gives_no_identity() -> Result<()> {
    let fixture = AttackFixture::new()?;
    let fresh = quote(&fixture.base.person("alice").token());
    let never_presented = ("a good token of hers that was never presented", fresh);
    let tokens: Vec<_> = fixture
        .useless
        .iter()
        .cloned()
        .chain([never_presented])
        .collect();
    for function in PEOPLES.iter().copied() {
        let mut client = fixture.base.login(function)?;
        for (what, token) in &tokens {
            for local in ["true", "false"] {
                let set =
                    format!("select set_config('optkas.token', coalesce({token}, ''), {local})");
                assert_eq!(seen(&mut client, &set)?, [""; 0], "{function}, {what}");
            }
        }
        for (what, sql) in settings() {
            assert_eq!(seen(&mut client, &sql)?, [""; 0], "{function}, {what}");
        }
    }
    // Counter-check: a token in force gives its person's data when it is presented.
    let mut client = fixture.base.login("list-positions")?;
    let own = fixture.base.person("mallory").token();
    let present = call_with("list-positions", &quote(&own), "")?;
    client.simple_query(&present)?;
    let set = format!("select set_config('optkas.token', '{own}', true)");
    assert_eq!(seen(&mut client, &set)?, [""; 0]);
    let seen = seen(&mut client, &present)?;
    assert!(
        seen.contains(&BOREALIS.id.to_string()) && !seen.contains(&AURORA.id.to_string()),
        "{seen:?}"
    );
    Ok(())
}

/// A webhook's login may name its agents, since it alone knows their secrets; it may name no other kind.
#[test]
fn a_webhooks_login_acts_as_no_other_kind_of_agent() -> Result<()> {
    let fixture = AttackFixture::new()?;
    let mut direct = Direct::new(&fixture.base);
    let theirs = format!("'{}'", fixture.theirs);
    let verified = direct.human("verify-settlement", "bob", &idempotency_key(), &theirs)?;
    assert_eq!(verified.name(), "accepted");
    let before = fingerprint(&fixture.base)?;
    let report = |kind: &str| {
        format!(
            r#"'{kind}', '{{"settlement_id":"{}","facility_id":"{}","amount_minor":"1000","currency":"USD"}}'"#,
            fixture.theirs, USD_FACILITY.id
        )
    };
    let grant = format!(
        r#"'member.granted', '{{"allocator_id":"{}","sub":"{}","role":"maker"}}'"#,
        AURORA.id,
        uuid::Uuid::new_v4()
    );
    let search = format!(
        r#"'search.reported', '{{"facility_id":"{}"}}'"#,
        fixture.their_facility
    );
    for (function, agent, rest) in [
        ("escrow-webhook", "settle-one", report("escrow.funded")),
        ("escrow-webhook", PLATFORM, report("escrow.funded")),
        (
            "settlement-webhook",
            "escrow-one",
            report("settlement.completed"),
        ),
        (
            "settlement-webhook",
            PLATFORM,
            report("settlement.completed"),
        ),
        ("platform-webhook", "escrow-one", grant.clone()),
        ("platform-webhook", "settle-one", grant.clone()),
        ("collateral-webhook", "escrow-one", search.clone()),
        ("collateral-webhook", PLATFORM, search.clone()),
        ("escrow-webhook", COLLATERAL_AGENT, report("escrow.funded")),
        ("platform-webhook", COLLATERAL_AGENT, grant.clone()),
    ] {
        for setting in ["optkas.identity", "optkas.facility", "optkas.token"] {
            let set = format!("select set_config('{setting}', '{}', false)", AURORA.id);
            direct.client(function)?.batch_execute(&set)?;
        }
        direct.client(function)?.batch_execute("begin")?;
        let reply = direct.agent(function, agent, &idempotency_key(), &rest)?;
        assert_eq!(reply.name(), "refused not-found", "{function} as {agent}");
        let client = direct.client(function)?;
        let sealed: String = client
            .query_one("select pg_catalog.current_setting('optkas.identity')", &[])?
            .get(0);
        assert_eq!(sealed, "", "{function} as {agent}");
        client.batch_execute("commit")?;
    }
    assert_eq!(fingerprint(&fixture.base)?, before);
    Ok(())
}

/// The arguments of `call_with`, for those who call it themselves.
fn arguments(function: &str, token: &str, id: &str) -> String {
    match function {
        "get-checkpoint" | "get-me" => token.to_owned(),
        "get-commitment" | "get-commitment-proof" => {
            format!(r"{token}, decode('{}', 'hex')", "00".repeat(32))
        }
        "get-risk-chart" | "get-risk-run" | "get-settlement" | "get-verification" => {
            format!("{token}, '{id}'")
        }
        "list-audit" | "list-facilities" => format!("{token}, 100, null"),
        "list-positions" => format!("{token}, null"),
        "list-risk-runs" => format!("{token}, 100, null, null"),
        "list-releases" => format!("{token}, 100, null, null, null, null"),
        "list-warnings" => format!("{token}, 100, null, null, '{{open,closed}}', null, null"),
        _ => format!("{token}, 100{}", ", null".repeat(13)),
    }
}
