//! `cargo xtask up`: the stack, until Ctrl-C.

mod explain;
mod lines;

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tests::issuer::{AUDIENCE, Trust};
use tests::progress::say;
use tests::stack::{Ports, Settings, Stack};
use tests::watch::Invoker;

/// The folder below `target/` that keeps the stack's data; a stack with a name has that after a hyphen.
const STACK: &str = "local";
/// The schedule's interval. template.yaml has it for settlements that expire, and longer ones for the other jobs:
/// a person at a local stack should not wait that long for a new signing key.
const BEAT: Duration = Duration::from_mins(1);
/// Expired tokens are pruned at every tenth beat.
const PRUNE_BEATS: u32 = 10;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The gateway's port; a free one if it is not given.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The issuer's port.
    #[arg(long, default_value_t = 0)]
    issuer_port: u16,
    /// The database's port.
    #[arg(long, default_value_t = 0)]
    postgres_port: u16,
    /// Starts over: forgets the data of earlier runs.
    #[arg(long)]
    fresh: bool,
    /// Takes the tokens of this issuer, `https://PROJECT.supabase.co/auth/v1`, instead of the sample people's.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The audience of that issuer's tokens.
    #[arg(long, requires = "issuer", default_value = AUDIENCE)]
    audience: String,
    /// Where that issuer publishes its keys; below it, if it is not given.
    #[arg(long, requires = "issuer", value_name = "URL")]
    jwks_url: Option<String>,
    #[command(flatten)]
    which: Which,
    /// Keeps nothing.
    #[arg(long, hide = true)]
    temporary: bool,
}

/// Which of several stacks.
#[derive(Args)]
pub(crate) struct Which {
    /// A stack beside the one without a name, with data of its own: below target/local-NAME.
    #[arg(long)]
    name: Option<String>,
}

impl Which {
    /// The name of its folder below `target/`.
    pub(crate) fn folder(&self) -> Result<String> {
        let Some(name) = &self.name else {
            return Ok(STACK.to_owned());
        };
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        ensure!(
            (1..=40).contains(&name.len()) && name.bytes().all(plain),
            "a name has 1 to 40 small letters, digits and hyphens"
        );
        Ok(format!("{STACK}-{name}"))
    }

    /// The option as one would type it.
    fn option(&self) -> String {
        let name = self.name.as_ref();
        name.map_or_else(String::new, |name| format!(" --name {name}"))
    }
}

/// Runs until a signal asks for the end.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let trust = arguments.issuer.as_deref();
    let trust =
        trust.map(|url| Trust::new(url, &arguments.audience, arguments.jwks_url.as_deref()));
    let name = arguments.which.folder()?;
    let stack = Stack::start(Settings {
        name: name.clone(),
        ports: Ports {
            gateway: arguments.port,
            issuer: arguments.issuer_port,
            postgres: arguments.postgres_port,
        },
        fresh: arguments.fresh,
        temporary: arguments.temporary,
        trust: trust.transpose()?,
    })?;
    // From here on a signal stops the stack in order. Before, it ends this process, and the keeper of each process
    // that was started ends that process.
    let signals = signals()?;
    stack.populate()?;
    stack.describe()?;
    explain::explain(
        &stack,
        &format!("target/{name}"),
        &arguments.which.option(),
        &stack.policy()?,
    )?;
    let invoker = stack.gateway().invoker();
    // In a thread of its own: a function that hangs must not delay the end.
    thread::spawn(move || schedule(invoker));
    signals
        .recv()
        .context("the thread that waits for signals has ended")?;
    say("Stopping …");
    Ok(())
}

fn signals() -> Result<mpsc::Receiver<()>> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for _ in signals.forever() {
            if sender.send(()).is_err() {
                // A second signal, while the stack is stopping: leave at once. The keepers end what still runs.
                std::process::exit(130);
            }
        }
    });
    Ok(receiver)
}

/// Runs the jobs. A failure is reported, and the next beat tries again.
fn schedule(invoker: Invoker) {
    for beat in 1_u32.. {
        thread::sleep(BEAT);
        match invoker.expire() {
            Ok(0) => {}
            Ok(expired) => say(&format!("{expired} settlements have expired")),
            Err(error) => say(&format!("Nothing could expire: {error:#}")),
        }
        match invoker.sync_keys() {
            Ok(changes) => changes
                .iter()
                .for_each(|change| say(&format!("A signing key has changed: {change}"))),
            Err(error) => say(&format!("The signing keys are not synchronised: {error:#}")),
        }
        if beat.is_multiple_of(PRUNE_BEATS)
            && let Err(error) = invoker.prune_tokens()
        {
            say(&format!("Expired tokens are not forgotten: {error:#}"));
        }
    }
}
