//! Changes to the signer's state, to published files or to the database stop the signer.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tests::aws::ORIGIN;
use tests::secrets::hex;
use tlog::tiles::Builder;

use super::fixture::SignerFixture;

/// Changes rows as the database's superuser can: with the foreign keys off, and the triggers that fire in every
/// session mode disabled for the while.
fn tamper(fixture: &SignerFixture, sql: &str) -> Result<()> {
    let each_trigger = |action: &str| {
        format!(
            "do $$ declare t record; begin
                for t in
                    select tgname, tgrelid::regclass as name from pg_trigger
                    where not tgisinternal and tgenabled in ('A', 'D')
                        and tgrelid in ('tlog.entry'::regclass, 'tlog.node'::regclass,
                            'tlog.checkpoint'::regclass, 'ledger.commitment_outcome'::regclass)
                loop
                    execute format('alter table %s {action} trigger %I', t.name, t.tgname);
                end loop;
            end $$;"
        )
    };
    fixture.base.admin()?.batch_execute(&format!(
        "{} set session_replication_role = replica; {sql}; reset session_replication_role; {}",
        each_trigger("disable"),
        each_trigger("enable always"),
    ))?;
    Ok(())
}

#[test]
fn a_signer_state_that_was_put_back_stops_the_signer() -> Result<()> {
    let fixture = SignerFixture::signed(100)?;
    let old = fixture.log.state()?.context("no state")?;
    fixture.grow(10)?;
    fixture.sign()?;
    let new = fixture.log.state()?.context("no state")?;
    fixture.log.set_state(&old)?;
    fixture.assert_stops("state-rolled-back")?;
    // The same size with another root, and a size that nothing was published of.
    for (member, value) in [("root", json!("ab".repeat(32))), ("size", json!(105))] {
        let mut forged = new.clone();
        forged[member] = value;
        fixture.log.set_state(&forged)?;
        fixture.assert_stops("state-rolled-back")?;
    }
    fixture.grow(10)?;
    fixture.assert_stops("state-rolled-back")?;
    fixture.log.set_state(&new)?;
    fixture.sign()?;
    fixture.verify(120)
}

#[test]
fn a_missing_signer_state_stops_the_signer() -> Result<()> {
    let fixture = SignerFixture::signed(100)?;
    let state = fixture.log.state()?.context("no state")?;
    for bad in [
        json!({ "origin": state["origin"], "size": 100 }),
        json!({ "origin": state["origin"], "size": 100, "root": "ab", "staged": state["staged"] }),
        json!({ "origin": state["origin"], "size": "100", "root": state["root"], "staged": state["staged"] }),
    ] {
        fixture.log.set_state(&bad)?;
        fixture.assert_stops("state-missing")?;
    }
    fixture.log.delete_state()?;
    fixture.assert_stops("state-missing")?;
    // The latest checkpoint is gone as well, but the database has recorded one.
    let before = fixture.log.versions("")?;
    fixture.log.delete("checkpoint")?;
    fixture.assert_stops("state-missing")?;
    // The database's record is gone as well, but the locked versions are left.
    tamper(&fixture, "delete from tlog.checkpoint")?;
    fixture.assert_stops("state-missing")?;
    for key in fixture.log.keys()? {
        fixture.log.delete(&key)?;
    }
    fixture.assert_stops("state-missing")?;
    fixture.log.rewind(&before)?;
    fixture.log.set_state(&state)?;
    fixture.sign()?;
    fixture.verify(100)
}

#[test]
fn a_database_that_has_lost_its_tail_stops_the_signer() -> Result<()> {
    let fixture = SignerFixture::signed(300)?;
    tamper(
        &fixture,
        "delete from tlog.checkpoint;
         delete from tlog.entry where index >= 290;
         delete from tlog.node where (index + 1) << level > 290",
    )?;
    fixture.assert_stops("database-behind")?;
    // The log grows again over the signed part: the sequencer gives the places to other entries first.
    tamper(
        &fixture,
        "delete from ledger.commitment_outcome as o
         where not exists (select from tlog.entry as e where e.key = o.key)",
    )?;
    fixture.grow_to(295)?;
    fixture.assert_stops("database-behind")?;
    fixture.grow_to(310)?;
    fixture.assert_stops("database-forked")
}

#[test]
fn a_changed_leaf_in_the_database_stops_the_signer() -> Result<()> {
    let fixture = SignerFixture::signed(300)?;
    // The careful insider edits a leaf and rebuilds the tree over it.
    tamper(
        &fixture,
        r#"update ledger.commitment_outcome set leaf = replace(leaf, '"status":200', '"status":201')
           where key = (select key from tlog.entry where index = 7);
           delete from tlog.checkpoint;
           delete from tlog.entry;
           delete from tlog.node"#,
    )?;
    fixture.assert_stops("database-behind")?;
    fixture.sequence()?;
    fixture.assert_stops("database-forked")?;
    fixture.grow(50)?;
    fixture.assert_stops("database-forked")
}

#[test]
fn a_tree_over_other_leaves_than_the_databases_stops_the_signer() -> Result<()> {
    let fixture = SignerFixture::signed(100)?;
    fixture.grow(10)?;
    // Only the nodes: the entries that the signer gets are not those that the database has hashed.
    tamper(
        &fixture,
        "update tlog.node set hash = sha256('other') where level = 1 and index = 54",
    )?;
    assert_eq!(fixture.failure()?, "database-forked");
    // The signed tree is that of the entries; the database's tree is wrong.
    let (checkpoint, _) = fixture.latest()?.context("no checkpoint")?;
    assert_eq!(checkpoint.size(), 110);
    fixture.assert_stops("database-forked")
}

#[test]
fn a_database_restored_from_a_backup_stops_the_signer() -> Result<()> {
    let fixture = SignerFixture::signed(100)?;
    let mut admin = fixture.base.database().sibling("postgres").connect()?;
    let (name, backup) = (
        fixture.base.database().name().to_owned(),
        format!("{}_backup", fixture.base.database().name()),
    );
    // Everybody leaves: a database with a connection to it can be neither copied nor replaced.
    let alone = |sql: &str, admin: &mut postgres::Client| -> Result<()> {
        for function in ["sign-checkpoint", "sequence-tlog", "platform-webhook"] {
            fixture.base.function(function)?.kill();
        }
        crate::locks::until("nobody is connected", || {
            admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1",
                &[&name],
            )?;
            Ok(admin.batch_execute(sql).is_ok())
        })
    };
    alone(
        &format!("create database {backup} template {name}"),
        &mut admin,
    )?;
    fixture.grow(20)?;
    fixture.sign()?;
    fixture.verify(120)?;
    alone(&format!("drop database {name}"), &mut admin)?;
    alone(
        &format!(
            "alter database {backup} rename to {name};
             grant connect on database {name} to sign_checkpoint, sequence_tlog"
        ),
        &mut admin,
    )?;
    fixture.assert_stops("database-behind")?;
    // Business goes on as if nothing had happened; nothing of it is signed.
    fixture.grow(5)?;
    fixture.assert_stops("database-behind")?;
    fixture.grow(40)?;
    fixture.assert_stops("database-forked")?;
    let (checkpoint, _) = fixture.latest()?.context("no checkpoint")?;
    assert_eq!(checkpoint.size(), 120);
    Ok(())
}

#[test]
fn a_published_file_with_other_content_stops_the_signer() -> Result<()> {
    let fixture = SignerFixture::signed(300)?;
    fixture.grow(10)?;
    let before = fixture.log.versions("")?;
    for key in ["tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"] {
        let mut forged = fixture.log.get(key)?.context("no such file")?;
        *forged.last_mut().context("an empty file")? ^= 1;
        for content in [Some(forged), Some(Vec::new()), None] {
            match &content {
                Some(bytes) => fixture.log.put(key, bytes)?,
                None => fixture.log.delete(key)?,
            }
            fixture.assert_stops("tile-conflict")?;
            fixture.log.rewind(&before)?;
        }
    }
    // A file that is to be written exists already with other content. The tree is decided on by then: it is published
    // once the other file is gone.
    fixture.log.put("tile/0/001.p/54", b"something else")?;
    assert_eq!(fixture.failure()?, "tile-conflict");
    fixture.assert_stops("tile-conflict")?;
    let versions = fixture.log.versions("tile/0/001.p/54")?;
    assert_eq!(versions.len(), 1);
    fixture.log.delete_version(&versions[0])?;
    fixture.sign()?;
    fixture.verify(310)
}

#[test]
fn a_checkpoint_of_another_key_stops_the_signer() -> Result<()> {
    let fixture = SignerFixture::signed(100)?;
    let ours = fixture.log.get("checkpoint")?.context("no checkpoint")?;
    let text = String::from_utf8(ours.clone())?;
    for forged in [
        String::new(),
        text.replace("optkas.example", "optkas.test"),
        text.replace("\n100\n", "\n99\n"),
        text.replace("— ", "- "),
    ] {
        fixture.log.put("checkpoint", forged.as_bytes())?;
        fixture.assert_stops("state-rolled-back")?;
    }
    // An old one is ours: it is a round that was not brought to its end, and this one does it.
    fixture.log.put("checkpoint", &ours)?;
    fixture.grow(10)?;
    fixture.sign()?;
    fixture.log.put("checkpoint", &ours)?;
    assert_eq!(
        fixture.sign()?,
        json!({ "size": 110, "published_size": 110, "rounds": 1, "signed": 1 })
    );
    fixture.verify(110)
}

#[test]
fn a_staged_tree_with_other_content_is_not_published() -> Result<()> {
    let fixture = SignerFixture::signed(100)?;
    fixture.grow(10)?;
    fixture.sign()?;
    // As after a crash: decided on, and the latest checkpoint is the one before.
    let first = fixture
        .log
        .get("checkpoints/100")?
        .context("no checkpoint")?;
    fixture.log.put("checkpoint", &first)?;
    let staging = staging_key(&fixture.log.state()?.context("no state")?);
    fixture.log.put(&staging, b"something else")?;
    fixture.assert_stops("tile-conflict")?;
    fixture.log.delete(&staging)?;
    fixture.sign()?;
    fixture.verify(110)
}

#[test]
fn an_attacker_with_database_and_signer_state_cannot_get_another_tree_signed() -> Result<()> {
    let fixture = SignerFixture::signed(100)?;
    // The database is rebuilt with another leaf, and has no record of a checkpoint.
    tamper(
        &fixture,
        r#"update ledger.commitment_outcome set leaf = replace(leaf, '"status":200', '"status":201')
           where key = (select key from tlog.entry where index = 7);
           delete from tlog.checkpoint;
           delete from tlog.entry;
           delete from tlog.node"#,
    )?;
    fixture.grow_to(110)?;
    // The memory says that this very tree was decided on, with all its files staged.
    let mut builder = Builder::new();
    for row in fixture.base.admin()?.query(
        "select o.leaf from tlog.entry as e join ledger.commitment_outcome as o using (key) order by e.index",
        &[],
    )? {
        builder.push(row.get::<_, String>(0).as_bytes())?;
    }
    let files = builder.take();
    let mut object = b"optkas/staging/v1\n".to_vec();
    for file in files {
        object.push(file.full.into());
        object.extend(u16::try_from(file.path.len())?.to_be_bytes());
        object.extend(file.path.as_bytes());
        object.extend(u32::try_from(file.bytes.len())?.to_be_bytes());
        object.extend(file.bytes);
    }
    let forged = json!({
        "origin": ORIGIN,
        "size": 110,
        "root": builder.tree().root().to_string(),
        "staged": hex(ring::digest::digest(&ring::digest::SHA256, &object).as_ref()),
    });
    fixture.log.put(&staging_key(&forged), &object)?;
    fixture.log.set_state(&forged)?;
    assert_eq!(fixture.failure()?, "state-rolled-back");
    fixture.assert_stops("state-rolled-back")?;
    let (checkpoint, _) = fixture.latest()?.context("no checkpoint")?;
    assert_eq!(checkpoint.size(), 100);
    Ok(())
}

fn staging_key(state: &Value) -> String {
    let staged = state["staged"].as_str().unwrap_or_default();
    format!("staging/{}-{staged}", state["size"])
}
