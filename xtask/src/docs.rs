//! `cargo xtask docs`: the API document as one page, which draws itself and loads nothing.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use tests::{folders, tools};

const DOCUMENT: &str = "docs/openapi.yaml";
const PAGE: &str = "api.html";
/// Redoc, in the package of the set `reference`.
const SCRIPT: &str =
    "drf_spectacular_sidecar/static/drf_spectacular_sidecar/redoc/bundles/redoc.standalone.js";

/// Only what stands in the page runs: Redoc would fetch its maker's logo.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; \
                      worker-src blob:";

/// Writes the page, and says where.
pub(crate) fn run() -> Result<PathBuf> {
    let text = fs::read_to_string(folders::workspace().join(DOCUMENT)).context(DOCUMENT)?;
    let document: serde_json::Value = serde_norway::from_str(&text)?;
    let title = document["info"]["title"].as_str().context("a title")?;
    let page = folders::own("docs")?.join(PAGE);
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>body {{ margin: 0 }}</style>\n</head>\n<body>\n<div id=\"page\"></div>\n\
         <script>{}</script>\n\
         <script>Redoc.init({}, {{}}, document.getElementById(\"page\"))</script>\n</body>\n</html>\n",
        inside_a_script(&redoc()?),
        inside_a_script(&document.to_string()),
    );
    fs::write(&page, html)?;
    Ok(page)
}

fn redoc() -> Result<String> {
    let environment = tools::install(tools::Set::Reference)?.join("../lib");
    // One folder, named after the version of Python.
    let python = fs::read_dir(&environment)?
        .next()
        .context("a folder of Python's")??
        .path();
    let script = python.join("site-packages").join(SCRIPT);
    fs::read_to_string(&script).with_context(|| script.display().to_string())
}

/// What would end the script is the same to JavaScript with a backslash in it.
fn inside_a_script(text: &str) -> String {
    text.replace("</script", "<\\/script")
}
