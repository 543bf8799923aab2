//! The auditor's program against the real thing: a log that the signer published, a database that the gateway
//! filled, and a superuser who edits, deletes, inserts, reorders and rebuilds.

mod anchored;
mod attacks;
mod scene;

use anyhow::Result;
use serde_json::json;

use self::scene::Scene;

#[test]
fn what_nobody_touched_is_verified() -> Result<()> {
    let scene = Scene::new()?;
    let whole = scene.verify_database(scene.rig.database())?;
    assert_eq!(whole.code, 0, "{}", whole.said);
    let facts = &whole.said["facts"];
    assert_eq!(facts["size"], scene.size);
    assert_eq!(facts["audited_tables"], 40);
    assert_eq!(facts["risk_runs"], 1);
    assert_eq!(facts["unpublished_entries"], 0);
    assert_eq!(facts["unplaced_commitments"], 0);
    for counted in ["mutations", "audited_rows", "recorded_checkpoints"] {
        assert!(facts[counted].as_i64() > Some(0), "{counted}: {facts}");
    }

    // The same by HTTP as from a folder, and both without a database.
    let site = scene.site()?;
    for place in [
        scene.log_folder(),
        format!("http://{}/log/", site.address()),
    ] {
        let log = scene.auditor(&["log", &place])?;
        assert_eq!(log.code, 0, "{}", log.said);
        assert_eq!(log.said["facts"]["root"], facts["root"]);
    }

    // What is not published yet is counted, and no more.
    crate::settlements::pending(&scene.rig, 5)?;
    let newer = scene.verify_database(scene.rig.database())?;
    assert_eq!(newer.code, 0, "{}", newer.said);
    assert_eq!(newer.said["facts"]["unplaced_commitments"], 1);
    scene.sequence()?;
    let newer = scene.verify_database(scene.rig.database())?;
    assert_eq!(
        (newer.code, &newer.said["facts"]["unpublished_entries"]),
        (0, &json!(1))
    );
    Ok(())
}

#[test]
fn a_receipt_of_the_gateway_is_verified_without_it() -> Result<()> {
    let scene = Scene::shared()?;
    let row = scene.rig.admin()?.query_one(
        "select encode(e.key, 'hex'), tlog.proof(o.leaf, e.index, tlog.latest_checkpoint()), e.index
        from tlog.entry as e join ledger.commitment_outcome as o using (key)
        where o.outcome = 'refused' order by e.index limit 1",
        &[],
    )?;
    let (key, proof, index): (String, String, i64) =
        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let file = scene.write("receipt.tlog-proof", &proof)?;
    let receipt = scene.auditor(&["receipt", &file, "--key", &key])?;
    assert_eq!(receipt.code, 0, "{}", receipt.said);
    assert_eq!(receipt.said["facts"]["index"], index);
    assert_eq!(receipt.said["facts"]["outcome"], "refused");
    let other = scene.auditor(&["receipt", &file, "--key", &"ab".repeat(32)])?;
    assert_eq!(
        (other.code, &other.said["first_bad_index"]),
        (1, &json!(index))
    );
    Ok(())
}

#[test]
fn what_cannot_be_decided_is_not_decided() -> Result<()> {
    let scene = Scene::new()?;
    let database = scene.rig.database();
    // Nobody who may read nothing, and nobody at all.
    let mut admin = scene.rig.admin()?;
    admin.batch_execute(&format!("revoke optkas_auditor from {}", scene.login()))?;
    assert_eq!(scene.verify_database(database)?.code, 2);
    let dead = "postgresql://nobody@127.0.0.1:9/optkas?sslmode=disable";
    assert_eq!(
        scene
            .auditor(&["database", dead, "--log", &scene.log_folder()])?
            .code,
        2
    );
    let strange = "postgresql://nobody@db.example:5432/optkas?sslmode=disable";
    assert_eq!(
        scene
            .auditor(&["database", strange, "--log", &scene.log_folder()])?
            .code,
        2
    );
    Ok(())
}
