//! `cargo xtask up`: the stack, until Ctrl-C.

use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tests::progress::say;
use tests::sample_data::{PEOPLE, PLATFORM, SECURED_FACILITY, USD_FACILITY, value_date};
use tests::stack::{Ports, Settings, Stack};
use tests::watch::Invoker;

/// The folder below `target/` that keeps the stack's data.
pub(crate) const STACK: &str = "local";
/// The beat of the schedule. template.yaml has the same rate for settlements whose time has run out, and
/// lower ones for the rest; here nobody should wait for a key.
const BEAT: Duration = Duration::from_mins(1);
/// Verified tokens that have expired are forgotten at every tenth beat.
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
}

/// Runs until a signal asks for the end.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let stack = Stack::start(Settings {
        name: STACK,
        ports: Ports {
            gateway: arguments.port,
            issuer: arguments.issuer_port,
            postgres: arguments.postgres_port,
        },
        fresh: arguments.fresh,
        temporary: false,
    })?;
    // From here on a signal ends the stack in good order; before, it just ends us, and the keepers
    // of what has been started do the rest.
    let signals = signals()?;
    stack.populate()?;
    let description = stack.describe()?;
    explain(&stack, &description.display().to_string(), &stack.policy()?);
    let invoker = stack.gateway().invoker();
    // On its own: a function that hangs must not keep anybody from stopping it.
    thread::spawn(move || schedule(invoker));
    signals
        .recv()
        .context("nobody listens for signals any more")?;
    say("Stopping …");
    Ok(())
}

fn signals() -> Result<mpsc::Receiver<()>> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for _ in signals.forever() {
            if sender.send(()).is_err() {
                // The end has begun and takes too long for somebody: the keepers end the rest.
                std::process::exit(130);
            }
        }
    });
    Ok(receiver)
}

/// A failure is told, and tried again at the next beat.
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

fn explain(stack: &Stack, description: &str, policy: &Path) {
    let gateway = stack.gateway().url();
    println!();
    println!("The gateway listens on   {gateway}");
    println!("Everything about it is in {description}");
    println!();
    println!("People (cargo xtask token <name>):");
    for person in PEOPLE {
        println!(
            "  {:<8} {:<16} of {}",
            person.name,
            person.roles.join(", "),
            person.allocator.name
        );
    }
    println!();
    println!("Try:");
    for line in examples(&gateway) {
        println!("  {line}");
    }
    println!();
    println!("The log keeps itself; a receipt takes seconds. As an auditor:");
    println!(
        "  cargo run -p auditor -- verify log {} --policy {}",
        stack.log_url(),
        policy.display()
    );
    println!();
    println!("Ctrl-C stops everything; the data is kept for the next time (--fresh starts over).");
}

fn examples(gateway: &str) -> Vec<String> {
    let facility = USD_FACILITY.id;
    let secured = SECURED_FACILITY.id;
    let today = value_date();
    vec![
        format!(
            r#"curl -s {gateway}/v1/positions -H "Authorization: Bearer $(cargo xtask token carol)""#
        ),
        format!(
            r#"curl -s {gateway}/v1/settlements -H "Authorization: Bearer $(cargo xtask token alice)" -H "Idempotency-Key: try-$(date +%s%N)" -H 'Content-Type: application/json' -d '{{"facility_id":"{facility}","amount_minor":"2500000","currency":"USD","value_date":"{today}"}}'"#
        ),
        format!(
            r#"curl -s -X POST {gateway}/v1/settlements/$ID/verify -H "Authorization: Bearer $(cargo xtask token bob)" -H "Idempotency-Key: try-$(date +%s%N)""#
        ),
        format!(
            r#"echo '{{"id":"evt-'$RANDOM$RANDOM'","type":"escrow.funded","occurred_at":"'$(date -u +%FT%TZ)'","data":{{"settlement_id":"'$ID'","facility_id":"{facility}","amount_minor":"2500000","currency":"USD"}}}}' | cargo xtask deliver escrow-one -"#
        ),
        format!(
            r#"echo '{{"id":"evt-'$RANDOM$RANDOM'","type":"facility.risk_updated","occurred_at":"'$(date -u +%FT%TZ)'","data":{{"facility_id":"{facility}","pd_ppb":12500000,"lgd":{{"mean_ppb":400000000,"deviation_ppb":200000000}},"loadings_ppb":[450000000]}}}}' | cargo xtask deliver {PLATFORM} -"#
        ),
        format!(
            r#"curl -s {gateway}/v1/risk-runs -H "Authorization: Bearer $(cargo xtask token carol)" -H "Idempotency-Key: try-$(date +%s%N)" -H 'Content-Type: application/json' -d '{{"currency":"USD"}}'"#
        ),
        format!(
            r#"curl -s {gateway}/v1/facilities/{secured}/collateral -H "Authorization: Bearer $(cargo xtask token carol)""#
        ),
    ]
}
