//! SQL sent to the database directly, as a thief of a database password would.

use anyhow::Result;
use tests::stack::Stack;

use super::story::Story;

pub(super) fn play(stack: &Stack, story: &mut Story, pending: &str) -> Result<()> {
    story.act("PENDING to SETTLED by SQL");
    let jump = format!(
        "update capital.settlement set status = 'SETTLED' where settlement_id = '{pending}'"
    );
    let mut login = stack.login("create-settlement")?.connect()?;
    attempt(
        story,
        "as the login of create-settlement",
        &login.execute(&*jump, &[]),
    );

    let mut admin = stack.admin().connect()?;
    admin.batch_execute("set session authorization optkas_owner")?;
    attempt(
        story,
        "as the owner of the table",
        &admin.execute(&*jump, &[]),
    );

    // In a transaction that is rolled back: the demo itself must not weaken what it shows.
    let mut weakened = admin.transaction()?;
    weakened.batch_execute(
        "alter table capital.settlement disable row level security;
         alter table capital.settlement no force row level security;
         alter table capital.settlement disable trigger user",
    )?;
    let forced = format!(
        "update capital.settlement set previous_status = 'PENDING', status = 'SETTLED', version = 2
         where settlement_id = '{pending}'"
    );
    let tried = weakened.execute(&*forced, &[]);
    attempt(
        story,
        "as the owner, row security and triggers switched off",
        &tried,
    );
    weakened.rollback()?;

    story.act("The audit log, rewritten");
    let rewrite = "update audit.trail set actor_id = 'nobody'";
    attempt(
        story,
        "as the login of create-settlement",
        &login.execute(rewrite, &[]),
    );
    attempt(
        story,
        "as the owner of the table",
        &admin.execute(rewrite, &[]),
    );
    admin.batch_execute("reset session authorization")?;
    attempt(story, "as the superuser", &admin.execute(rewrite, &[]));
    Ok(())
}

/// The books of all allocators together.
pub(super) fn books(stack: &Stack, story: &mut Story) -> Result<()> {
    story.act("The books");
    let mut admin = stack.admin().connect()?;
    let sums = admin.query(
        "select currency, sum(amount_minor)::text, count(*) from capital.posting group by currency order by currency",
        &[],
    )?;
    for row in sums {
        let (currency, sum, count): (String, String, i64) = (row.get(0), row.get(1), row.get(2));
        story.fact(
            &format!("all {count} postings in {currency} add up to"),
            &sum,
            "0",
        );
    }
    let astray: i64 = admin
        .query_one(
            "select count(*) from capital.account a
             where a.balance_minor <> (select coalesce(sum(p.amount_minor), 0) from capital.posting p
                                       where p.account_id = a.account_id)",
            &[],
        )?
        .get(0);
    story.fact(
        "accounts whose balance is not the sum of their postings",
        &astray.to_string(),
        "0",
    );
    Ok(())
}

/// The statement must be refused, or change no row.
fn attempt(story: &mut Story, tried: &str, result: &Result<u64, tests::SqlError>) {
    match result {
        Ok(0) => story.refused(tried, "no row to be seen: row security", true),
        Ok(rows) => story.refused(tried, &format!("{rows} rows changed"), false),
        Err(error) => match error.as_db_error() {
            Some(refusal) => {
                story.refused(
                    tried,
                    &format!("{}: {}", refusal.code().code(), refusal.message()),
                    true,
                );
            }
            None => story.refused(tried, &error.to_string(), false),
        },
    }
}
