//! Deploying: once, twice, twice at once, over a newer database, over a changed migration, half-way.

use std::fs;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Context as _, Result};
use postgres::Client;
use serde_json::json;
use tests::fixture::{Fixture, Services};
use tests::folders;
use tests::lambda::{Answer, Invocation};
use tests::sample_data::PLATFORM;
use tlog::leaf::{Leaf, NO_MUTATIONS, body_hash, next_mutations_hash};

use crate::support::{count, together};

/// Roles belong to the cluster: while one test deploys, no other may, nor look at who is a member of what.
pub(crate) static DEPLOYING: RwLock<()> = RwLock::new(());

/// Everything that a deployment could change: what was applied, each object with its identity, definition,
/// owner and privileges, the ledger, and what the deployment was told.
const SNAPSHOT: &str = "
    select string_agg(line, E'\\n' order by line)
    from (
        select 'history ' || to_jsonb(h)::text as line from deploy.schema_history as h
        union all
        select 'claims ' || to_jsonb(e)::text from auth.expected_claims as e
        union all
        select 'ledger ' || encode(key, 'hex') from ledger.commitment_ledger
        union all
        select 'function ' || p.oid || p.proacl::text || pg_get_functiondef(p.oid) || coalesce(obj_description(p.oid), '')
        from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
        where n.nspname in ('deploy', 'auth', 'ledger', 'audit', 'capital', 'collateral', 'tlog', 'gateway')
        union all
        select 'relation ' || c.oid || c.relname || c.relowner::regrole || coalesce(c.relacl::text, '')
        from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
        where n.nspname in ('deploy', 'auth', 'ledger', 'audit', 'capital', 'collateral', 'tlog', 'gateway')
        union all
        select 'trigger ' || tgrelid::regclass || tgname || tgenabled::text from pg_trigger where not tgisinternal
        union all
        select 'constraint ' || conrelid::regclass || conname || pg_get_constraintdef(oid) from pg_constraint
        union all
        select 'policy ' || polrelid::regclass || polname || coalesce(pg_get_expr(polqual, polrelid), '') from pg_policy
        union all
        select 'schema ' || nspname || nspowner::regrole || coalesce(nspacl::text, '') from pg_namespace where nspname !~ '^pg_'
        union all
        select 'role ' || rolname || rolsuper || rolcanlogin || rolbypassrls from pg_roles
    ) as lines";

fn snapshot(admin: &mut Client) -> Result<String> {
    Ok(admin.query_one(SNAPSHOT, &[])?.get(0))
}

/// Who can act as the owner of everything. From PostgreSQL 16 on, who created a role keeps the right to
/// grant it, which is no membership to act with.
fn members_of_owner(admin: &mut Client) -> Result<i64> {
    count(
        admin,
        "
        select count(*) from pg_auth_members as m
        where m.roleid = 'optkas_owner'::regrole
            and (coalesce((to_jsonb(m) ->> 'set_option')::boolean, true)
                or coalesce((to_jsonb(m) ->> 'inherit_option')::boolean, true))",
    )
}

fn deploy(fixture: &Fixture) -> Result<Answer> {
    fixture
        .function("migrate")?
        .invoke(Invocation::new(&json!({})))
}

fn assert_refused(fixture: &Fixture, why: &str) -> Result<()> {
    let answer = deploy(fixture)?;
    assert!(!matches!(answer, Answer::Response(_)), "{why}: {answer:?}");
    Ok(())
}

/// An empty database that was handed to `migrate`, in a cluster that has the roles of others already.
fn bootstrapped() -> Result<Fixture> {
    let services = Services::shared()?;
    let database = services.blank()?;
    services.deployment().bootstrap(&database)?;
    Fixture::on(Arc::clone(&services), database)
}

#[test]
fn deploying_again_changes_nothing() -> Result<()> {
    let _alone = DEPLOYING.write().unwrap_or_else(PoisonError::into_inner);
    let fixture = Fixture::empty()?;
    let mut admin = fixture.admin()?;
    let before = snapshot(&mut admin)?;
    for _ in 0..2 {
        assert_eq!(
            deploy(&fixture)?.json(),
            json!({ "applied": [], "settings_changed": false })
        );
        assert_eq!(snapshot(&mut admin)?, before);
        assert_eq!(members_of_owner(&mut admin)?, 0);
    }
    Ok(())
}

#[test]
fn a_newer_or_changed_database_is_refused_and_left_as_it_is() -> Result<()> {
    let _alone = DEPLOYING.write().unwrap_or_else(PoisonError::into_inner);
    let damages = [
        (
            "newer",
            "insert into deploy.schema_history select 9999, 'from_the_future', applied_on, checksum from deploy.schema_history limit 1",
        ),
        (
            "another checksum",
            "update deploy.schema_history set checksum = '1' where version = 3",
        ),
        (
            "another name",
            "update deploy.schema_history set name = 'renamed' where version = 3",
        ),
    ];
    for (what, damage) in damages {
        let fixture = Fixture::empty()?;
        let mut admin = fixture.admin()?;
        admin.batch_execute(damage)?;
        // A deployment that goes on would replace this function, and be seen.
        admin.batch_execute(
            "comment on function gateway.get_settlement is 'as the newer build left it'",
        )?;
        let before = snapshot(&mut admin)?;
        assert_refused(&fixture, what)?;
        assert_eq!(snapshot(&mut admin)?, before, "{what}");
        assert_eq!(members_of_owner(&mut admin)?, 0, "{what}");
    }
    Ok(())
}

/// The table is in the way of a migration, all of which are one transaction.
#[test]
fn a_failed_deployment_leaves_nothing_and_the_next_one_completes() -> Result<()> {
    let _alone = DEPLOYING.write().unwrap_or_else(PoisonError::into_inner);
    let fixture = bootstrapped()?;
    let mut admin = fixture.admin()?;
    admin.batch_execute(
        "create schema capital authorization optkas_owner; create table capital.posting ()",
    )?;
    assert_refused(&fixture, "capital.posting is taken")?;
    assert_eq!(members_of_owner(&mut admin)?, 0);
    let tables = "select count(*) from pg_class where relkind = 'r' and relnamespace::regnamespace::text in ('auth', 'ledger', 'audit', 'capital', 'collateral')";
    assert_eq!(
        count(&mut admin, tables)?,
        1,
        "nothing but what was in the way"
    );
    admin.batch_execute("drop table capital.posting")?;
    assert_eq!(deploy(&fixture)?.json()["settings_changed"], true);
    assert!(count(&mut admin, tables)? > 10);
    Ok(())
}

#[test]
fn two_deployments_at_once_run_one_after_the_other() -> Result<()> {
    let _alone = DEPLOYING.write().unwrap_or_else(PoisonError::into_inner);
    let fixture = bootstrapped()?;
    fixture.start(fixture.launch("migrate")?.scaled(2, 1))?;
    let mut answers = together(2, |_| Ok(deploy(&fixture)?.json()))?;
    answers.sort_by_key(|answer| answer["applied"].as_array().map(Vec::len));
    assert_eq!(answers[0]["applied"], json!([]), "{answers:?}");
    let mut admin = fixture.admin()?;
    let applied = count(&mut admin, "select count(*) from deploy.schema_history")?;
    assert_eq!(
        answers[1]["applied"].as_array().map(Vec::len),
        usize::try_from(applied).ok()
    );
    assert!(applied >= 8);
    // Told the same twice, the deployment has changed its settings once.
    assert_eq!(
        count(&mut admin, "select count(*) from ledger.commitment_ledger")?,
        1
    );
    assert_eq!(members_of_owner(&mut admin)?, 0);
    Ok(())
}

/// Another issuer or audience is a change like all others: one commitment, with its audit row.
#[test]
fn the_settings_of_a_deployment_are_committed_and_take_effect() -> Result<()> {
    let _alone = DEPLOYING.write().unwrap_or_else(PoisonError::into_inner);
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    let alice = fixture.person("alice");
    assert_eq!(alice.get("/v1/positions")?.status, 200);
    for (variable, value, column) in [
        ("JWT_ISSUER", "https://elsewhere.example/auth/v1", "issuer"),
        ("JWT_AUDIENCE", "somebody-else", "audience"),
    ] {
        let before = count(&mut admin, "select count(*) from ledger.commitment_ledger")?;
        let function = fixture.start(fixture.launch("migrate")?.with(variable, value))?;
        let answer = function.invoke(Invocation::new(&json!({})))?;
        assert_eq!(
            answer.json(),
            json!({ "applied": [], "settings_changed": true }),
            "{variable}"
        );
        assert_eq!(
            count(&mut admin, "select count(*) from ledger.commitment_ledger")?,
            before + 1,
            "{variable}"
        );
        let row = admin.query_one(&format!("
            select concat_ws(' ', l.operation, l.actor_kind, l.actor_id, c.operation, o.outcome, l.new_row ->> '{column}')
            from audit.trail as l join ledger.commitment_ledger as c on c.key = l.commitment_key
            join ledger.commitment_outcome as o on o.key = c.key
            where l.table_name = 'auth.expected_claims' order by l.id desc limit 1"), &[])?;
        assert_eq!(
            row.get::<_, String>(0),
            format!("UPDATE system migrate migrate accepted {value}")
        );
        // The function in front still takes the old tokens; the database does not.
        assert_eq!(alice.get("/v1/positions")?.status, 401, "{variable}");
    }
    deploy_as_at_first(&fixture)?;
    assert_eq!(alice.get("/v1/positions")?.status, 200);
    let platform = format!(
        "select count(*) from capital.agent where kind = 'platform' and agent_id = '{PLATFORM}'"
    );
    assert_eq!(count(&mut admin, &platform)?, 1);
    Ok(())
}

fn deploy_as_at_first(fixture: &Fixture) -> Result<()> {
    let function = fixture.start(fixture.launch("migrate")?)?;
    let answer = function.invoke(Invocation::new(&json!({})))?;
    assert_eq!(answer.json()["settings_changed"], true);
    Ok(())
}

const LOG: &str = "0014_tlog.sql";

/// A database of the time before the log: what it has concluded becomes the log's beginning.
#[test]
fn outcomes_from_before_the_log_get_their_leaves() -> Result<()> {
    let _alone = DEPLOYING.write().unwrap_or_else(PoisonError::into_inner);
    let fixture = bootstrapped()?;
    let mut admin = fixture.admin()?;
    admin.batch_execute("set session authorization migrate")?;
    admin.batch_execute(&read("roles.sql")?)?;
    admin.batch_execute(
        "set role optkas_owner;
         create table deploy.schema_history (version int4, name text, applied_on text, checksum text)",
    )?;
    for name in numbered()?.iter().filter(|name| name.as_str() < LOG) {
        admin
            .batch_execute(&read(name)?)
            .with_context(|| name.clone())?;
    }
    let claim = |key: &str| {
        format!(
            "select auth.authenticate_system('migrate');
             select ledger.claim('attempt', 'migrate', '', '{key}', ledger.idempotency_key('system', 'migrate', 'migrate', '', '{key}'), sha256('f'))"
        )
    };
    admin.batch_execute(&format!(
        "begin isolation level serializable; {};
         insert into auth.expected_claims (issuer, audience) values ('https://issuer.example', 'a');
         update auth.expected_claims set audience = 'b';
         select ledger.conclude('accepted', 200, null, '{{\"é\": \"\\u0001\"}}'); commit;
         begin isolation level serializable; {};
         select ledger.conclude_refused(null, 'agent-kind', '{{}}'); commit",
        claim("one"),
        claim("two")
    ))?;
    admin.batch_execute(&read(LOG)?)?;
    admin.batch_execute("reset role; reset session authorization")?;

    let rows = admin.query(
        "select o.leaf, l.key, l.fingerprint, o.outcome, o.body::text,
            coalesce((select array_agg(a.mutation_hash order by a.id) from audit.trail as a where a.commitment_key = o.key), '{}')
        from ledger.commitment_outcome as o join ledger.commitment_ledger as l using (key)
        order by o.outcome",
        &[],
    )?;
    let mut mutations = Vec::new();
    for row in &rows {
        let text: String = row.try_get(0)?;
        let leaf = Leaf::parse(text.as_bytes())?;
        assert_eq!(leaf.key.as_bytes()[..], row.try_get::<_, Vec<u8>>(1)?);
        assert_eq!(
            leaf.fingerprint.as_bytes()[..],
            row.try_get::<_, Vec<u8>>(2)?
        );
        assert_eq!(leaf.outcome.as_str(), row.try_get::<_, String>(3)?);
        assert_eq!(leaf.body_hash, body_hash(&row.try_get::<_, String>(4)?));
        let hashes: Vec<Vec<u8>> = row.try_get(5)?;
        let digest = hashes.iter().fold(NO_MUTATIONS, |before, hash| {
            next_mutations_hash(&before, hash)
        });
        assert_eq!(
            (leaf.mutations, leaf.mutations_hash),
            (u64::try_from(hashes.len())?, digest)
        );
        mutations.push(leaf.mutations);
    }
    assert_eq!(mutations, [2, 0]);
    let frozen = admin.batch_execute("update ledger.commitment_outcome set leaf = leaf");
    assert!(frozen.is_err(), "append-only again");
    Ok(())
}

/// The migrations' file names, in order.
fn numbered() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folders::workspace().join("migrations"))? {
        names.extend(entry?.file_name().into_string().ok());
    }
    names.retain(|name| name.starts_with('0'));
    names.sort_unstable();
    Ok(names)
}

fn read(name: &str) -> Result<String> {
    Ok(fs::read_to_string(
        folders::workspace().join("migrations").join(name),
    )?)
}
