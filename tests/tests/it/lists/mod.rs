//! One endpoint has one name: folder, binary, route, template resource, role, login, gateway function, sample
//! event, operation and row of the table. Many lists, held equal to functions/endpoints.toml, which is theirs, and to
//! what the database, the folders and the API document say.

mod closed;
mod crawl;
mod deployment;
mod examples;
mod frame;
mod guide;
mod limits;
mod openapi;
mod policy;
mod refusals;
mod replies;
mod requests;
mod schema;
mod shapes;
mod template;
mod values;
mod words;

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context as _, Result};
use generate::Kind;
use regex::Regex;
use serde_json::{Value, json};
use shared::collateral::{ReleaseStatus, WarningKind, WarningStatus};
use tests::deployment::functions;
use tests::fixture::Fixture;
use tests::folders;
use tests::routes::Routes;

use crate::endpoints::TABLE;
use openapi::OpenApi;
use template::Template;
pub(crate) use template::yaml;

/// Holds a value to a schema of the API document, and to no other member than that has.
pub(crate) fn assert_documented(schema: &str, value: &Value) {
    thread_local! {
        static API: OpenApi = OpenApi::load().expect("the API document");
    }
    let schema = json!({
        "$ref": format!("#/components/schemas/{schema}"),
        "unevaluatedProperties": false,
    });
    let verdict = API.with(|api| api.verdict(&schema, value, ""));
    assert!(verdict.is_ok(), "{verdict:?}: {value}");
}

/// The functions that no route leads to.
fn jobs() -> impl Iterator<Item = &'static str> {
    TABLE.of(Kind::Job).map(|function| &*function.name)
}

#[test]
fn what_is_generated_is_what_the_table_says() -> Result<()> {
    generate::check(&folders::workspace())
}

#[test]
fn every_list_names_the_same_functions() -> Result<()> {
    let functions = folders_of_functions()?;
    let names = |what: &str, names: BTreeSet<String>| assert_eq!(names, functions, "{what}");
    names(
        "template.yaml",
        Template::load()?.functions.keys().cloned().collect(),
    );
    names(
        "functions/README.md",
        captures(
            "functions/README.md",
            r"(?m)^\| ([a-z-]+) \| [^|]+ \| [^|]+ \| [^|]+ \| `",
        )?,
    );
    let table = TABLE.functions.iter();
    names(
        "functions/endpoints.toml",
        table.map(|function| function.name.clone()).collect(),
    );
    names("events/", files("events", ".json")?);
    let kebab = |names: BTreeSet<String>| {
        names
            .into_iter()
            .map(|name| name.replace('_', "-"))
            .collect()
    };
    names(
        "migrations/gateway/",
        kebab(files("migrations/gateway", ".sql")?),
    );
    // The deployment's own login is the database's owner's to create.
    let bootstrap = captures("migrations/bootstrap.sql", r"(?i)create role (\w+)")?;
    assert_eq!(bootstrap, ["migrate".to_owned()].into());
    let row = r"(?m)^ +\('([a-z_]+)', '";
    for file in ["migrations/roles.sql", "migrations/access/logins.sql"] {
        names(file, kebab(captures(file, row)?));
    }
    Ok(())
}

#[test]
fn every_list_has_the_same_routes() -> Result<()> {
    let routes: BTreeSet<(String, String, String)> = Routes::load()?
        .iter()
        .map(|route| {
            (
                route.function.clone(),
                route.method.clone(),
                route.path.clone(),
            )
        })
        .collect();
    let same =
        |what: &str, found: BTreeSet<(String, String, String)>| assert_eq!(found, routes, "{what}");
    let table = TABLE.functions.iter();
    same(
        "functions/endpoints.toml",
        table
            .filter_map(|function| {
                let (method, path) = function.method_and_path()?;
                Some((function.name.clone(), method.to_owned(), path.to_owned()))
            })
            .collect(),
    );
    same("template.yaml", Template::load()?.routes()?);
    same("docs/openapi.yaml", OpenApi::load()?.operations());
    let row = Regex::new(r"(?m)^\| ([a-z-]+) \| ([A-Z]+) (/\S+) \|")?;
    let text = read("functions/README.md")?;
    same(
        "functions/README.md",
        row.captures_iter(&text)
            .map(|row| (row[1].to_owned(), row[2].to_owned(), row[3].to_owned()))
            .collect(),
    );
    let (mut programs, mut events) = (BTreeSet::new(), BTreeSet::new());
    for function in folders_of_functions()?
        .into_iter()
        .filter(|name| jobs().all(|job| job != *name))
    {
        let main = read(&format!("functions/{function}/src/main.rs"))?;
        let member = |name: &str| -> Result<String> {
            let found = Regex::new(&format!(r#"{name}: "([^"]+)""#))?;
            Ok(found
                .captures(&main)
                .with_context(|| format!("{function} has no {name}"))?[1]
                .to_owned())
        };
        programs.insert((function.clone(), member("method")?, member("route")?));
        let event: Value = serde_json::from_str(&read(&format!("events/{function}.json"))?)?;
        let key = event["routeKey"]
            .as_str()
            .and_then(|key| key.split_once(' '))
            .context("a routeKey")?;
        assert_eq!(
            event["requestContext"]["http"]["method"], key.0,
            "{function}"
        );
        assert_eq!(
            event["requestContext"]["routeKey"], event["routeKey"],
            "{function}"
        );
        events.insert((function, key.0.to_owned(), key.1.to_owned()));
    }
    same("functions/*/src/main.rs", programs);
    same("events/", events);
    Ok(())
}

/// A new function's wiring is that of the others.
#[test]
fn the_wiring_of_a_new_function_is_that_of_the_others() -> Result<()> {
    let code = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with("//!"));
        lines.collect::<Vec<_>>().join("\n")
    };
    for name in ["get-facility", "collateral-webhook", "prune-tokens"] {
        let new = generate::scaffold::main_rs(TABLE.find(name).context("a row")?);
        let ours = read(&format!("functions/{name}/src/main.rs"))?;
        assert_eq!(code(&new), code(&ours), "{name}");
    }
    Ok(())
}

#[test]
fn each_login_may_execute_its_own_gateway_functions_and_nothing_else() -> Result<()> {
    let fixture = Fixture::empty()?;
    let rows = fixture.admin()?.query(
        "select l.rolname::text, n.nspname || '.' || p.proname
        from pg_proc as p
        join pg_namespace as n on n.oid = p.pronamespace
        cross join pg_roles as l
        where l.rolcanlogin and not l.rolsuper
            and n.nspname not in ('pg_catalog', 'information_schema')
            and has_schema_privilege(l.oid, n.oid, 'usage')
            and has_function_privilege(l.oid, p.oid, 'execute')",
        &[],
    )?;
    let granted: BTreeSet<(String, String)> =
        rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let expected = TABLE
        .functions
        .iter()
        .flat_map(|function| {
            let own = function.gateway_functions().into_iter();
            own.map(|name| (function.login(), format!("gateway.{name}")))
        })
        .collect();
    assert_eq!(granted, expected);
    Ok(())
}

#[test]
fn each_function_has_a_package_and_a_binary_of_its_name() -> Result<()> {
    for function in functions()? {
        let manifest = read(&format!("functions/{function}/Cargo.toml"))?;
        assert!(
            manifest.contains(&format!("name = \"{function}\"")),
            "{function}"
        );
        assert!(
            !manifest.contains("[[bin]]"),
            "{function}: one binary, named as the package"
        );
    }
    Ok(())
}

#[test]
fn the_local_table_of_variables_equals_the_templates() -> Result<()> {
    use crate::configuration::variables;
    for (function, resource) in Template::load()?.functions {
        let (required, optional) = variables(&function);
        let given: BTreeSet<&str> = resource.variables.iter().map(String::as_str).collect();
        let missing: Vec<_> = required
            .iter()
            .filter(|name| !given.contains(**name))
            .collect();
        assert!(
            missing.is_empty(),
            "{function} is deployed without {missing:?}"
        );
        let unknown: Vec<_> = given
            .iter()
            // What only makes a version new.
            .filter(|name| **name != "REVISION")
            .filter(|name| !required.contains(name) && !optional.contains(name))
            .collect();
        assert!(
            unknown.is_empty(),
            "{function} is deployed with {unknown:?}, which it does not read"
        );
        let table = read("functions/README.md")?;
        for name in required.iter().chain(&optional) {
            assert!(
                table.contains(&format!("| `{name}` |")),
                "functions/README.md has no {name}"
            );
        }
    }
    Ok(())
}

fn folders_of_functions() -> Result<BTreeSet<String>> {
    Ok(functions()?.into_iter().collect())
}

/// The names of a folder's files that end so, without that end.
fn files(folder: &str, end: &str) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folders::workspace().join(folder))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        names.extend(name.strip_suffix(end).map(str::to_owned));
    }
    Ok(names)
}

/// What the first group of the pattern matches in a file.
fn captures(file: &str, pattern: &str) -> Result<BTreeSet<String>> {
    let text = read(file)?;
    Ok(Regex::new(pattern)?
        .captures_iter(&text)
        .map(|found| found[1].to_owned())
        .collect())
}

fn read(file: &str) -> Result<String> {
    fs::read_to_string(folders::workspace().join(file)).with_context(|| file.to_owned())
}

/// What a member may have sent is what people's functions write, and a path of theirs that names a resource has an id.
#[test]
fn the_operations_that_a_member_can_have_sent_are_those_that_write() -> Result<()> {
    let writers: BTreeSet<(String, bool)> = TABLE
        .functions
        .iter()
        .filter(|function| function.kind == Kind::People && function.writes)
        .map(|function| {
            let route = function.route.clone().unwrap_or_default();
            (function.name.clone(), route.contains("{id}"))
        })
        .collect();
    let row = Regex::new(r#"\("([a-z-]+)", (true|false)\),"#)?;
    let text = read("functions/find-commitment/src/query.rs")?;
    let known: BTreeSet<(String, bool)> = row
        .captures_iter(&text)
        .map(|found| (found[1].to_owned(), &found[2] == "true"))
        .collect();
    assert_eq!(known, writers);
    let names: BTreeSet<&str> = writers.iter().map(|(name, _)| &**name).collect();
    let schema = &yaml("docs/openapi.yaml")?["components"]["schemas"]["PeoplesOperation"]["enum"];
    let documented: BTreeSet<&str> = schema
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(documented, names);
    Ok(())
}

/// What a list is filtered by are the words that its rows have.
#[test]
fn the_words_of_filters_are_those_of_the_database_and_of_the_document() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    let api = OpenApi::load()?;
    let in_document = |name: &str| -> BTreeSet<String> {
        schema::list(&api.0["components"]["schemas"][name]["enum"])
            .filter_map(|word| word.as_str().map(str::to_owned))
            .collect()
    };
    let mut stored = |constraint: &str| -> Result<BTreeSet<String>> {
        let sql = "select pg_get_constraintdef(oid) from pg_constraint where conname = $1";
        let text: String = admin.query_one(sql, &[&constraint])?.get(0);
        let words = Regex::new("'([A-Za-z-]+)'::text")?;
        let words = words.captures_iter(&text);
        Ok(words.map(|found| found[1].to_owned()).collect())
    };
    let words =
        |all: &[&str]| -> BTreeSet<String> { all.iter().map(|word| (*word).into()).collect() };
    let kinds = words(WarningKind::ALL);
    assert_eq!(kinds, stored("warning_kind_known")?);
    assert_eq!(kinds, in_document("WarningKind"));
    assert_eq!(words(WarningStatus::ALL), in_document("WarningStatus"));
    let statuses = words(ReleaseStatus::ALL);
    let mut told = stored("release_status_members")?;
    // Told of a request that nobody approved in time; never stored.
    told.insert("EXPIRED".to_owned());
    assert_eq!(statuses, told);
    assert_eq!(statuses, in_document("ReleaseStatus"));
    Ok(())
}
