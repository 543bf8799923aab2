//! What a login can set for its session and for its role.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use postgres::{Client, NoTls};
use regex::Regex;
use serde_json::{Value, json};
use tests::deployment::{functions, login};
use tests::fixture::Fixture;
use tests::lambda::{Answer, Invocation};
use tests::sample_data::{USD_FACILITY, idempotency_key};

use crate::direct::{barrier, call, claim, quote};
use crate::endpoints::TABLE;
use crate::isolation::call_with;
use crate::support::count;

const FUNCTION: &str = "create-settlement";

/// Settings that can make an honest call fail, which is seen: by its own alarm and as a deviation. Nothing that runs
/// inside a call can mend them.
const CLOSED: [(&str, &str); 9] = [
    (
        "default_transaction_isolation",
        "a call insists on its level",
    ),
    ("default_transaction_read_only", "a claim is a write"),
    (
        "idle_in_transaction_session_timeout",
        "the session ends between two statements",
    ),
    (
        "idle_session_timeout",
        "the session ends between two statements",
    ),
    (
        "local_preload_libraries",
        "no session begins without the library",
    ),
    (
        "restrict_nonsystem_relation_kind",
        "PostgreSQL then expands no view",
    ),
    (
        "row_security",
        "a policy that is switched off is an error for whom it binds",
    ),
    ("statement_timeout", "it runs since before the call"),
    ("transaction_timeout", "it runs since before the call"),
];

/// Every setting that a login may change, with values other than its own.
fn choices(admin: &mut Client) -> Result<Vec<(String, Vec<String>)>> {
    let rows = admin.query(
        "select s.name, array(
            select distinct v from unnest(
                case s.vartype
                    when 'bool' then array['on', 'off']
                    when 'enum' then s.enumvals
                    when 'string' then array['', 'x']
                    else array[s.min_val, s.max_val, '1']
                end) as v
            where v <> s.setting order by v)
        from pg_settings as s where s.context = 'user' order by s.name",
        &[],
    )?;
    let mut choices = rows
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect::<Result<Vec<(String, Vec<String>)>>>()?;
    // Not of the server, and not in its list.
    for name in [
        "optkas.token",
        "optkas.identity",
        "optkas.commitment",
        "role",
        "seed",
    ] {
        choices.push((
            name.to_owned(),
            vec!["x".to_owned(), "none".to_owned(), "0.5".to_owned()],
        ));
    }
    assert!(choices.len() > 120, "the query finds the settings");
    Ok(choices)
}

/// A proposal of alice's in a session of its own, its token a parameter as functions send it: the answer, and what the
/// session's transaction commits with. `None` if it failed.
fn propose(fixture: &Fixture, token: &str) -> Option<(Value, String)> {
    let rest = format!(
        "'{}', 100, 'USD', '2099-01-02', null, null, null",
        USD_FACILITY.id
    );
    let sql = call(
        FUNCTION,
        &format!("$1, {}, {rest}", claim(&idempotency_key(), &rest)),
    );
    let ask = || -> Result<(Value, String)> {
        let mut client = fixture.login(FUNCTION)?;
        let mut transaction = client.transaction()?;
        let row = transaction.query_one(&sql, &[&token])?;
        let mut body: Value = row.try_get("body")?;
        body["outcome"] = json!(row.try_get::<_, String>("outcome")?);
        let durable = transaction
            .query_one("select current_setting('synchronous_commit')", &[])?
            .try_get(0)?;
        transaction.commit()?;
        Ok((body, durable))
    };
    ask().ok()
}

fn fresh_token(fixture: &Fixture) -> String {
    fixture.person("alice").token()
}

/// Without what is another one each time.
fn stripped(mut body: Value) -> Value {
    for member in [
        "id",
        "created_at",
        "updated_at",
        "commitment",
        "transitions",
    ] {
        body.as_object_mut().map(|members| members.remove(member));
    }
    body
}

#[test]
fn no_setting_of_a_login_outlives_the_compromise_unseen() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    let database = fixture.database().name().to_owned();
    let token = fresh_token(&fixture);
    let (expected, durable) = propose(&fixture, &token).context("an honest call")?;
    let expected = stripped(expected);
    assert_eq!(durable, "on");
    let (mut failed, mut tried) = (BTreeSet::new(), 0);
    for (name, values) in choices(&mut admin)? {
        for value in values {
            let mut hostile = fixture.login(FUNCTION)?;
            // Of the one database: the roles are shared with other tests.
            let alter = format!(
                "alter role {} in database {database} set {name} = {}",
                login(FUNCTION),
                quote(&value)
            );
            if hostile.batch_execute(&alter).is_err() {
                continue;
            }
            // What the role has already is no change.
            let same = "select r.rolconfig @> s.setconfig from pg_roles as r
                join pg_db_role_setting as s on s.setrole = r.oid and s.setdatabase <> 0
                join pg_database as d on d.oid = s.setdatabase and d.datname = current_database()
                where r.rolname = $1";
            if admin
                .query_one(same, &[&login(FUNCTION)])?
                .try_get::<_, bool>(0)?
            {
                continue;
            }
            tried += 1;
            match propose(&fixture, &token) {
                Some((body, durable)) => {
                    assert_eq!(stripped(body), expected, "{alter}");
                    assert_eq!(durable, "on", "{alter}");
                }
                None => {
                    failed.insert(name.clone());
                }
            }
            let deviates = format!(
                "select count(*) from auth.deviations() as d where d ->> 'of' = 'setting'
                    and d ->> 'role' = '{}' and lower(d ->> 'name') = lower('{name}')",
                login(FUNCTION)
            );
            assert_eq!(count(&mut admin, &deviates)?, 1, "{alter}");
            admin.batch_execute(&format!(
                "alter role {} in database {database} reset all",
                login(FUNCTION)
            ))?;
        }
    }
    assert!(tried > 200, "{tried} tried");
    let closed: BTreeSet<String> = CLOSED.iter().map(|(name, _)| (*name).to_owned()).collect();
    let open: Vec<_> = failed.difference(&closed).collect();
    assert!(open.is_empty(), "{open:?} make an honest call fail");
    // What failed left nothing, and no parameter of any of it is in the server's log.
    assert_eq!(
        count(
            &mut admin,
            "
        select count(*) from ledger.commitment_ledger as l
        where not exists (select from ledger.commitment_outcome as o where o.key = l.key)"
        )?,
        0
    );
    let log = fixture.services().cluster().log()?;
    for part in token.split('.').skip(1) {
        assert!(!log.contains(part), "a part of the token is in the log");
    }
    Ok(())
}

/// The owner's statements have rows of others as constants in their plans, which name their tables by number.
#[test]
fn no_plan_over_anybodys_rows_is_shown_to_a_login() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    let mut oid = |table: &str| -> Result<String> {
        let row = admin.query_one("select ($1::text)::regclass::oid::text", &[&table])?;
        Ok(row.try_get(0)?)
    };
    let allowed = BTreeSet::from([oid("auth.login")?]);
    let relation = Regex::new(r":relid (\d+)")?;
    let token = quote(&fixture.person("alice").token());
    let mut open = Vec::new();
    for function in functions()? {
        let table = TABLE.find(&function).context("a row")?;
        for name in table.gateway_functions() {
            let shown = Arc::new(Mutex::new(String::new()));
            let database = fixture
                .deployment()
                .database(fixture.database(), &function)?;
            let mut config: postgres::Config = database.url().parse()?;
            let kept = Arc::clone(&shown);
            config.notice_callback(move |notice| {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.push_str(notice.detail().unwrap_or_default());
            });
            let mut hostile = config.connect(NoTls)?;
            for setting in [
                "client_min_messages = log",
                "debug_print_parse = on",
                "debug_print_rewritten = on",
                "debug_print_plan = on",
                "plan_cache_mode = force_custom_plan",
            ] {
                hostile.batch_execute(&format!("set {setting}"))?;
            }
            let sql = call_with(&name, &token, "00000000-0000-4000-8000-000000000000")?;
            // Whatever the answer, also an error.
            drop(hostile.batch_execute(&sql));
            let shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
            assert!(!shown.is_empty(), "the session shows plans");
            let tables: BTreeSet<String> = relation
                .captures_iter(&shown)
                .map(|found| found[1].to_owned())
                .filter(|table| table != "0")
                .collect();
            if !tables.is_subset(&allowed) {
                open.push(name);
            }
        }
    }
    assert!(open.is_empty(), "{open:?} read before they know who asks");
    Ok(())
}

/// On a cluster of its own: roles are the cluster's.
#[test]
fn a_deployment_sets_back_what_logins_changed_and_refuses_what_it_cannot() -> Result<()> {
    let fixture = Fixture::isolated()?;
    let mut admin = fixture.admin()?;
    let deploy = || -> Result<Answer> {
        fixture
            .function("migrate")?
            .invoke(Invocation::new(&json!({})))
    };
    let deviations = |admin: &mut Client| -> Result<Vec<String>> {
        let rows = admin.query("select d::text from auth.deviations() as d", &[])?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    };
    assert_eq!(deviations(&mut admin)?, [""; 0], "as deployed");
    for function in functions()? {
        let mut hostile = fixture.login(&function)?;
        for place in [
            "",
            " in database postgres",
            &format!(" in database {}", fixture.database().name()),
        ] {
            for setting in [
                "synchronous_commit = off",
                "log_parameter_max_length_on_error = -1",
                "statement_timeout = 0",
            ] {
                let alter = format!("alter role {}{place} set {setting}", login(&function));
                hostile.batch_execute(&alter).context(alter)?;
            }
        }
    }
    assert!(deviations(&mut admin)?.len() >= 4 * functions()?.len());
    let report = fixture.function("watch-database")?.call(&Value::Null)?;
    assert!(report["deviations"].as_u64() >= Some(100), "{report}");
    let logs = fixture.function("watch-database")?.logs();
    assert!(
        logs.contains("The database is not as the deployment left it."),
        "{logs}"
    );
    assert!(matches!(deploy()?, Answer::Response(_)));
    assert_eq!(deviations(&mut admin)?, [""; 0], "as deployed");

    // What a superuser gave is named, and left to a superuser.
    for (given, taken) in [
        (
            "alter role list_audit bypassrls",
            "alter role list_audit nobypassrls",
        ),
        (
            "alter role list_audit superuser",
            "alter role list_audit nosuperuser",
        ),
        (
            "alter role optkas_owner login",
            "alter role optkas_owner nologin",
        ),
        ("alter role list_audit connection limit -1", ""),
        (
            "grant pg_read_all_data to list_audit",
            "revoke pg_read_all_data from list_audit",
        ),
        (
            "grant optkas_owner to list_audit",
            "revoke optkas_owner from list_audit",
        ),
        (
            "grant list_audit to list_positions",
            "revoke list_audit from list_positions",
        ),
        ("alter system set log_error_verbosity = 'default'", ""),
    ] {
        admin.batch_execute(given)?;
        admin.batch_execute("select pg_reload_conf()")?;
        assert_eq!(
            deviations(&mut admin)?.is_empty(),
            given.starts_with("alter system"),
            "{given}"
        );
        assert_eq!(
            matches!(deploy()?, Answer::Response(_)),
            taken.is_empty(),
            "{given}"
        );
        if !taken.is_empty() {
            admin.batch_execute(taken)?;
        }
        assert_eq!(deviations(&mut admin)?, [""; 0], "{given}, taken back");
    }
    Ok(())
}

/// A password that a login gave itself, where tokens are used.
#[test]
fn a_login_that_signs_in_with_tokens_keeps_no_password() -> Result<()> {
    let fixture = Fixture::isolated()?;
    let mut admin = fixture.admin()?;
    admin.batch_execute("create role rds_iam; grant rds_iam to migrate with admin option")?;
    fixture
        .login("list-audit")?
        .batch_execute("alter role list_audit password 'mine'")?;
    fixture.function("migrate")?.call(&json!({}))?;
    let kept = "select count(*) from pg_authid where rolpassword is not null and rolname <> 'migrate' and oid <> 10";
    assert_eq!(count(&mut admin, kept)?, 0);
    let stopped =
        barrier(admin.batch_execute("set role list_audit; alter role list_audit bypassrls"));
    assert!(stopped.starts_with("42501"), "{stopped}");
    Ok(())
}
