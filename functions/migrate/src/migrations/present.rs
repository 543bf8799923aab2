//! The present: functions, triggers, policies and grants, as their files say, and nothing else.
//!
//! `functions/`, `gateway/` and `access/` hold one living definition each. What was applied is recorded in
//! `deploy.present`: the SHA-256 of each file, the functions that it defines, and a digest of the catalogue
//! (`catalogue.sql`). A deployment compares both with what it finds:
//!
//! - Nothing differs: nothing is done, and no lock is taken.
//! - Only files of `functions/` and `gateway/` differ: these files are applied, and the functions that they no longer
//!   define are dropped. No table is locked.
//! - A file of `access/` differs, or the catalogue is not as it was left, or a function has changed in a way that only
//!   dropping it allows: everything is withdrawn (`withdraw.sql`) and applied anew. Tables are locked for that long.
//!
//! Files are applied in the order of their paths: `functions/`, `gateway/`, `access/`. A file that needs a function
//! of a later file waits for it. All of it is one transaction: a crash leaves the present as it was.

use std::collections::{HashMap, HashSet, VecDeque};

use ring::digest::{Context, SHA256, digest};
use tokio_postgres::{Client, Error, error::SqlState};

use super::embedded::{ACCESS, CATALOGUE, FUNCTIONS, File, GATEWAY, WITHDRAW};

/// The path under which the catalogue's digest is recorded.
const CATALOGUE_PATH: &str = "catalogue";

/// The functions that are there, each with where its row is: defining one anew moves its row.
const DEFINED: &str = "
    select p.oid::regprocedure::text, p.ctid::text
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname in ('audit', 'auth', 'capital', 'collateral', 'gateway', 'lane', 'ledger', 'risk', 'tlog')";

/// What was last applied: of a file its SHA-256 and the functions that it defines.
type Recorded = HashMap<String, (Vec<u8>, Vec<String>)>;

/// Applies what differs; answers the paths of the files that were applied.
pub(super) async fn apply(client: &Client) -> Result<Vec<String>, Error> {
    client.batch_execute("begin").await?;
    let recorded = recorded(client).await?;
    let found = catalogue_sha256(client).await?;
    let is_as_recorded =
        |path: &str, sha256: &[u8]| recorded.get(path).is_some_and(|(known, _)| known == sha256);

    let all: Vec<&File> = FUNCTIONS.iter().chain(GATEWAY).chain(ACCESS).collect();
    let mut differing: Vec<&File> = all
        .iter()
        .copied()
        .filter(|(path, sql)| !is_as_recorded(path, digest(&SHA256, sql.as_bytes()).as_ref()))
        .collect();
    let gone: Vec<&str> = recorded
        .keys()
        .map(String::as_str)
        .filter(|path| *path != CATALOGUE_PATH && all.iter().all(|(known, _)| known != path))
        .collect();
    let is_left = is_as_recorded(CATALOGUE_PATH, &found);
    if is_left && differing.is_empty() && gone.is_empty() {
        client.batch_execute("rollback").await?;
        return Ok(Vec::new());
    }

    let mut paths = differing
        .iter()
        .map(|(path, _)| *path)
        .chain(gone.iter().copied());
    let functions_alone = is_left && !paths.any(|path| path.starts_with("access/"));
    if !(functions_alone && replace(client, &differing, &gone, &recorded).await?) {
        client.batch_execute(WITHDRAW).await?;
        client.batch_execute("delete from deploy.present").await?;
        run(client, &all).await?;
        differing = all;
    }
    record(
        client,
        CATALOGUE_PATH,
        &catalogue_sha256(client).await?,
        &[],
    )
    .await?;
    client.batch_execute("commit").await?;
    Ok(differing
        .iter()
        .map(|(path, _)| (*path).to_owned())
        .collect())
}

/// Applies files of functions over what is there, and drops what they no longer define. False, and nothing is changed,
/// where PostgreSQL wants a function dropped first that something else still needs.
async fn replace(
    client: &Client,
    differing: &[&File],
    gone: &[&str],
    recorded: &Recorded,
) -> Result<bool, Error> {
    client.batch_execute("savepoint replaced").await?;
    match try_to_replace(client, differing, gone, recorded).await {
        Ok(()) => Ok(true),
        Err(error)
            if matches!(
                error.code(),
                Some(
                    &SqlState::INVALID_FUNCTION_DEFINITION
                        | &SqlState::DEPENDENT_OBJECTS_STILL_EXIST
                )
            ) =>
        {
            client
                .batch_execute("rollback to savepoint replaced")
                .await?;
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

async fn try_to_replace(
    client: &Client,
    differing: &[&File],
    gone: &[&str],
    recorded: &Recorded,
) -> Result<(), Error> {
    let defined: HashSet<String> = run(client, differing).await?.into_iter().collect();
    let before = differing
        .iter()
        .map(|(path, _)| *path)
        .chain(gone.iter().copied());
    let left_over: Vec<&str> = before
        .filter_map(|path| recorded.get(path))
        .flat_map(|(_, functions)| functions)
        .map(String::as_str)
        .filter(|function| !defined.contains(*function))
        .collect();
    if !left_over.is_empty() {
        // Names come from the catalogue, quoted there.
        client
            .batch_execute(&format!("drop function {}", left_over.join(", ")))
            .await?;
    }
    client
        .execute("delete from deploy.present where path = any ($1)", &[&gone])
        .await?;
    Ok(())
}

/// Applies files in their order and records each; answers the functions that they define.
async fn run(client: &Client, files: &[&File]) -> Result<Vec<String>, Error> {
    let mut defined = Vec::new();
    let mut waiting: VecDeque<&File> = files.iter().copied().collect();
    let mut passed_over = 0;
    while let Some(file) = waiting.pop_front() {
        let (path, sql) = file;
        let before = rows(client).await?;
        client.batch_execute("savepoint file").await?;
        match client.batch_execute(sql).await {
            Ok(()) => passed_over = 0,
            // It needs a function of a later file. Where none of the others helps, it is wrong.
            Err(error)
                if error.code() == Some(&SqlState::UNDEFINED_FUNCTION)
                    && passed_over < waiting.len() =>
            {
                client.batch_execute("rollback to savepoint file").await?;
                waiting.push_back(file);
                passed_over += 1;
                continue;
            }
            Err(error) => return Err(error),
        }
        client.batch_execute("release savepoint file").await?;
        let after = rows(client).await?;
        let functions: Vec<String> = after
            .into_iter()
            .filter(|(name, row)| before.get(name) != Some(row))
            .map(|(name, _)| name)
            .collect();
        record(
            client,
            path,
            digest(&SHA256, sql.as_bytes()).as_ref(),
            &functions,
        )
        .await?;
        defined.extend(functions);
    }
    Ok(defined)
}

async fn rows(client: &Client) -> Result<HashMap<String, String>, Error> {
    let rows = client.query(DEFINED, &[]).await?;
    rows.iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect()
}

async fn recorded(client: &Client) -> Result<Recorded, Error> {
    let rows = client
        .query("select path, sha256, functions from deploy.present", &[])
        .await?;
    rows.iter()
        .map(|row| Ok((row.try_get(0)?, (row.try_get(1)?, row.try_get(2)?))))
        .collect()
}

async fn record(
    client: &Client,
    path: &str,
    sha256: &[u8],
    functions: &[String],
) -> Result<(), Error> {
    let sql = "insert into deploy.present (path, sha256, functions) values ($1, $2, $3)
        on conflict on constraint present_pkey
        do update set sha256 = excluded.sha256, functions = excluded.functions";
    client.execute(sql, &[&path, &sha256, &functions]).await?;
    Ok(())
}

/// Of all rows of `catalogue.sql`, each field with its length before it.
async fn catalogue_sha256(client: &Client) -> Result<Vec<u8>, Error> {
    let mut hash = Context::new(&SHA256);
    for row in client.query(CATALOGUE, &[]).await? {
        for column in 0..3 {
            let field: &str = row.try_get(column)?;
            hash.update(&field.len().to_be_bytes());
            hash.update(field.as_bytes());
        }
    }
    Ok(hash.finish().as_ref().to_vec())
}
