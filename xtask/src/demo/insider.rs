//! The database's superuser changes rows with triggers and foreign keys off. Nothing in the database can prevent that;
//! comparison with the published log shows it.

use anyhow::{Context, Result};
use tests::stack::Stack;

use super::Settled;
use super::evidence::Desk;
use super::story::Story;

pub(super) fn play(
    stack: &mut Stack,
    story: &mut Story,
    settled: &Settled,
    desk: &Desk,
    index: &str,
) -> Result<()> {
    story.act("The insider: the database's superuser, triggers off");
    stack.rest();
    stack.gateway().invoker().seal()?;
    let mut admin = stack.admin().connect()?;
    story.fact(
        "before: auditor verify database",
        &desk.verify_database()?,
        "verified",
    );

    admin.batch_execute("set session_replication_role = replica")?;
    for table in [
        "capital.settlement",
        "ledger.commitment_ledger",
        "ledger.commitment_outcome",
        "tlog.entry",
        "tlog.node",
        "tlog.checkpoint",
    ] {
        admin.batch_execute(&format!("alter table {table} disable trigger all"))?;
    }
    let edit = |sign: &str| {
        format!(
            "alter table capital.settlement drop constraint if exists settlement_room_taken;
             update capital.settlement set amount_minor = amount_minor {sign} 1 where settlement_id = '{}'",
            settled.id
        )
    };
    admin.batch_execute(&edit("+"))?;
    story.fact(
        "one cent more in a settlement",
        &desk.verify_database()?,
        &format!("tampered, entry {index}, capital.settlement"),
    );
    admin.batch_execute(&edit("-"))?;
    story.fact("… and back", &desk.verify_database()?, "verified");

    let last: i64 = admin
        .query_one("select max(index) from tlog.entry", &[])?
        .get(0);
    admin.batch_execute(&format!(
        "delete from ledger.commitment_outcome where key = (select key from tlog.entry where index = {last});
         delete from ledger.commitment_ledger where key = (select key from tlog.entry where index = {last});
         delete from tlog.entry where index = {last}"
    ))?;
    let verdict = desk.verify_database()?;
    story.fact(
        "the last entry's rows deleted",
        &verdict,
        &format!("tampered, entry {last}, tlog.entry"),
    );

    // The whole log rebuilt, consistent in itself: another first entry, and a new tree over it.
    admin.batch_execute(
        "update ledger.commitment_outcome
         set leaf = replace(leaf, '\"status\":200', '\"status\":201')
         where key = (select key from tlog.entry where index = 0);
         delete from tlog.node; delete from tlog.entry; delete from tlog.checkpoint",
    )?;
    let invoker = stack.gateway().invoker();
    invoker.invoke("sequence-tlog", &serde_json::Value::Null)?;
    story.fact(
        "the log rebuilt over a changed first entry",
        &desk.verify_database()?,
        "tampered, entry 0, ledger.commitment_outcome",
    );
    let signed = invoker.invoke("sign-checkpoint", &serde_json::Value::Null);
    let refusal = signed
        .err()
        .map(|error| format!("{error:#}"))
        .context("it was signed")?;
    let word = ["database-behind", "database-forked", "state-missing"]
        .into_iter()
        .find(|name| refusal.contains(name));
    story.fact(
        "… and the signer, asked to sign it",
        word.unwrap_or(&refusal),
        "database-behind",
    );
    Ok(())
}
