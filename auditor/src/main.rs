//! `auditor`: see `auditor --help`.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use auditor::{
    cli::{Cli, Command},
    run,
};
use clap::Parser;

fn main() -> ExitCode {
    // Arguments that make no sense end here with exit code 2, as everything that cannot be decided.
    let Command::Verify(verify) = Cli::parse().command;
    let report = run(&verify);
    let mut out = io::stdout().lock();
    let written = if verify.common().json {
        writeln!(out, "{}", report.json(verify.name()))
    } else {
        write!(out, "{report}")
    };
    match written.and_then(|()| out.flush()) {
        Ok(()) => report.verdict().into(),
        // Whoever does not read the answer must not take it for a yes.
        Err(_) => ExitCode::from(2),
    }
}
