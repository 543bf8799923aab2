//! The auditor's program against the real thing: a log that the signer published, a database that the gateway
//! filled, and a superuser who edits, deletes, inserts, reorders and rebuilds.

mod anchored;
mod attack;
mod evidence;
mod fixture;
mod kept;
mod present;
mod rebuilt;

use anyhow::Result;
use serde_json::json;

use self::fixture::AuditorFixture;

/// How many tables have the audit trail's trigger.
const AUDITED_TABLES: &str =
    "select count(distinct tgrelid) from pg_trigger where tgfoid = 'audit.record'::regproc";

#[test]
fn an_untouched_database_is_verified() -> Result<()> {
    let fixture = AuditorFixture::new()?;
    let whole = fixture.verify_database(fixture.base.database())?;
    assert_eq!(whole.code, 0, "{}", whole.said);
    let facts = &whole.said["facts"];
    assert_eq!(facts["size"], fixture.size);
    let audited = fixture.ask(AUDITED_TABLES)?;
    assert!(audited >= 40, "the query finds the tables");
    assert_eq!(facts["audited_tables"], audited);
    assert_eq!(facts["risk_runs"], 1);
    assert_eq!(facts["unpublished_entries"], 0);
    assert_eq!(facts["unplaced_commitments"], 0);
    for counted in ["mutations", "audited_rows", "recorded_checkpoints"] {
        assert!(facts[counted].as_i64() > Some(0), "{counted}: {facts}");
    }

    // The log verifies alike over HTTP and from a folder, both without a database.
    let site = fixture.site()?;
    for place in [
        fixture.log_folder(),
        format!("http://{}/log/", site.address()),
    ] {
        let log = fixture.auditor(&["log", &place])?;
        assert_eq!(log.code, 0, "{}", log.said);
        assert_eq!(log.said["facts"]["root"], facts["root"]);
    }

    // Outcomes that are not published yet are counted, but not verified.
    crate::settlements::pending(&fixture.base, 5)?;
    let newer = fixture.verify_database(fixture.base.database())?;
    assert_eq!(newer.code, 0, "{}", newer.said);
    assert_eq!(newer.said["facts"]["unplaced_commitments"], 1);
    fixture.sequence()?;
    let newer = fixture.verify_database(fixture.base.database())?;
    assert_eq!(
        (newer.code, &newer.said["facts"]["unpublished_entries"]),
        (0, &json!(1))
    );
    Ok(())
}

/// The auditor finds the tables without the trail and without the triggers.
#[test]
fn a_table_without_any_trail_is_still_compared() -> Result<()> {
    let fixture = AuditorFixture::shared()?;
    let answer = fixture.verify_after(
        "delete from audit.trail;
        do $$
        declare
            audited record;
        begin
            for audited in select * from pg_trigger where tgfoid = 'audit.record'::regproc loop
                execute format('drop trigger %I on %s', audited.tgname, audited.tgrelid::regclass);
            end loop;
        end
        $$",
    )?;
    assert_eq!(answer.code, 1, "{:#}", answer.said);
    assert_eq!(
        answer.said["facts"]["audited_tables"],
        fixture.ask(AUDITED_TABLES)?
    );
    Ok(())
}

#[test]
fn a_receipt_is_verified_without_the_gateway() -> Result<()> {
    let fixture = AuditorFixture::shared()?;
    let row = fixture.base.admin()?.query_one(
        "select encode(e.key, 'hex'), tlog.proof(o.leaf, e.index, tlog.latest_checkpoint()), e.index
        from tlog.entry as e join ledger.commitment_outcome as o using (key)
        where o.outcome = 'refused' order by e.index limit 1",
        &[],
    )?;
    let (key, proof, index): (String, String, i64) =
        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let file = fixture.write("receipt.tlog-proof", &proof)?;
    let receipt = fixture.auditor(&["receipt", &file, "--id", &key])?;
    assert_eq!(receipt.code, 0, "{}", receipt.said);
    assert_eq!(receipt.said["facts"]["index"], index);
    assert_eq!(receipt.said["facts"]["outcome"], "refused");
    let other = fixture.auditor(&["receipt", &file, "--id", &"ab".repeat(32)])?;
    assert_eq!(
        (other.code, &other.said["first_bad_index"]),
        (1, &json!(index))
    );
    Ok(())
}

#[test]
fn what_cannot_be_read_or_connected_to_is_neither_good_nor_bad() -> Result<()> {
    let fixture = AuditorFixture::new()?;
    let database = fixture.base.database();
    // A login without privileges, a server that does not answer, and one that cannot be reached.
    let mut admin = fixture.base.admin()?;
    admin.batch_execute(&format!("revoke optkas_auditor from {}", fixture.login()))?;
    assert_eq!(fixture.verify_database(database)?.code, 2);
    let dead = "postgresql://nobody@127.0.0.1:9/optkas?sslmode=disable";
    assert_eq!(
        fixture
            .auditor(&["database", dead, "--log", &fixture.log_folder()])?
            .code,
        2
    );
    let strange = "postgresql://nobody@db.example:5432/optkas?sslmode=disable";
    assert_eq!(
        fixture
            .auditor(&["database", strange, "--log", &fixture.log_folder()])?
            .code,
        2
    );
    Ok(())
}
