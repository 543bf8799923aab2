//! Deploying: once, twice, twice at once, over a newer database, over a changed migration, half-way.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;

use anyhow::Result;
use postgres::Client;
use regex::Regex;
use serde_json::json;
use tests::fixture::{Fixture, Services};
use tests::folders;
use tests::lambda::{Answer, Invocation};
use tests::sample_data::PLATFORM;

use crate::locks::until;
use crate::support::{count, together};

/// Roles belong to the cluster: while one test deploys, no other may, nor look at who is a member of what.
pub(crate) static DEPLOYING: RwLock<()> = RwLock::new(());

/// Everything that a deployment could change besides the catalogue of the present: what was applied, each object's
/// identity, the ledger, and what the deployment was told.
const SNAPSHOT: &str = "
    select string_agg(line, E'\\n' order by line)
    from (
        select 'history ' || to_jsonb(h)::text as line from deploy.schema_history as h
        union all
        select 'claims ' || to_jsonb(e)::text from auth.expected_claims as e
        union all
        select 'ledger ' || encode(key, 'hex') from ledger.commitment_ledger
        union all
        select 'constraint ' || conrelid::regclass || conname || pg_get_constraintdef(oid) from pg_constraint
        union all
        select 'present ' || to_jsonb(f)::text from deploy.present as f
        union all
        select 'oid ' || p.oid || p.proname from pg_proc as p where p.proowner = 'optkas_owner'::regrole
        union all
        select 'relation ' || c.oid || c.relname || c.relfilenode from pg_class as c
        where c.relowner = 'optkas_owner'::regrole
        union all
        select 'schema ' || nspname || nspowner::regrole || coalesce(nspacl::text, '') from pg_namespace
        where nspname !~ '^pg_'
        union all
        select 'role ' || rolname || rolsuper || rolcanlogin || rolbypassrls from pg_roles
    ) as lines";

fn snapshot(admin: &mut Client) -> Result<String> {
    let rest: String = admin.query_one(SNAPSHOT, &[])?.get(0);
    Ok(format!("{rest}\n{}", catalogue(admin)?.join("\n")))
}

/// Every function, trigger, policy, grant and row security, one a line.
fn catalogue(admin: &mut Client) -> Result<Vec<String>> {
    let rows = admin.query(&read("catalogue.sql")?, &[])?;
    let field = |row: &postgres::Row, column| row.get::<_, String>(column);
    Ok(rows
        .iter()
        .map(|row| format!("{} {}: {}", field(row, 0), field(row, 1), field(row, 2)))
        .collect())
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
            "insert into deploy.schema_history \
             select 9999, 'from_the_future', applied_on, checksum from deploy.schema_history limit 1",
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
    let tables = "select count(*) from pg_class where relkind = 'r' \
                  and relnamespace::regnamespace::text in ('auth', 'ledger', 'audit', 'capital', 'collateral')";
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
    // The catalogue's digest is recorded beside the files.
    let applied = count(
        &mut admin,
        "select (select count(*) from deploy.schema_history) + (select count(*) - 1 from deploy.present)",
    )?;
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

/// The connection that holds the turn is ended while the deployment waits for something else.
#[test]
fn a_deployment_that_has_lost_its_turn_says_so() -> Result<()> {
    let _alone = DEPLOYING.write().unwrap_or_else(PoisonError::into_inner);
    let fixture = Fixture::empty()?;
    let mut admin = fixture.admin()?;
    let mut blocker = fixture.admin()?;
    blocker.batch_execute("begin; lock table deploy.present in access exclusive mode")?;
    let answer = thread::scope(|scope| -> Result<Answer> {
        let deployment = scope.spawn(|| deploy(&fixture));
        let waits = "select count(*) from pg_locks
            where relation = 'deploy.present'::regclass and not granted";
        until(
            "the deployment waits",
            || Ok(count(&mut admin, waits)? == 1),
        )?;
        let ended = "select count(*) from (
            select pg_terminate_backend(pid, 10000) from pg_locks
            where relation = 'deploy.turn'::regclass and mode = 'ExclusiveLock' and granted) as e";
        assert_eq!(count(&mut admin, ended)?, 1);
        blocker.batch_execute("rollback")?;
        deployment.join().expect("the deployment's thread")
    })?;
    assert!(!matches!(answer, Answer::Response(_)), "{answer:?}");
    assert_eq!(members_of_owner(&mut admin)?, 0);
    // Again is no harm.
    assert!(matches!(deploy(&fixture)?, Answer::Response(_)));
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
        let row = admin.query_one(
            &format!(
                "
            select concat_ws(' ', l.command, c.principal_kind, c.principal_id, c.operation, o.outcome,
                l.new_row ->> '{column}')
            from (select c.* from audit.trail as t cross join audit.changes(t) as c) as l
            join ledger.commitment_ledger as c on c.key = l.commitment_key
            join ledger.commitment_outcome as o on o.key = c.key
            where l.table_name = 'auth.expected_claims' order by l.id desc limit 1"
            ),
            &[],
        )?;
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

/// The lock that every write to a table takes; no statement that changes a table's triggers or policies passes it.
fn write_everything(other: &mut Client) -> Result<()> {
    other.batch_execute(
        "begin;
         do $$
         declare
            name text;
         begin
            for name in select c.oid::regclass from pg_class as c
                where c.relkind = 'r' and c.relowner = 'optkas_owner'::regrole
                and c.relnamespace <> 'deploy'::regnamespace
            loop
                execute 'lock table ' || name || ' in row exclusive mode';
            end loop;
         end
         $$",
    )?;
    Ok(())
}

#[test]
fn a_deployment_of_the_same_or_of_functions_alone_waits_for_no_writer() -> Result<()> {
    let _alone = DEPLOYING.write().unwrap_or_else(PoisonError::into_inner);
    let fixture = Fixture::empty()?;
    let mut admin = fixture.admin()?;
    let due = catalogue(&mut admin)?;
    let mut writer = fixture.admin()?;
    write_everything(&mut writer)?;
    assert_eq!(deploy(&fixture)?.json()["applied"], json!([]));

    // As a release before this one would have left it: another body, another overload, a function of a file that is
    // gone.
    admin.batch_execute(
        "set role optkas_owner;
         create or replace function auth.leeway() returns interval language sql immutable parallel safe
            return interval '1 hour';
         create function auth.leeway(_of text) returns interval language sql immutable return interval '1 hour';
         create function auth.forgotten() returns text language sql immutable return 'forgotten';
         update deploy.present set sha256 = sha256('before'), functions = functions || '{auth.leeway(text)}'
         where path = 'functions/auth/token.sql';
         insert into deploy.present values ('functions/auth/gone.sql', sha256('gone'), '{auth.forgotten()}')",
    )?;
    record_catalogue(&mut admin)?;
    assert_ne!(catalogue(&mut admin)?, due);
    assert_eq!(
        deploy(&fixture)?.json()["applied"],
        json!(["functions/auth/token.sql"])
    );
    assert_eq!(catalogue(&mut admin)?, due);
    Ok(())
}

/// Records the catalogue as it is, as the deployment would have.
fn record_catalogue(admin: &mut Client) -> Result<()> {
    let field = |name| format!("int8send(octet_length({name})) || convert_to({name}, 'UTF8')");
    admin.batch_execute(&format!(
        "update deploy.present set sha256 = (
            select sha256(string_agg({} || {} || {}, ''::bytea order by c.kind collate \"C\", c.name collate \"C\"))
            from ({}) as c (kind, name, definition)
         ) where path = 'catalogue'",
        field("c.kind"),
        field("c.name"),
        field("c.definition"),
        read("catalogue.sql")?
    ))?;
    Ok(())
}

/// What somebody could have done to the database behind the deployment's back: what, and how.
const CHANGES: &[(&str, &str)] = &[
    (
        "another body",
        "create or replace function auth.leeway() returns interval language sql immutable return interval '9 hours'",
    ),
    (
        "another overload",
        "create function ledger.refuse(_name text) returns void language sql return null",
    ),
    (
        "another function",
        "create function gateway.everything() returns text language sql security definer return 'all'",
    ),
    (
        "another procedure",
        "create procedure gateway.everywhere() language sql security definer as 'select 1'",
    ),
    (
        "another aggregate",
        "create aggregate gateway.every(boolean) (sfunc = booland_statefunc, stype = boolean)",
    ),
    (
        "no function",
        "drop function gateway.get_settlement(text, uuid)",
    ),
    (
        "another result",
        "drop function capital.require_allocator(uuid); \
         create function capital.require_allocator(_id uuid) returns int language sql return 1",
    ),
    (
        "another policy",
        "create policy everybody on capital.settlement using (true)",
    ),
    ("no policy", "drop policy journal_own on capital.journal"),
    (
        "a wider policy",
        "alter policy settlement_read on capital.settlement using (true)",
    ),
    (
        "row security off",
        "alter table capital.posting disable row level security",
    ),
    (
        "row security not forced",
        "alter table capital.posting no force row level security",
    ),
    (
        "another trigger",
        "create trigger more before insert on capital.journal \
         for each statement execute function ledger.forbid_change()",
    ),
    (
        "no trigger",
        "drop trigger posting_audit on capital.posting",
    ),
    (
        "a trigger off",
        "alter table audit.trail disable trigger trail_append_only",
    ),
    (
        "a rule",
        "create rule unseen as on insert to audit.trail do instead nothing",
    ),
    (
        "a grant on a table",
        "grant select on capital.settlement to get_settlement",
    ),
    (
        "a grant on a column",
        "grant update (balance_minor) on capital.account to get_settlement",
    ),
    (
        "a grant on a function",
        "grant execute on function gateway.verify_settlement to create_settlement",
    ),
    (
        "a grant to everybody",
        "grant execute on function gateway.migrate to public",
    ),
    (
        "a grant on a schema",
        "grant usage on schema capital to get_settlement",
    ),
    (
        "a grant on what is fixed",
        "grant execute on function fixed.tagged_hash(text, bytea[]) to public",
    ),
    (
        "a grant on what will be",
        "alter default privileges for role optkas_owner grant execute on functions to get_settlement",
    ),
    (
        "a grant on what will be in a schema",
        "alter default privileges for role optkas_owner in schema gateway grant all on tables to get_settlement",
    ),
    (
        "a grant to everybody on what will be",
        "alter default privileges for role optkas_owner grant execute on functions to public",
    ),
    (
        "no grant",
        "revoke execute on function gateway.get_facility from get_facility",
    ),
    (
        "no login",
        "delete from auth.login where name = 'get_settlement'",
    ),
];

/// What nobody wrote into a file is found and gone, whatever was done behind the deployment's back.
#[test]
fn after_a_deployment_over_any_other_state_the_catalogue_is_that_of_the_files() -> Result<()> {
    let _alone = DEPLOYING.write().unwrap_or_else(PoisonError::into_inner);
    let fixture = Fixture::empty()?;
    let mut admin = fixture.admin()?;
    let due = catalogue(&mut admin)?;
    for (what, change) in CHANGES {
        let before = catalogue(&mut admin)?;
        admin
            .batch_execute(&format!(
                "set role optkas_owner; set session_replication_role = replica; {change}"
            ))
            .or_else(|_| admin.batch_execute(&format!("reset role; {change}")))?;
        admin.batch_execute("reset role; reset session_replication_role")?;
        assert_ne!(catalogue(&mut admin)?, before, "{what} is not seen");
    }
    let answer = deploy(&fixture)?;
    assert!(matches!(answer, Answer::Response(_)), "{answer:?}");
    assert_eq!(catalogue(&mut admin)?, due);
    assert_eq!(deploy(&fixture)?.json()["applied"], json!([]));
    Ok(())
}

/// PostgreSQL replaces no function whose result changes while a policy needs it: everything is applied anew.
#[test]
fn a_function_that_cannot_be_replaced_is_dropped_with_what_needs_it() -> Result<()> {
    let _alone = DEPLOYING.write().unwrap_or_else(PoisonError::into_inner);
    let fixture = Fixture::empty()?;
    let mut admin = fixture.admin()?;
    let due = catalogue(&mut admin)?;
    admin.batch_execute(
        "set role optkas_owner;
         drop function auth.is_platform() cascade;
         create function auth.is_platform() returns int language sql stable return 1;
         update deploy.present set sha256 = sha256('before') where path = 'functions/auth/principal.sql'",
    )?;
    record_catalogue(&mut admin)?;
    let applied = deploy(&fixture)?.json()["applied"].as_array().map(Vec::len);
    assert!(applied > Some(50), "{applied:?}");
    assert_eq!(catalogue(&mut admin)?, due);
    Ok(())
}

/// Each function stands once, in the folder of its schema, and the catalogue has these functions and no others.
#[test]
fn each_function_has_one_definition_in_the_folder_of_its_schema() -> Result<()> {
    let definition =
        Regex::new(r"(?m)^create (?:or replace )?function ([a-z_0-9]+)\.([a-z_0-9]+)")?;
    let mut homes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in files("")? {
        for found in definition.captures_iter(&read(&path)?) {
            let schema = &found[1];
            let home = match schema {
                "fixed" => "tables/".to_owned(),
                "gateway" => "gateway/".to_owned(),
                schema => format!("functions/{schema}/"),
            };
            assert!(
                path.starts_with(&home),
                "{} is defined in {path}",
                &found[0]
            );
            homes
                .entry(format!("{schema}.{}", &found[2]))
                .or_default()
                .push(path.clone());
        }
    }
    let twice: Vec<_> = homes.iter().filter(|(_, paths)| paths.len() > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");

    let fixture = Fixture::empty()?;
    let rows = fixture.admin()?.query(
        "select p.pronamespace::regnamespace || '.' || p.proname from pg_proc as p
         where p.proowner = 'optkas_owner'::regrole",
        &[],
    )?;
    let there: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(
        there.iter().cloned().collect::<BTreeSet<_>>(),
        homes.into_keys().collect()
    );
    assert_eq!(
        there.len(),
        there.iter().collect::<BTreeSet<_>>().len(),
        "an overload"
    );
    Ok(())
}

/// Stored rows were checked and computed with these functions: none of them may be one that a deployment replaces.
#[test]
fn no_constraint_index_or_default_depends_on_a_function_of_the_present() -> Result<()> {
    let fixture = Fixture::empty()?;
    let rows = fixture.admin()?.query(
        "select d.classid::regclass || ' ' || pg_describe_object(d.classid, d.objid, d.objsubid)
            || ' needs ' || p.oid::regprocedure
         from pg_depend as d
         join pg_proc as p on d.refclassid = 'pg_proc'::regclass and p.oid = d.refobjid
         where d.classid in ('pg_constraint'::regclass, 'pg_class'::regclass, 'pg_attrdef'::regclass,
                'pg_type'::regclass)
            and p.proowner = 'optkas_owner'::regrole and p.pronamespace <> 'fixed'::regnamespace",
        &[],
    )?;
    let needs: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert!(needs.is_empty(), "{needs:#?}");
    // Bodies in PL/pgSQL are no dependencies of the catalogue: they are read.
    let called = Regex::new(
        r"(?m)^[^-\n]*\b(?:auth|ledger|audit|capital|collateral|risk|tlog|gateway)\.[a-z_0-9]+\(.*$",
    )?;
    let mut calls = Vec::new();
    for path in files("tables")? {
        let text = read(&path)?;
        calls.extend(
            called
                .find_iter(&text)
                .map(|line| format!("{path}: {}", line.as_str())),
        );
    }
    assert!(calls.is_empty(), "{calls:#?}");
    Ok(())
}

/// The SQL files below a folder of `migrations/`, as paths below it.
fn files(folder: &str) -> Result<Vec<String>> {
    fn find(root: &Path, folder: &Path, paths: &mut Vec<String>) -> Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                find(root, &path, paths)?;
            } else if path.extension().is_some_and(|extension| extension == "sql") {
                paths.push(path.strip_prefix(root)?.display().to_string());
            }
        }
        Ok(())
    }
    let root = folders::workspace().join("migrations");
    let mut paths = Vec::new();
    find(&root, &root.join(folder), &mut paths)?;
    paths.sort_unstable();
    Ok(paths)
}

fn read(path: &str) -> Result<String> {
    Ok(fs::read_to_string(
        folders::workspace().join("migrations").join(path),
    )?)
}
