//! Every error that the database can raise, at every place of a mutation: transient errors are retried, lasting ones
//! are given up before the deadline with nothing left behind.

use anyhow::Result;
use postgres::Client;
use tests::fixture::Fixture;
use tests::http::Transport as _;

use crate::locks::send_hurried;
use crate::metrics::retries;
use crate::mutations::creation;
use crate::support::{assert_books, count};

const CREATE: &str = "create-settlement";

/// Makes the first tries of the next creation fail at a place of the test's choice. The sequence keeps
/// counting when a transaction is rolled back.
const SABOTAGE: &str = "
    create schema sabotage;
    create table sabotage.plan (place text, code text, times int8);
    insert into sabotage.plan values ('', '', 0);
    create sequence sabotage.tries;
    create function sabotage.fail() returns trigger language plpgsql security definer as $$
    declare
        plan sabotage.plan;
    begin
        select * into plan from sabotage.plan;
        if plan.place = tg_argv[0] and nextval('sabotage.tries') <= plan.times then
            raise exception using errcode = plan.code, message = 'sabotage';
        end if;
        return new;
    end $$;
    create trigger sabotage before insert on ledger.commitment_ledger
        for each row execute function sabotage.fail('claim');
    create trigger sabotage before insert on capital.settlement
        for each row execute function sabotage.fail('effect');
    create constraint trigger sabotage after insert on ledger.commitment_outcome
        deferrable initially deferred for each row execute function sabotage.fail('commit');
";

fn plan(admin: &mut Client, place: &str, code: &str, times: i64) -> Result<()> {
    admin.execute(
        "update sabotage.plan set place = $1, code = $2, times = $3",
        &[&place, &code, &times],
    )?;
    admin.batch_execute("select setval('sabotage.tries', 1, false)")?;
    Ok(())
}

#[test]
fn a_transient_error_at_any_statement_is_retried_and_counted() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    admin.batch_execute(SABOTAGE)?;
    for (place, code, times, expected) in [
        ("claim", "40001", 3, (3, 0)),
        // Inside the block that catches refusals: a conflict is not caught as a refusal.
        ("effect", "40001", 3, (3, 0)),
        ("commit", "40001", 3, (3, 0)),
        ("claim", "40P01", 2, (2, 0)),
        ("effect", "40P01", 2, (2, 0)),
        ("claim", "55P03", 2, (0, 2)),
        ("effect", "57014", 1, (0, 1)),
        ("claim", "53300", 1, (0, 1)),
        ("effect", "57P01", 1, (0, 1)),
        ("commit", "08006", 1, (0, 1)),
        // A race that the function's checks do not see at first; the next try sees it.
        ("effect", "23505", 1, (1, 0)),
    ] {
        plan(&mut admin, place, code, times)?;
        let answer = fixture.send(&creation(&fixture))?;
        assert_eq!(
            answer.status,
            201,
            "{code} at the {place}: {}",
            answer.text()
        );
        assert_eq!(
            retries(&fixture, CREATE, &answer)?,
            expected,
            "{code} at the {place}"
        );
    }
    assert_books(&mut admin)
}

#[test]
fn a_lasting_error_is_given_up_before_the_deadline_and_leaves_nothing() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    admin.batch_execute(SABOTAGE)?;
    let traces = "select (select count(*) from ledger.commitment_ledger) + (select count(*) from capital.settlement)
        + (select count(*) from audit.trail)";
    for (place, code, status) in [
        ("claim", "40001", 503),
        ("effect", "40001", 503),
        ("commit", "40P01", 503),
        ("effect", "55P03", 503),
        ("commit", "57014", 503),
        ("claim", "53300", 503),
        // A mistake, not a conflict: it is not retried, and the reply does not mention it.
        ("effect", "XX000", 500),
        ("commit", "OPK04", 500),
    ] {
        let before = count(&mut admin, traces)?;
        let request = creation(&fixture);
        plan(&mut admin, place, code, i64::MAX)?;
        let answer = send_hurried(&fixture, &request)?;
        assert_eq!(
            answer.status,
            status,
            "{code} at the {place}: {}",
            answer.text()
        );
        assert_eq!(
            answer.header("retry-after").is_some(),
            status == 503,
            "{code}"
        );
        assert!(
            !answer.text().contains("sabotage") && !answer.text().contains(code),
            "{}",
            answer.text()
        );
        assert_eq!(count(&mut admin, traces)?, before, "{code} at the {place}");
        let (conflicts, losses) = retries(&fixture, CREATE, &answer)?;
        match code {
            "40001" | "40P01" => assert!(
                conflicts > 3 && losses == 0,
                "{code}: {conflicts}, {losses}"
            ),
            "55P03" | "57014" | "53300" => assert!(
                conflicts == 0 && losses > 0,
                "{code}: {conflicts}, {losses}"
            ),
            _ => assert_eq!((conflicts, losses), (0, 0), "{code}"),
        }
        // The key is still free.
        plan(&mut admin, "", "", 0)?;
        let again = fixture.send(&request)?;
        assert_eq!(again.status, 201, "{code} at the {place}: {}", again.text());
    }
    assert_books(&mut admin)
}
