//! What sam has built, with the local stack's addresses.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use tests::folders;
use tests::stack::Stack;

/// Every function has this variable; the local ones are inserted after it.
const EVERY_FUNCTION: &str = "        SECRETS_PREFIX:";

/// Variables that only local functions have: the addresses of the AWS services, and a short round.
const LOCAL_ONLY: [&str; 4] = [
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "TLOG_ROUND_SECONDS",
];

/// Writes the template with the names of the local variables, and `variables.json` with the values of all: sam gives
/// a function only what its template names.
pub(super) fn write(stack: &Stack, folder: &Path) -> Result<PathBuf> {
    let built = folders::workspace().join(".aws-sam/build/template.yaml");
    let text = fs::read_to_string(&built).with_context(|| built.display().to_string())?;
    let names: String = LOCAL_ONLY
        .map(|name| format!("        {name}: \"\"\n"))
        .concat();
    let at = text
        .find(EVERY_FUNCTION)
        .context("sam has changed how it writes templates")?;
    let text = format!("{}{names}{}", &text[..at], &text[at..]);
    // In the folder of the built template, since its paths are relative.
    let path = built.with_file_name("local.yaml");
    fs::write(&path, text)?;
    write_private(&folder.join("variables.json"), &variables(stack)?)?;
    Ok(path)
}

/// The environment that the stack's own gateway gives to functions, and the login of the local database.
fn variables(stack: &Stack) -> Result<Value> {
    let path = stack.folder().join("functions.env");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let mut values: Map<String, Value> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), json!(value.trim_matches('\''))))
        .collect();
    values.insert("DATABASE_AUTH".to_owned(), json!("secret"));
    // sam sets a variable without a value to an empty text, which is malformed.
    values.insert("WITNESS_POLICY".to_owned(), json!("quorum none\n"));
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
