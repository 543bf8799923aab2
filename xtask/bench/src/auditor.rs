//! The auditor's verification of a long log, by its own example `scale`: there is the generator, and the
//! reference, which hashes the same bytes with the same SHA-256 and does nothing else.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use tests::progress::step;
use tests::{cargo, folders};

use super::Bench;
use super::report::{Aim, Figure, Report};

pub(super) fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let entries = bench.or_quick(bench.entries, 20_000);
    report.group(&format!(
        "The auditor: verifying a log of {entries} entries"
    ));
    step("Building the auditor's example", || {
        let arguments = [
            "build",
            "--quiet",
            "--release",
            "--package",
            "auditor",
            "--example",
            "scale",
        ];
        let status = cargo::command()
            .args(arguments)
            .stdin(Stdio::null())
            .status()?;
        ensure!(status.success(), "it does not build");
        Ok(())
    })?;
    let folder = folders::own("bench")?.join("log");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let place = folder.to_string_lossy().into_owned();
    let measured = step("Writing the log and verifying it", || {
        scale(&["generate", &place, &entries.to_string()])?;
        scale(&["measure", &place])
    });
    fs::remove_dir_all(&folder)?;
    let text = measured?;
    // `verified   1.23 s, processors busy 2.34 s`
    let line = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name))
            .with_context(|| format!("no {name} in\n{text}"))
    };
    let number = |name: &str, place: usize| {
        let words = line(name)?.split_whitespace();
        let mut numbers =
            words.filter_map(|word| word.trim_end_matches([',', ':']).parse::<f64>().ok());
        numbers
            .nth(place)
            .with_context(|| format!("{name} in\n{text}"))
    };
    let alone = "read and hashed alone";
    report.add(
        Figure::new("verified, by the clock", number("verified", 0)?, "s")
            .beside(alone, number(alone, 0)?)
            .aim(Aim::AtMost(2.0)),
    );
    report.add(
        Figure::new("verified, by the processors", number("verified", 1)?, "s")
            .beside(alone, number(alone, 1)?)
            .aim(Aim::AtMost(2.0)),
    );
    report.add(
        Figure::new("verified, by the processors", number("verified", 1)?, "s")
            .beside("hashed alone, from memory", number("hashed alone", 1)?),
    );
    report.add(Figure::new(
        "memory at its highest",
        number("peak memory", 0)? / 1_024.0,
        "MB",
    ));
    report.add(Figure::new(
        "bytes of the entries",
        number("entry bytes", 0)? / 1_048_576.0,
        "MB",
    ));
    Ok(())
}

fn scale(arguments: &[&str]) -> Result<String> {
    let program = folders::build().join("release/examples/scale");
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()?;
    ensure!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
