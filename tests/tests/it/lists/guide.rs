//! docs/API.md, held to what it shows.

use anyhow::Result;
use regex::Regex;

use super::read;

/// What the guide shows of the signers is what the generated clients are tried with.
#[test]
fn the_guide_shows_the_signers_as_they_are_tried() -> Result<()> {
    let guide = read("docs/API.md")?;
    for (language, file) in [
        ("ts", "tests/clients/typescript/sign.ts"),
        ("python", "tests/clients/python/sign.py"),
    ] {
        let block = Regex::new(&format!("(?s)```{language}\n(.*?)```"))?;
        let shown: Vec<_> = block.captures_iter(&guide).collect();
        assert!(!shown.is_empty(), "{language}");
        let signer = read(file)?;
        // What receipts are compared with is another program, which `auditor::kept` runs.
        for one in shown.iter().filter(|one| !one[1].contains("receipt")) {
            assert!(
                signer.contains(&one[1]),
                "{file} has it otherwise: {}",
                &one[1]
            );
        }
    }
    Ok(())
}
