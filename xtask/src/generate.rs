//! `cargo xtask generate`: what follows from `functions/endpoints.toml`, and the tables of docs/API.md.

use anyhow::Result;
use clap::Args;
use tests::folders;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Writes nothing, and fails if something would be written.
    #[arg(long)]
    check: bool,
}

/// Writes each file that is not as the table says.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let workspace = &folders::workspace();
    if arguments.check {
        return ::generate::check(workspace);
    }
    for file in ::generate::write(workspace)? {
        println!("{file}");
    }
    Ok(())
}
