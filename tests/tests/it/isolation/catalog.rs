//! Rules of the catalogue that make the matrix hold for tables, functions and roles not yet written.

use std::collections::BTreeSet;
use std::fs;
use std::sync::PoisonError;

use anyhow::{Context, Result};
use generate::Kind;
use regex::Regex;
use tests::deployment::SCHEMAS;
use tests::fixture::Fixture;
use tests::folders;

use crate::endpoints::TABLE;
use crate::migrations::DEPLOYING;

/// Rules of the schema beside a query for what breaks them; `:schemas` are ours.
const RULES: [(&str, &str); 18] = [
    ("every table has row-level security, enabled and forced, and a policy", "
        select c.oid::regclass::text from pg_class as c
        where c.relnamespace::regnamespace::text in :schemas and c.relkind in ('r', 'p')
            and c.oid <> 'deploy.turn'::regclass
            and not (c.relrowsecurity and c.relforcerowsecurity
                and exists (select from pg_policy as p where p.polrelid = c.oid)
                    = (c.relnamespace <> 'lane'::regnamespace))"),
    ("no role but the owner has a privilege on a table, but for auditors to read, and to lock a lane", "
        select distinct r.rolname || ': ' || p.name || ' on ' || c.oid::regclass
        from pg_roles as r, pg_class as c, unnest(array[
            'select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger'
        ]) as p (name)
        where c.relnamespace::regnamespace::text in :schemas and c.relkind in ('r', 'p')
            and not r.rolsuper and r.oid > 16383 and r.rolname <> 'optkas_owner'
            and c.relnamespace <> 'deploy'::regnamespace
            and not starts_with(r.rolname, 'auditor_')
            and (r.rolname, p.name) <> ('optkas_auditor', 'select')
            and (p.name, c.relnamespace) <> ('update', 'lane'::regnamespace)
            and has_table_privilege(r.oid, c.oid, p.name)"),
    ("a lane has no column, and neither auditors nor readers of the API can lock one", "
        select c.oid::regclass::text from pg_class as c
        where c.relnamespace = 'lane'::regnamespace
            and (c.relnatts > 0 or has_table_privilege('optkas_auditor', c.oid, 'update')
                or has_table_privilege('get_settlement', c.oid, 'update'))"),
    ("the list of schemas is complete", "
        select n.nspname from pg_namespace as n
        where n.nspname not in :schemas and n.nspname !~ '^pg_' and n.nspname not in ('public', 'information_schema')"),
    ("nothing holds rows but tables", "
        select c.oid::regclass::text from pg_class as c
        where c.relnamespace::regnamespace::text in :schemas and c.relkind in ('v', 'm', 'f')"),
    ("every table, gateway function and schema has a comment", "
        select c.oid::regclass::text from pg_class as c
        where c.relnamespace::regnamespace::text in :schemas and c.relkind in ('r', 'p')
            and obj_description(c.oid, 'pg_class') is null and c.oid <> 'deploy.turn'::regclass
        union all
        select p.oid::regprocedure::text from pg_proc as p
        where p.pronamespace = 'gateway'::regnamespace and obj_description(p.oid, 'pg_proc') is null
        union all
        select n.nspname from pg_namespace as n
        where n.nspname in :schemas and obj_description(n.oid, 'pg_namespace') is null"),
    // migrate locks its table before it is a member of the owner.
    ("optkas_owner owns everything but the turn of deployments", "
        select c.oid::regclass::text from pg_class as c
        where c.relnamespace::regnamespace::text in :schemas and c.relowner <> 'optkas_owner'::regrole
            and c.oid <> 'deploy.turn'::regclass
        union all
        select p.oid::regprocedure::text from pg_proc as p
        where p.pronamespace::regnamespace::text in :schemas and p.proowner <> 'optkas_owner'::regrole
        union all
        select n.nspname from pg_namespace as n
        where n.nspname in :schemas and n.nspowner <> 'optkas_owner'::regrole and n.nspname <> 'deploy'"),
    ("only the bootstrap role is a superuser or bypasses row-level security", "
        select rolname from pg_roles where (rolsuper or rolbypassrls or rolreplication) and oid <> 10"),
    ("only migrate creates roles, and no role creates databases", "
        select rolname from pg_roles
        where oid <> 10 and (rolcreatedb or (rolcreaterole and rolname <> 'migrate'))"),
    // From PostgreSQL 16 on, the creator of a role may grant it, but cannot act as it. Auditors are members of their
    // role; the tests name them auditor_*.
    ("no role of ours is a member of another one", "
        select m.member::regrole || ' in ' || m.roleid::regrole from pg_auth_members as m
        where m.member > 16383 and m.roleid <> 'optkas_auditor'::regrole
            and m.roleid not in ('pg_read_all_stats'::regrole, 'pg_signal_backend'::regrole)
            and (coalesce((to_jsonb(m) ->> 'set_option')::boolean, true)
                or coalesce((to_jsonb(m) ->> 'inherit_option')::boolean, true))"),
    ("PUBLIC has no privilege on this database and in our schemas", "
        select 'database ' || a.privilege_type
        from pg_database as d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) as a
        where d.datname = current_database() and a.grantee = 0
        union all
        select n.nspname || ' ' || a.privilege_type
        from pg_namespace as n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) as a
        where (n.nspname in :schemas or n.nspname = 'public') and a.grantee = 0
        union all
        select p.oid::regprocedure || ' ' || a.privilege_type
        from pg_proc as p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
        where p.pronamespace::regnamespace::text in :schemas and a.grantee = 0
        union all
        select c.oid::regclass || ' ' || a.privilege_type
        from pg_class as c, aclexplode(c.relacl) as a
        where c.relnamespace::regnamespace::text in :schemas and a.grantee = 0"),
    // The type of a table's rows has no privileges of its own; without the schema it cannot be named.
    ("PUBLIC may not use a type of ours", "
        select t.oid::regtype || ' ' || a.privilege_type
        from pg_type as t, aclexplode(coalesce(t.typacl, acldefault('T', t.typowner))) as a
        where t.typnamespace::regnamespace::text in :schemas and a.grantee = 0 and t.typelem = 0
            and not exists (select from pg_class as c where c.oid = t.typrelid and c.relkind <> 'c')"),
    ("who grants may not pass it on", "
        select p.oid::regprocedure::text from pg_proc as p, aclexplode(p.proacl) as a
        where p.pronamespace::regnamespace::text in :schemas
            and a.is_grantable and a.grantee <> 'optkas_owner'::regrole"),
    // migrate owns the database, which includes both.
    ("no login may create a schema or a temporary object", "
        select r.rolname from pg_roles as r
        where not r.rolsuper and r.rolname <> 'migrate' and r.oid > 16383
            and (has_database_privilege(r.oid, current_database(), 'temporary')
                or has_database_privilege(r.oid, current_database(), 'create'))"),
    ("no login may create anything in a schema, and only those of ours it needs can be used", "
        select r.rolname || ' in ' || n.nspname from pg_roles as r, pg_namespace as n
        where not r.rolsuper and r.oid > 16383 and r.rolname <> 'optkas_owner'
            and not starts_with(r.rolname, 'auditor_')
            and (n.nspname in :schemas or (n.nspname = 'public' and r.rolname <> 'migrate'))
            and (r.rolname, n.nspname) <> ('migrate', 'deploy')
            and (has_schema_privilege(r.oid, n.oid, 'create')
                or (has_schema_privilege(r.oid, n.oid, 'usage') and n.nspname not in ('gateway', 'lane')
                    and (r.rolname <> 'optkas_auditor' or n.nspname in ('public', 'deploy'))))"),
    // A body that is parsed once, at its creation, resolves no name later.
    ("every function whose body is text, and every security definer, pins its search path", "
        select p.oid::regprocedure::text from pg_proc as p
        where p.pronamespace::regnamespace::text in :schemas and (p.prosqlbody is null or p.prosecdef)
            and not coalesce(p.proconfig @> array['search_path=pg_catalog, pg_temp'], false)"),
    ("constraints are named after their tables", r"
        select c.conrelid::regclass || ' ' || c.conname from pg_constraint as c
        where c.connamespace::regnamespace::text in :schemas and c.contype in ('c', 'f', 'p', 'u', 'x')
            and not starts_with(c.conname, (select relname from pg_class where oid = c.conrelid) || '_')"),
    ("statements of a login end by themselves", "
        select r.rolname from pg_roles as r
        where r.rolcanlogin and r.oid > 16383
            and not starts_with(r.rolname, 'auditor_')
            and not exists (
                select from pg_db_role_setting as s
                where s.setrole = r.oid and s.setconfig @> array['default_transaction_isolation='
                        || case
                            when r.rolname in (
                                'anchor_checkpoint', 'sequence_tlog', 'sign_checkpoint', 'watch_database')
                            then 'read committed'
                            when r.rolname = 'reconcile_books' then 'repeatable read'
                            else 'serializable' end]
                    and s.setconfig::text ~ 'statement_timeout=[1-9]' and s.setconfig::text ~ 'lock_timeout=[1-9]')"),
];

#[test]
fn the_catalogue_follows_the_rules_of_privileges() -> Result<()> {
    let _no_deployment = DEPLOYING.read().unwrap_or_else(PoisonError::into_inner);
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    for (rule, offenders) in RULES {
        let rows = admin
            .query(&offenders.replace(":schemas", SCHEMAS), &[])
            .context(rule)?;
        let offenders: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        assert!(offenders.is_empty(), "{rule}: {offenders:#?}");
    }
    Ok(())
}

/// A person's or an agent's login executes the one function of its name. A job's executes those of its file.
#[test]
fn each_login_executes_the_functions_of_its_file_and_other_roles_none() -> Result<()> {
    let fixture = Fixture::new()?;
    let executable = fixture.admin()?.query(
        &format!(
            "
        select r.rolname::text, n.nspname || '.' || p.proname
        from pg_roles as r, pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
        where n.nspname in {SCHEMAS} and r.rolname <> 'optkas_owner' and not r.rolsuper
            and has_function_privilege(r.oid, p.oid, 'execute')"
        ),
        &[],
    )?;
    let executable: Vec<(String, String)> = executable
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect();
    let definition = Regex::new(r"(?m)^create or replace function gateway\.([a-z_]+)\(")?;
    let mut expected = BTreeSet::new();
    for function in &TABLE.functions {
        let login = function.login();
        let path = folders::workspace().join(format!("migrations/gateway/{login}.sql"));
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let defined: Vec<String> = definition
            .captures_iter(&text)
            .map(|found| found[1].to_owned())
            .collect();
        assert_eq!(defined, function.gateway_functions(), "{login}.sql");
        if function.kind != Kind::Job {
            assert_eq!(defined, [&*login]);
        }
        expected.extend(
            defined
                .iter()
                .map(|name| (login.clone(), format!("gateway.{name}"))),
        );
    }
    assert_eq!(
        executable.iter().cloned().collect::<BTreeSet<_>>(),
        expected
    );
    assert_eq!(
        executable.len(),
        expected.len(),
        "one function of each name"
    );
    Ok(())
}

/// The columns that a policy reads, where no index begins with them. Rows of these tables are found by
/// their keys, and the policy then looks at the rows that were found.
const UNINDEXED: [&str; 7] = [
    "capital.journal.allocator_id",
    "capital.posting.allocator_id",
    "capital.settlement_transition.allocator_id",
    "ledger.commitment_ledger.principal_id",
    "ledger.commitment_ledger.principal_kind",
    "ledger.commitment_outcome.principal_id",
    "ledger.commitment_outcome.principal_kind",
];

#[test]
fn a_policy_reads_indexed_columns() -> Result<()> {
    let fixture = Fixture::new()?;
    let unindexed = fixture.admin()?.query(&format!("
        select distinct p.polrelid::regclass || '.' || a.attname
        from pg_policy as p
        join pg_class as c on c.oid = p.polrelid
        join pg_depend as d on d.classid = 'pg_policy'::regclass and d.objid = p.oid and d.refobjid = p.polrelid
        join pg_attribute as a on a.attrelid = p.polrelid and a.attnum = d.refobjsubid
        where p.polqual is not null and d.refobjsubid > 0 and c.relnamespace::regnamespace::text in {SCHEMAS}
            and not exists (select from pg_index as i where i.indrelid = p.polrelid and i.indkey[0] = d.refobjsubid)
        order by 1"), &[])?;
    let unindexed: Vec<String> = unindexed.iter().map(|row| row.get(0)).collect();
    assert_eq!(unindexed, UNINDEXED, "this list may only shrink");
    Ok(())
}

/// A row that is of one facility, or of one allocator, refers to rows of no other.
#[test]
fn foreign_keys_stay_within_the_facility_and_the_allocator() -> Result<()> {
    // Chains of one settlement or of one account, whose allocator another key fixes:
    // settlement_transition_settlement_fkey and posting_account_fkey.
    const OF_ONE_CHAIN: [&str; 4] = [
        "account_last_posting_fkey",
        "posting_previous_fkey",
        "settlement_last_transition_fkey",
        "settlement_transition_previous_fkey",
    ];
    let fixture = Fixture::empty()?;
    let mut admin = fixture.admin()?;
    for owner in ["facility_id", "allocator_id"] {
        let crossing = admin.query(
            "select c.conname::text, array(
                select format('%s=%s', a.attname, b.attname)
                from unnest(c.conkey, c.confkey) as k (a, b)
                join pg_attribute as a on (a.attrelid, a.attnum) = (c.conrelid, k.a)
                join pg_attribute as b on (b.attrelid, b.attnum) = (c.confrelid, k.b)
            )::text[]
            from pg_constraint as c
            join pg_attribute as a on a.attrelid = c.conrelid and a.attname = $1::text
            join pg_attribute as b on b.attrelid = c.confrelid and b.attname = $1::text
            where c.contype = 'f' order by 1",
            &[&owner],
        )?;
        assert!(crossing.len() > 5, "{owner}");
        for row in crossing {
            let (name, pairs): (String, Vec<String>) = (row.get(0), row.get(1));
            assert!(
                pairs.contains(&format!("{owner}={owner}"))
                    || (owner == "allocator_id" && OF_ONE_CHAIN.contains(&&*name)),
                "{name}: {pairs:?}"
            );
        }
    }
    Ok(())
}
