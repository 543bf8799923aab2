//! From the start of a process to its first answered mutation, part by part.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context as _, Result};
use tests::lambda::{Launch, Load};
use url::Url;

use super::Bench;
use super::report::{Figure, Report};
use super::stage::Stage;
use super::stats::{float, median, milliseconds};
use super::tap::{Side, Tap};

/// Proxies to every server that the function talks to.
struct Lines {
    secrets: Tap,
    key_set: Tap,
    database: Tap,
}

pub(super) fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    report.group(
        "From process start to the first answered mutation (create-settlement), p50 of each part",
    );
    let rounds = bench.or_quick(30, 3);
    // Every start is measured with a token that the database knows and with one that is new to it.
    let stage = Stage::new(bench.services()?, rounds + 1)?;
    let (lines, launch) = tapped(&stage)?;
    let mut numbers = stage.numbers();
    let mut parts = vec![Vec::new(); PARTS.len()];
    for round in 0..=rounds {
        let allocator = &stage.allocators[0];
        let payload = stage
            .create(allocator, allocator.facility)?
            .with_key(numbers());
        let times = once(&launch, &lines, payload)?;
        if round > 0 {
            for (part, time) in parts.iter_mut().zip(times) {
                part.push(time);
            }
        }
    }
    let mut verifying = Vec::new();
    for allocator in &stage.allocators {
        let stranger = stage.with_new_token(allocator);
        let payload = stage
            .create(&stranger, allocator.facility)?
            .with_key(numbers());
        verifying.push(once(&launch, &lines, payload)?[STATEMENT]);
    }
    for (part, times) in PARTS.iter().zip(&parts) {
        report.add(Figure::new(*part, median(times), "ms"));
    }
    let known = median(&parts[STATEMENT]);
    report.add(
        Figure::new(
            "the statement with a token that is new to the database",
            median(&verifying),
            "ms",
        )
        .beside("with one that it knows", known)
        .note("it verifies ES256 itself, once a token; then it remembers it"),
    );
    report.add(Figure::new("starts", float(u64::from(rounds)), "").note(
        "each line to a neighbour goes through a relay of the bench: some tens of microseconds a message",
    ));
    Ok(())
}

const PARTS: [&str; 8] = [
    "process start to its first byte",
    "the secret of its login: asked and answered",
    "process start to its first poll of the runtime API",
    "event given out to its first word to the issuer",
    "the key set: asked and answered",
    "the database: connection and login",
    "the statement: sent and answered",
    "process start to the answer, in all",
];
const STATEMENT: usize = 6;

fn tapped(stage: &Stage) -> Result<(Lines, Launch)> {
    let launch = stage.launch("create-settlement")?;
    let value = |name: &str| {
        let found = launch.env.iter().find(|(known, _)| known == name);
        let (_, value) = found.with_context(|| format!("no {name}"))?;
        anyhow::Ok(Url::parse(value)?)
    };
    let tap = |url: &Url| {
        let port = url.port().context("a port")?;
        Tap::to(SocketAddr::from(([127, 0, 0, 1], port)))
    };
    let names = [
        "AWS_ENDPOINT_URL_SECRETS_MANAGER",
        "JWKS_URL",
        "DATABASE_URL",
    ];
    let [secrets, key_set, database] = [value(names[0])?, value(names[1])?, value(names[2])?];
    let lines = Lines {
        secrets: tap(&secrets)?,
        key_set: tap(&key_set)?,
        database: tap(&database)?,
    };
    let mut through = launch.clone();
    for (name, mut url, line) in [
        (names[0], secrets, &lines.secrets),
        (names[1], key_set, &lines.key_set),
        (names[2], database, &lines.database),
    ] {
        // A URL with a host can have a port.
        let _set = url.set_port(Some(line.address.port()));
        // The SDK's endpoint has no path of its own.
        through = through.with(name, url.as_str().trim_end_matches('/'));
    }
    Ok((lines, through))
}

/// The parts of one cold start, in milliseconds.
fn once(launch: &Launch, lines: &Lines, payload: Vec<u8>) -> Result<[f64; PARTS.len()]> {
    for line in [&lines.secrets, &lines.key_set, &lines.database] {
        line.take();
    }
    let begun = Instant::now();
    // The event waits for the process, as on Lambda.
    let load = Load::start(launch)?;
    let polled = load.first_poll().context("it has polled")?;
    let mut payload = Some(payload);
    let readings = load.run(move || payload.take())?;
    let reading = readings.first().context("an answer")?;
    anyhow::ensure!(
        reading
            .answer
            .as_ref()
            .is_some_and(|answer| String::from_utf8_lossy(answer).contains("\"statusCode\":201")),
        "{:?}",
        reading
            .answer
            .as_ref()
            .map(|answer| String::from_utf8_lossy(answer).into_owned())
    );
    let (secrets, key_set, database) = (
        lines.secrets.take(),
        lines.key_set.take(),
        lines.database.take(),
    );
    let first = |heard: &[(Side, Instant)]| heard.first().map(|(_, at)| *at).context("silence");
    let last = |heard: &[(Side, Instant)], of: Side| {
        let words = heard.iter().rev().find(|(side, _)| *side == of);
        words.map(|(_, at)| *at).context("silence")
    };
    let asked = last(&database, Side::Function)?;
    let let_in = database
        .iter()
        .rev()
        .find(|(side, at)| *side == Side::Other && *at < asked)
        .map(|(_, at)| *at)
        .context("nobody let it in")?;
    let first_byte = first(&secrets)?.min(polled);
    Ok([
        first_byte - begun,
        last(&secrets, Side::Other)? - first(&secrets)?,
        polled - begun,
        first(&key_set)? - reading.given,
        last(&key_set, Side::Other)? - first(&key_set)?,
        let_in - first(&database)?,
        last(&database, Side::Other)? - asked,
        // Between the first poll and its event the function only fetches its secret.
        (polled - begun) + reading.took,
    ]
    .map(milliseconds))
}
