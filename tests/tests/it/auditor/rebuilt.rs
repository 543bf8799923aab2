//! An insider who rewrites the evidence so that all of it agrees: only what was published or kept contradicts him.

use anyhow::Result;
use serde_json::json;
use tlog::checkpoint::Checkpoint;
use tlog::note::SigningKey;
use tlog::tiles::Builder;

use super::attack::names;
use super::fixture::AuditorFixture;
use crate::support::all_triggers_off;

/// An amount, its entry in the trail with the right hash, the leaf, and the tree over it: the database agrees with
/// itself, and differs from what was published.
const REBUILT: &str = r#"
    create temp table victim as
        select a.id, a.place, a.commitment_key as key, (a.row_key ->> 'settlement_id')::uuid as settlement_id
        from
            (select c.* from audit.trail as t cross join audit.changes(t) as c) as a join tlog.entry as e
                on e.key = a.commitment_key
        where a.table_name = 'capital.settlement' and a.command = 'INSERT'
            and not exists (select from (select c.* from audit.trail as t cross join audit.changes(t) as c) as b
                where b.table_name = a.table_name and b.row_key = a.row_key and b.id > a.id)
        order by e.index limit 1;
    update capital.settlement set amount_minor = 1 where settlement_id = (select settlement_id from victim);
    update audit.trail as a
    set changes = jsonb_set(a.changes::jsonb, array[(v.place - 1)::text, 'new', 'amount_minor'], '1')::json
    from victim as v where v.id = a.id;
    update audit.trail as a set mutation_hash = audit.mutation_hash(a) where id = (select id from victim);
    do $$
    declare
        mutation record;
        digest bytea := decode(repeat('00', 32), 'hex');
    begin
        for mutation in
            select mutation_hash from audit.trail where commitment_key = (select key from victim) order by id
        loop
            digest := fixed.tagged_hash('optkas/log-mutations/v1', digest, mutation.mutation_hash);
        end loop;
        update ledger.commitment_outcome
        set leaf = regexp_replace(leaf, '"mutations_hash":"[0-9a-f]{64}"',
            '"mutations_hash":"' || encode(digest, 'hex') || '"')
        where key = (select key from victim);
    end
    $$;
    create temp table hashed as
        select e.index, sha256('\x00'::bytea || convert_to(o.leaf, 'UTF8')) as hash
        from tlog.entry as e join ledger.commitment_outcome as o using (key);
    delete from tlog.node;
    insert into tlog.node (level, index, hash) select 0, index, hash from hashed;
    do $$
    declare
        size int8 := (select count(*) from tlog.entry);
        height int4 := 1;
    begin
        while size >> height > 0 loop
            insert into tlog.node (level, index, hash)
            select height, n.index >> 1, sha256('\x01'::bytea || string_agg(n.hash, ''::bytea order by n.index))
            from tlog.node as n
            where n.level = height - 1 and n.index < (size >> height) << 1
            group by n.index >> 1;
            height := height + 1;
        end loop;
        update tlog.checkpoint as c set root = tlog.root(c.size);
    end
    $$;
"#;

const VICTIM: &str = "select e.index
    from
        (select c.* from audit.trail as t cross join audit.changes(t) as c) as a join tlog.entry as e
            on e.key = a.commitment_key
    where a.table_name = 'capital.settlement' and a.command = 'INSERT'
        and not exists (select from (select c.* from audit.trail as t cross join audit.changes(t) as c) as b
            where b.table_name = a.table_name and b.row_key = a.row_key and b.id > a.id)
    order by e.index limit 1";

#[test]
fn a_rebuilt_database_differs_from_the_published_log() -> Result<()> {
    let fixture = AuditorFixture::shared()?;
    let index = fixture.ask(VICTIM)?;
    let answer = fixture.verify_after(REBUILT)?;
    let said = &answer.said;
    assert_eq!(
        (answer.code, &said["first_bad_index"]),
        (1, &json!(index)),
        "{said:#}"
    );
    assert!(
        names(said, "row-differs", "ledger.commitment_outcome", "leaf"),
        "{said:#}"
    );
    assert!(names(said, "audit-differs", "audit.trail", ""), "{said:#}");
    assert!(names(said, "row-differs", "tlog.node", ""), "{said:#}");
    // The present follows from the rewritten trail: it shows nothing.
    assert!(
        !names(said, "row-differs", "capital.settlement", ""),
        "{said:#}"
    );
    Ok(())
}

/// An insider with the log's key publishes the rewritten log as well. A kept checkpoint or a witness shows it.
#[test]
fn a_rebuilt_and_signed_log_contradicts_a_kept_checkpoint() -> Result<()> {
    let fixture = AuditorFixture::shared()?;
    let kept = std::fs::read_to_string(format!("{}/checkpoint", fixture.log_folder()))?;
    let kept = fixture.write("kept", &kept)?;
    let copy = fixture.copy()?;
    let mut insider = copy.connect()?;
    insider.batch_execute(&all_triggers_off())?;
    insider.batch_execute(REBUILT)?;

    let leaves = insider.query(
        "select o.leaf from tlog.entry as e join ledger.commitment_outcome as o using (key) order by e.index",
        &[],
    )?;
    let seed = fixture.base.deployment().note_seed.as_slice().try_into()?;
    let key = SigningKey::from_seed(tests::aws::ORIGIN, seed)?;
    let mut builder = Builder::new();
    for leaf in leaves {
        builder.push(leaf.try_get::<_, String>(0)?.as_bytes())?;
        let size = i64::try_from(builder.tree().size())?;
        let recorded = "select from tlog.checkpoint where size = $1";
        if insider.query_opt(recorded, &[&size])?.is_some() {
            let root = builder.tree().root();
            let note =
                Checkpoint::new(tests::aws::ORIGIN, builder.tree().size(), root)?.sign(&key)?;
            for name in [
                "rebuilt/checkpoint".to_owned(),
                format!("rebuilt/checkpoints/{size}"),
            ] {
                fixture.write(&name, note.to_string())?;
            }
            insider.execute(
                "update tlog.checkpoint set note = $1 where size = $2",
                &[&note.to_string(), &size],
            )?;
            for file in builder.take() {
                let path = fixture.write(&format!("rebuilt/{}", file.path), "")?;
                std::fs::write(path, file.bytes)?;
            }
        }
    }
    drop(insider);
    let rebuilt = fixture.log_folder().replace("/log", "/rebuilt");
    let whole = fixture.verify_database_by(&copy, &rebuilt)?;
    assert_eq!(
        whole.code, 0,
        "everything agrees with everything: {}",
        whole.said
    );
    let answer = fixture.auditor(&["log", &rebuilt, "--checkpoint", &kept])?;
    assert_eq!(answer.code, 1, "{}", answer.said);
    assert_eq!(answer.said["findings"][0]["kind"], "root-differs");
    let new = format!("{rebuilt}/checkpoint");
    let forked = fixture.auditor(&["consistency", &kept, &new, "--log", &rebuilt])?;
    assert_eq!(forked.code, 1, "{}", forked.said);
    // The honest database differs from the rewritten log from the first changed entry on.
    let honest = fixture.verify_database_by(fixture.base.database(), &rebuilt)?;
    assert_eq!(
        (honest.code, &honest.said["first_bad_index"]),
        (1, &json!(fixture.ask(VICTIM)?))
    );
    fixture.forget(&copy)
}
