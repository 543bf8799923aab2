//! No token gets into PostgreSQL's log, at any log level and with any failure.

use anyhow::Result;
use tests::fixture::Fixture;
use tests::issuer::{Algorithm, Key};
use tests::sample_data::PersonClient;

const REQUEST: &str = "/v1/positions";

#[test]
fn no_token_is_in_postgresqls_log() -> Result<()> {
    let fixture = Fixture::new()?;
    let database = fixture.database().name().to_owned();
    // Every statement, its duration, and what an error was about.
    fixture.admin()?.batch_execute(&format!(
        "alter database {database} set log_statement = 'all';
         alter database {database} set log_min_duration_statement = 0;
         alter database {database} set log_error_verbosity = 'verbose'"
    ))?;
    let good = fixture.person("alice");
    let accepted = get(&fixture, &good, 200)?;
    // Published, and not registered: the function accepts it and the database raises.
    fixture.issuer().announce(Key::generate(Algorithm::Es256)?);
    fixture.issuer().promote();
    let refused = get(&fixture, &fixture.person("alice"), 401)?;
    // A call that fails inside the gateway function.
    fixture.sync_keys()?;
    fixture.owner()?.batch_execute(
        "create or replace function ledger.rfc3339(_at timestamptz) returns text
         language plpgsql stable as $$ begin return 1 / 0; end $$",
    )?;
    let broken = get(&fixture, &fixture.person("alice"), 500)?;

    let log = fixture.services().cluster().log()?;
    let calls = log
        .matches("from gateway.list_positions($1, $2, $3, $4)")
        .count();
    assert!(calls >= 2, "nothing was logged, so this proves nothing");
    assert!(
        log.contains("OPK02: token-refused"),
        "the refusal was not logged"
    );
    assert!(
        log.contains("22012: division by zero"),
        "the failure was not logged"
    );
    for token in [accepted, refused, broken] {
        // The header is skipped: every token of a key has it, and other tests send tokens as literals.
        for part in token.split('.').skip(1) {
            assert!(!log.contains(part), "a part of a token is in the log");
        }
    }

    // Counter-check: without the settings that keep tokens out, this test finds one.
    fixture.admin()?.batch_execute(&format!(
        "alter database {database} set log_parameter_max_length = -1"
    ))?;
    fixture.function("list-positions")?.kill();
    let logged = get(&fixture, &fixture.person("alice"), 500)?;
    assert!(
        fixture.services().cluster().log()?.contains(&logged),
        "the log does not show parameters at all"
    );
    Ok(())
}

/// Sends a request with a fresh token; returns the token.
fn get(fixture: &Fixture, person: &PersonClient<'_>, status: u16) -> Result<String> {
    use tests::http::Transport as _;
    let token = person.token();
    let request = person
        .request("GET", REQUEST)
        .without("authorization")
        .header("authorization", &format!("Bearer {token}"));
    let answer = fixture.send(&request)?;
    assert_eq!(answer.status, status, "{}", answer.text());
    Ok(token)
}
