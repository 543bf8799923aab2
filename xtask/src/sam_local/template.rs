//! What sam has built, with the local stack's addresses.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};
use tests::folders;
use tests::stack::Stack;

/// What sam calls each template that it has built, and what stands beside it with the local names.
const BUILT: &str = "template.yaml";
const LOCAL: &str = "local.yaml";

/// Every function has this variable; the local ones are inserted after it.
const EVERY_FUNCTION: &str = "        SECRETS_PREFIX:";

/// Variables that only local functions have: the addresses of the AWS services, and a short round.
const LOCAL_ONLY: [&str; 4] = [
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "TLOG_ROUND_SECONDS",
];

/// Writes the templates with the names of the local variables, and `variables.json` with the values of all: sam gives
/// a function only what its template names. Answers the root's path.
pub(super) fn write(stack: &Stack, folder: &Path) -> Result<PathBuf> {
    let build = folders::workspace().join(".aws-sam/build");
    let mut root = read(&build.join(BUILT))?;
    for id in generate::Stack::ALL.map(generate::Stack::id) {
        let nested = build.join(id).join(BUILT);
        let text = read(&nested)?;
        // Beside the one that was built, for its paths are relative.
        fs::write(nested.with_file_name(LOCAL), with_local_names(&text)?)?;
        let location = format!("Location: {id}/");
        ensure!(
            root.contains(&format!("{location}{BUILT}")),
            "sam has changed where it puts templates"
        );
        root = root.replace(&format!("{location}{BUILT}"), &format!("{location}{LOCAL}"));
    }
    let path = build.join(LOCAL);
    fs::write(&path, root)?;
    write_private(&folder.join("variables.json"), &variables(stack)?)?;
    Ok(path)
}

fn with_local_names(text: &str) -> Result<String> {
    let names: String = LOCAL_ONLY
        .map(|name| format!("        {name}: \"\"\n"))
        .concat();
    let at = text
        .find(EVERY_FUNCTION)
        .context("sam has changed how it writes templates")?;
    Ok(format!("{}{names}{}", &text[..at], &text[at..]))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| path.display().to_string())
}

/// The environment that the stack's own gateway gives to functions, and the login of the local database.
fn variables(stack: &Stack) -> Result<Value> {
    let path = stack.folder().join("functions.env");
    let text = read(&path)?;
    let mut values: Map<String, Value> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), json!(value.trim_matches('\''))))
        .collect();
    values.insert("DATABASE_AUTH".to_owned(), json!("secret"));
    // sam sets a variable without a value to an empty text, which is malformed.
    values.insert("WITNESS_POLICY".to_owned(), json!("quorum none\n"));
    // sam hands no 0 on to a nested template.
    values.insert("JWKS_MAX_AGE_SECONDS".to_owned(), json!("0"));
    Ok(json!({ "Parameters": values }))
}

fn write_private(path: &Path, value: &Value) -> Result<()> {
    let mut file = fs::OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    Ok(file.write_all(value.to_string().as_bytes())?)
}
