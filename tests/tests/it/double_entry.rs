//! Wrong entries written to the books directly: by the owner, with an identity and a commitment, exactly as a gateway
//! function would write them but for one thing.

use anyhow::Result;
use serde_json::json;
use tests::fixture::Fixture;
use tests::sample_data::{AURORA, BOREALIS, PLATFORM, idempotency_key};

use crate::direct::{Direct, attempt, barrier, call, claim, committed, quote};
use crate::support::assert_books;

const NO_OUT_LEG: &str = "23503 journal_out_leg_fkey";

/// The dollar account of that kind, of that allocator.
fn account(kind: &str) -> String {
    format!(
        "allocator_id = '{}' and kind = '{kind}' and currency = 'USD'",
        AURORA.id
    )
}

/// When the entries of this test are made: after all others.
const LATE: &str = "2099-01-01T00:00:00Z";

/// Moves a balance in the account's own row only.
fn balance(kind: &str, amount: i64) -> String {
    format!(
        "update capital.account
        set version = version + 1, balance_minor = balance_minor + {amount}, last_posted_at = '{LATE}' where {}",
        account(kind)
    )
}

/// A posting that follows the account's balance, whether or not that has moved.
fn posting(kind: &str, amount: i64, moved: bool) -> String {
    let (version, before, previous) = if moved {
        (
            "version",
            format!("balance_minor - {amount}"),
            "(select p.posted_at from capital.posting as p
            where p.account_id = account.account_id and p.account_version = account.version - 1)",
        )
    } else {
        ("version + 1", "balance_minor".to_owned(), "last_posted_at")
    };
    let side = if amount < 0 { -1 } else { 1 };
    format!(
        "insert into capital.posting
            (account_id, account_version, journal_id, side, allocator_id, currency, moved_minor, amount_minor,
            balance_before_minor, balance_after_minor, previous_posted_at, posted_at)
        select account_id, {version}, 'd0000000-0000-4000-8000-000000000001', {side}, allocator_id, currency,
            abs({amount}), {amount}, {before}, {before} + {amount}, {previous}, '{LATE}'
        from capital.account where {}", account(kind))
}

fn journal() -> String {
    format!(
        "insert into capital.journal
            (journal_id, allocator_id, kind, currency, amount_minor, commitment_key, posted_at)
        values ('d0000000-0000-4000-8000-000000000001', '{}', 'deposit', 'USD', 5,
            decode(current_setting('optkas.commitment'), 'hex'), '{LATE}')",
        AURORA.id
    )
}

/// The mistake, the statements, and the barrier that stops them.
type Attack = (&'static str, Vec<String>, &'static str);

fn entries() -> Vec<Attack> {
    let leg = |kind, amount| vec![balance(kind, amount), posting(kind, amount, true)];
    vec![
        (
            "a balance without a posting",
            vec![balance("available", 5)],
            "23503 account_last_posting_fkey",
        ),
        (
            "a balance under the old version",
            vec![balance("available", 5).replace("version + 1", "version")],
            "23503 account_last_posting_fkey",
        ),
        ("a journal without postings", vec![journal()], NO_OUT_LEG),
        (
            "a journal with one leg",
            [vec![journal()], leg("available", 5)].concat(),
            NO_OUT_LEG,
        ),
        (
            "a journal that creates money",
            [vec![journal()], leg("available", 5), leg("external", -4)].concat(),
            "23503 posting_journal_fkey",
        ),
        (
            "a journal that brings its amount twice",
            [vec![journal()], leg("available", 5), leg("external", 5)].concat(),
            "23505 posting_journal_side_key",
        ),
        (
            "a leg that takes and says that it brings",
            vec![
                journal(),
                posting("available", 5, false).replace(", 1, allocator_id", ", -1, allocator_id"),
            ],
            "23514 posting_amount_of_side",
        ),
        (
            "postings without balances",
            vec![
                journal(),
                posting("available", 5, false),
                posting("external", -5, false),
            ],
            "OPK04 a balance moves with its posting",
        ),
        (
            "a posting without a journal",
            leg("available", 5),
            "23503 posting_journal_fkey",
        ),
        (
            "a posting that does not add up",
            vec![
                journal(),
                posting("available", 5, false).replace("balance_minor + 5", "balance_minor + 6"),
            ],
            "23514 posting_balance_adds_up",
        ),
        (
            "a posting that starts elsewhere",
            vec![
                journal(),
                posting("available", 5, false)
                    .replace("balance_minor,", "balance_minor - 1,")
                    .replace("balance_minor + 5", "balance_minor + 4"),
            ],
            "23503 posting_previous_fkey",
        ),
        (
            "a posting of nothing",
            vec![journal(), posting("available", 0, false)],
            "23503 posting_journal_fkey",
        ),
        (
            "a balance below zero",
            vec![balance("available", -2_000_000_000)],
            "23514 account_balance_sign",
        ),
        (
            "an outside that owes us",
            vec![balance("external", 2_000_000_000)],
            "23514 account_balance_sign",
        ),
        // Last, since it is committed. It shows that the others fail for their one mistake.
        (
            "as it should be",
            [vec![journal()], leg("available", 5), leg("external", -5)].concat(),
            "nothing",
        ),
    ]
}

fn wrong_times() -> Vec<Attack> {
    vec![
        (
            "a leg at another time than its journal",
            vec![
                journal().replace(LATE, "2098-01-01T00:00:00Z"),
                posting("available", 5, false),
            ],
            "23503 posting_journal_fkey",
        ),
        (
            "a posting before the one before it",
            vec![journal(), posting("available", 5, false)]
                .into_iter()
                .map(|sql| sql.replace(LATE, "2000-01-01T00:00:00Z"))
                .collect(),
            "23514 posting_posted_at_not_before_previous",
        ),
        (
            "a posting that hides the time before it",
            vec![
                journal(),
                posting("available", 5, false)
                    .replace("last_posted_at", "last_posted_at - interval '1 s'"),
            ],
            "23503 posting_previous_fkey",
        ),
    ]
}

/// The id of the allocator that owns the account.
fn wrong_places(stranger: &str) -> Vec<Attack> {
    let to_stranger = |allocator| {
        posting("available", 5, false)
            .replace(
                "select account_id, version + 1",
                &format!("select '{stranger}'::uuid, version + 1"),
            )
            .replace(
                "1, allocator_id, currency,\n            abs(5), 5",
                &format!("1, '{allocator}'::uuid, currency, abs(5), 5"),
            )
    };
    vec![
        (
            "another one's account in our name",
            vec![journal(), to_stranger(AURORA.id)],
            "23503 posting_account_fkey",
        ),
        (
            "another one's account in its name",
            vec![journal(), to_stranger(BOREALIS.id)],
            r#"42501 new row violates row-level security policy for table "posting""#,
        ),
        (
            "an account that is gone",
            vec![format!(
                "delete from capital.account where {}",
                account("available")
            )],
            "OPK04 capital.account is append-only: DELETE refused",
        ),
        (
            "more in a facility than it takes",
            vec!["update capital.facility_slot set utilised_minor = limit_minor + 1".to_owned()],
            "23514 facility_slot_utilised_within_limit",
        ),
        (
            "less than nothing in a facility",
            vec!["update capital.facility_slot set utilised_minor = -1".to_owned()],
            "23514 facility_slot_utilised_within_limit",
        ),
        (
            "a slot of more than its share",
            vec!["update capital.facility_slot set limit_minor = limit_minor + 1".to_owned()],
            r#"428C9 column "limit_minor" can only be updated to DEFAULT"#,
        ),
        (
            "slots of another limit than the facility's",
            vec![
                "update capital.facility_slot set facility_limit_minor = facility_limit_minor * 2"
                    .to_owned(),
            ],
            "23503 facility_slot_facility_fkey",
        ),
        (
            "a slot beyond the last",
            vec!["update capital.facility_slot set slot = 64 where slot = 0".to_owned()],
            "23514 facility_slot_slot_known",
        ),
        (
            "a slot that is gone",
            vec!["delete from capital.facility_slot".to_owned()],
            "OPK04 capital.facility_slot is append-only: DELETE refused",
        ),
    ]
}

#[test]
fn each_wrong_entry_is_stopped_by_the_barrier_against_it() -> Result<()> {
    let fixture = Fixture::new()?;
    let stranger = fixture.admin()?.query_one(
        &format!(
            "select account_id::text from capital.account
            where allocator_id = '{}' and kind = 'available'",
            BOREALIS.id
        ),
        &[],
    )?;
    let stranger: String = stranger.get(0);
    let mut owner = fixture.owner()?;
    for (what, statements, expected) in wrong_places(&stranger)
        .into_iter()
        .chain(wrong_times())
        .chain(entries())
    {
        assert_eq!(
            attempt(
                &mut owner,
                &committed(&fixture, "alice", &statements.join(";"))?
            )?,
            expected,
            "{what}"
        );
    }
    assert_books(&mut fixture.admin()?)
}

/// Triggers stay on in replica mode; foreign keys do not.
#[test]
fn no_posting_goes_beyond_its_account_in_replica_mode_either() -> Result<()> {
    let fixture = Fixture::new()?;
    let replica = |statements: Vec<String>| {
        committed(
            &fixture,
            "alice",
            &format!(
                "set local session_replication_role = replica; {}",
                statements.join(";")
            ),
        )
    };
    let mut admin = fixture.admin_as_login()?;
    for (what, statements, expected) in [
        (
            "no balance",
            vec![
                journal(),
                posting("available", 5, false),
                posting("external", -5, false),
            ],
            "OPK04 a balance moves with its posting",
        ),
        (
            "below zero",
            vec![balance("available", -2_000_000_000)],
            "23514 account_balance_sign",
        ),
    ] {
        assert_eq!(
            attempt(&mut admin, &replica(statements)?)?,
            expected,
            "{what}"
        );
    }
    assert_books(&mut admin)
}

/// The login of the platform's webhook, without the function in front.
#[test]
fn no_amount_goes_the_other_way() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut direct = Direct::new(&fixture);
    for kind in ["capital.deposited", "capital.withdrawn"] {
        for amount in ["-1", "0", "-9223372036854775808", "1000000000000000000"] {
            let data = json!({
                "allocator_id": AURORA.id, "currency": "USD", "amount_minor": amount, "reference": "wire",
            });
            let rest = format!("'{kind}', {}", quote(&data.to_string()));
            let claim = claim(&idempotency_key(), &rest);
            let sql = call(
                "platform-webhook",
                &format!("'{PLATFORM}', {claim}, {rest}"),
            );
            let stopped = barrier(direct.client("platform-webhook")?.simple_query(&sql));
            assert_eq!(stopped, "23514 amount_range", "{kind} {amount}");
        }
    }
    Ok(())
}
