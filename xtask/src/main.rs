//! The project's commands:
//! `cargo xtask demo | up | token | deliver | generate | check | test | clients | docs | bench | sam-local | rehearse`.

// Printing to the person who typed the command is its purpose.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod check;
mod clients;
mod demo;
mod docs;
mod generate;
mod life;
mod rehearse;
mod sam_local;
mod speak;
mod up;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's commands.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts everything, plays one settlement's whole life, and stops everything.
    Demo,
    /// Starts everything and keeps it running until Ctrl-C.
    Up(up::Arguments),
    /// Prints a fresh token of a sample person, for the stack that `up` runs.
    Token {
        /// The person's name.
        #[arg(value_parser = speak::people())]
        person: String,
        #[command(flatten)]
        which: up::Which,
    },
    /// Signs a webhook and sends it to the stack that `up` runs.
    #[command(after_help = speak::agents())]
    Deliver {
        /// The agent's id, one of those below.
        agent: String,
        /// The event, a JSON file; `-` reads standard input.
        event: PathBuf,
        #[command(flatten)]
        which: up::Which,
    },
    /// Runs the template's functions in containers, as sam does; needs a Docker engine.
    SamLocal(sam_local::Arguments),
    /// Plays a stage's deployment, from nothing to its removal, on an emulator of AWS.
    Rehearse,
    /// Runs the quick checks and the unit tests: what to run after each edit.
    Check,
    /// Writes what follows from functions/endpoints.toml.
    Generate(generate::Arguments),
    /// Runs every check and every test.
    Test,
    /// Generates a TypeScript and a Python client, and plays a settlement's life with each.
    Clients,
    /// Makes the page of the API reference: target/docs/api.html.
    Docs,
    /// Measures how fast it is, each figure beside its reference.
    #[command(disable_help_flag = true)]
    Bench {
        /// What the bench takes; `--help` lists it.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let result = tests::folders::verify().and_then(|()| run(command));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Demo => demo::run(),
        Command::Up(arguments) => up::run(&arguments),
        Command::Token { person, which } => speak::token(&person, &which),
        Command::Deliver {
            agent,
            event,
            which,
        } => speak::deliver(&agent, &event, &which),
        Command::SamLocal(arguments) => sam_local::run(&arguments),
        Command::Rehearse => rehearse::run(),
        Command::Check => check::quick(),
        Command::Test => check::everything(),
        Command::Clients => clients::run().and_then(|played| {
            anyhow::ensure!(played, clients::NO_PYTHON);
            Ok(())
        }),
        Command::Docs => docs::run().map(|page| println!("{}", page.display())),
        Command::Bench { arguments } => bench::run(&arguments),
        Command::Generate(arguments) => generate::run(&arguments),
    }
}
