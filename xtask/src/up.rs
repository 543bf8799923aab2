//! `cargo xtask up`: the stack, until Ctrl-C.

use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Value, json};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tests::progress::say;
use tests::sample_data::{PEOPLE, PLATFORM, SECURED_FACILITY, USD_FACILITY, value_date};
use tests::stack::{Ports, Settings, Stack};
use tests::watch::Invoker;

/// The folder below `target/` that keeps the stack's data.
pub(crate) const STACK: &str = "local";
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
    // From here on a signal stops the stack in order. Before, it ends this process, and the keeper of each process
    // that was started ends that process.
    let signals = signals()?;
    stack.populate()?;
    let description = stack.describe()?;
    explain(&stack, &description.display().to_string(), &stack.policy()?);
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
    println!("The log is signed and published by itself; a receipt takes seconds. As an auditor:");
    println!(
        "  cargo run -p auditor -- verify log {} --policy {}",
        stack.log_url(),
        policy.display()
    );
    println!();
    println!("Ctrl-C stops everything; the data is kept for the next time (--fresh starts over).");
}

fn examples(gateway: &str) -> Vec<String> {
    let token =
        |person: &str| format!(r#"-H "Authorization: Bearer $(cargo xtask token {person})""#);
    let key = r#"-H "Idempotency-Key: try-$(date +%s%N)""#;
    let get = |path: &str| format!("curl -s {gateway}{path} {}", token("carol"));
    let post = |person: &str, path: &str, body: &Value| {
        let json = "-H 'Content-Type: application/json'";
        let token = token(person);
        format!("curl -s {gateway}{path} {token} {key} {json} -d '{body}'")
    };
    let deliver = |agent: &str, kind: &str, data: &Value| {
        let event = json!({
            "id": "evt-'$RANDOM$RANDOM'",
            "type": kind,
            "occurred_at": "'$(date -u +%FT%TZ)'",
            "data": data,
        });
        format!("echo '{event}' | cargo xtask deliver {agent} -")
    };
    let settlement = json!({
        "facility_id": USD_FACILITY.id.to_string(),
        "amount_minor": "2500000",
        "currency": "USD",
        "value_date": value_date(),
    });
    let funded = json!({
        "settlement_id": "'$ID'",
        "facility_id": USD_FACILITY.id.to_string(),
        "amount_minor": "2500000",
        "currency": "USD",
    });
    let risk = json!({
        "facility_id": USD_FACILITY.id.to_string(),
        "pd_ppb": 12_500_000,
        "lgd": { "mean_ppb": 400_000_000, "deviation_ppb": 200_000_000 },
        "loadings_ppb": [450_000_000],
    });
    vec![
        get("/v1/positions"),
        post("alice", "/v1/settlements", &settlement),
        format!(
            "curl -s -X POST {gateway}/v1/settlements/$ID/verify {} {key}",
            token("bob")
        ),
        deliver("escrow-one", "escrow.funded", &funded),
        deliver(PLATFORM, "facility.risk_updated", &risk),
        post("carol", "/v1/risk-runs", &json!({ "currency": "USD" })),
        get(&format!(
            "/v1/facilities/{}/collateral",
            SECURED_FACILITY.id
        )),
    ]
}
