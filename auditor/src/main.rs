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
    // With wrong arguments the program ends here, with the exit code 2 of all that cannot be decided.
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
        // An answer that could not be written must not be taken for a yes.
        Err(_) => ExitCode::from(2),
    }
}
