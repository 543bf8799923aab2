//! What follows from `functions/endpoints.toml`, the one table of endpoints: templates, lists, logins. And what follows
//! from `samconfig.toml`, the parameters of the stages: the revision that functions bear.
//!
//! | module | what it writes |
//! |---|---|
//! | [`table`] | nothing: the table as types |
//! | `stacks` | infra/functions-*.yaml, and how template.yaml calls them |
//! | `routes` | the API's routes in template.yaml and in the local gateway |
//! | `lists` | the lists of infra/, migrations/ and functions/README.md |
//! | [`scaffold`] | a new function's first files |
//! | `guide` | the tables of docs/API.md |
//! | `region` | the marked regions of files that are otherwise written by hand |
//!
//! The same table gives the same bytes: lists are sorted by name, or have the order of the table.

#![allow(clippy::missing_errors_doc)]

mod guide;
mod lists;
mod region;
mod routes;
pub mod scaffold;
mod stacks;
pub mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use ring::digest::{SHA256, digest};

pub use self::stacks::Stack;
pub use self::table::{Function, Isolation, Kind, Table};

/// The table, from the workspace's root.
pub const TABLE: &str = "functions/endpoints.toml";

/// The parameters of the stages, from the workspace's root.
pub const STAGES: &str = "samconfig.toml";

/// Reads the table of a workspace.
pub fn load(workspace: &Path) -> Result<Table> {
    Table::parse(&read(workspace, TABLE)?).context(TABLE)
}

/// Every file that follows from the table, whole, by its path. `current` reads the files that have regions.
pub fn generate(
    table: &Table,
    current: &dyn Fn(&str) -> Result<String>,
) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    let revision = revision(&current(STAGES)?);
    for stack in Stack::ALL {
        files.insert(stack.file(), stacks::template(table, stack, &revision)?);
    }
    let document = current(guide::DOCUMENT)?;
    let regions: [(&str, Vec<(&str, String)>); 9] = [
        (
            "template.yaml",
            vec![
                ("limits", routes::limits(table)),
                ("routes", routes::paths(table)),
                ("permissions", routes::permissions(table)),
                ("stacks", stacks::calls(table)?),
            ],
        ),
        (
            "infra/observability.yaml",
            vec![
                ("Endpoints", lists::endpoints(table)),
                ("Writers", lists::writers(table)),
                ("Webhooks", lists::webhooks(table)),
                ("Scheduled", lists::scheduled(table)),
            ],
        ),
        (
            "infra/database.yaml",
            vec![
                ("policies", lists::proxy_policies(table)),
                ("logins", lists::proxy_logins(table)),
            ],
        ),
        (
            "infra/secrets.yaml",
            vec![("secrets", lists::secrets(table))],
        ),
        (
            "migrations/access/logins.sql",
            vec![("logins", lists::logins(table))],
        ),
        (
            "migrations/roles.sql",
            vec![("logins", lists::roles(table))],
        ),
        ("Cargo.toml", vec![("routes", routes::router(table))]),
        ("functions/README.md", vec![("table", lists::readme(table))]),
        (
            "docs/API.md",
            vec![
                ("routes", guide::routes(table)),
                ("events", guide::events(&document)?),
                (
                    "refusals",
                    guide::refusals(&document, &current(guide::WORDS)?)?,
                ),
            ],
        ),
    ];
    for (file, regions) in regions {
        let text = region::replace(file, &current(file)?, &regions)?;
        files.insert(file.to_owned(), text);
    }
    Ok(files)
}

/// What every function's environment has of the stages' parameters: the beginning of their SHA-256.
///
/// SAM makes a new version of a function when the text of its properties changes. `!Ref MemoryMb` is the same text
/// whatever the parameter is, so the parameter alone would never reach the alias `live`.
#[must_use]
pub fn revision(stages: &str) -> String {
    let digest = digest(&SHA256, stages.as_bytes());
    base16ct::lower::encode_string(&digest.as_ref()[..8])
}

/// The files that are not what the table says, and the first files that are missing, by path, with what they should
/// be.
pub fn differences(workspace: &Path) -> Result<BTreeMap<String, String>> {
    let table = load(workspace)?;
    let mut files = generate(&table, &|file| read(workspace, file))?;
    files.retain(|file, text| fs::read_to_string(workspace.join(file)).ok().as_ref() != Some(text));
    let mut first = scaffold::first_files(&table);
    first.retain(|file, _| !workspace.join(file).exists());
    files.extend(first);
    Ok(files)
}

/// Writes what is not as the table says, and answers these paths.
pub fn write(workspace: &Path) -> Result<Vec<String>> {
    let files = differences(workspace)?;
    for (file, text) in &files {
        let path = workspace.join(file);
        let folder = path.parent().context("a folder")?;
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        // A file that is half written is not equal: the next call writes it again.
        fs::write(&path, text).with_context(|| file.clone())?;
    }
    Ok(files.into_keys().collect())
}

/// Refuses files that are not what the table says.
pub fn check(workspace: &Path) -> Result<()> {
    let files: Vec<String> = differences(workspace)?.into_keys().collect();
    ensure!(
        files.is_empty(),
        "{} say something else than {TABLE} and {STAGES}: cargo xtask generate",
        files.join(", ")
    );
    Ok(())
}

fn read(workspace: &Path, file: &str) -> Result<String> {
    fs::read_to_string(workspace.join(file)).with_context(|| file.to_owned())
}
