//! How long a large log takes to verify, beside hashing the same bytes and nothing else.
//!
//! ```text
//! cargo run --release -p auditor --example scale -- generate DIR ENTRIES
//! cargo run --release -p auditor --example scale -- measure DIR
//! ```
//!
//! `generate` writes a log as the signer publishes it, with entries as the gateway makes them. Its key is not secret,
//! and the policy that names the key lies beside the log.
//!
//! `measure` verifies the log as `auditor verify log` does. Then it hashes the same entries with the same SHA-256 on as
//! many threads: once reading them from the files, and once from memory.

#![allow(clippy::print_stdout)]

use std::{fmt, fs, hint::black_box, path::Path, time::Instant};

use anyhow::{Context as _, Result, bail, ensure};
use auditor::{
    log,
    progress::Progress,
    report::{Report, Verdict},
    source::Source,
    trust::Trust,
};
use rayon::prelude::*;
use tlog::{
    checkpoint::Checkpoint,
    leaf::{Actor, ActorKind, Leaf, Outcome, Status, Timestamp, Uuid, tagged_hash},
    merkle::Hash,
    note::SigningKey,
    tiles::{Builder, Tile, parse_bundle},
};

const ORIGIN: &str = "gateway.example/log";
const SEED: [u8; 32] = *b"this seed is for measuring alone";
const WRITE_EVERY: u64 = 256 * 64;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["generate", folder, entries] => generate(Path::new(folder), entries.parse()?),
        ["measure", folder] => measure(folder),
        _ => bail!("generate DIR ENTRIES, or measure DIR"),
    }
}

fn generate(folder: &Path, entries: u64) -> Result<()> {
    let mut builder = Builder::new();
    for index in 0..entries {
        builder.push(leaf(index)?.render().as_bytes())?;
        if builder.tree().size().is_multiple_of(WRITE_EVERY) {
            write(folder, &mut builder)?;
        }
    }
    write(folder, &mut builder)?;
    let key = SigningKey::from_seed(ORIGIN, &SEED)?;
    let tree = builder.tree();
    let note = Checkpoint::new(ORIGIN, tree.size(), tree.root())?.sign(&key)?;
    fs::write(folder.join("checkpoint"), note.to_string())?;
    fs::write(folder.join("policy"), policy(&key))?;
    println!("{} entries in {}", tree.size(), folder.display());
    Ok(())
}

fn policy(key: &SigningKey) -> String {
    format!("log {}\nquorum none\n", key.verifier_key())
}

/// Writes the new files, as the signer does after each round.
fn write(folder: &Path, builder: &mut Builder) -> Result<()> {
    for file in builder.take() {
        let path = folder.join(&file.path);
        fs::create_dir_all(path.parent().context("a file is in a folder")?)?;
        fs::write(path, file.bytes)?;
    }
    Ok(())
}

/// An entry as long and as varied as the gateway's.
fn leaf(index: u64) -> Result<Leaf> {
    let hash = |tag: &str| tagged_hash(tag, &[&index.to_be_bytes()]);
    let uuid = |hash: Hash| {
        let hex = hash.to_string();
        let groups = [
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..32],
        ];
        Uuid::parse(&groups.join("-")).context("five groups are a UUID")
    };
    let time = |micros: u64| {
        let seconds = index / 100;
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        let text = format!("2026-11-23T{hour:02}:{minute:02}:{second:02}.{micros:06}Z");
        Timestamp::parse(&text).context("a time of day")
    };
    let created = index.is_multiple_of(3);
    Ok(Leaf {
        id: hash("id"),
        fingerprint: hash("fingerprint"),
        actor: Actor {
            kind: if created {
                ActorKind::Human
            } else {
                ActorKind::Agent
            },
            id_hash: tagged_hash("actor", &[&(index % 1_000).to_be_bytes()]),
        },
        operation: if created {
            "create-settlement"
        } else {
            "escrow-webhook"
        }
        .to_owned(),
        resource_id: String::new(),
        attempt: uuid(hash("attempt"))?.as_str().to_owned(),
        occurred_at: None,
        claimed_at: time(index % 900_000)?,
        allocator_id: Some(uuid(hash("allocator"))?),
        created_id: created.then(|| uuid(hash("created"))).transpose()?,
        outcome: Outcome::Accepted(
            Status::new(if created { 201 } else { 200 }).context("a status")?,
        ),
        committed_at: time(index % 900_000 + 20_000)?,
        body_hash: hash("body"),
        mutations: 3 + index % 4,
        mutations_hash: hash("mutations"),
    })
}

fn measure(folder: &str) -> Result<()> {
    let key = SigningKey::from_seed(ORIGIN, &SEED)?;
    let trust = Trust::parse(policy(&key).as_bytes())?;
    let source = Source::open(folder)?;
    let mut report = Report::default();
    let target = log::target(&source, &trust, &mut report)?;
    let bundles = target.size.div_ceil(256);

    // The first reading fills the system's cache, so that all measurements find the files there.
    let all = || (0..bundles).into_par_iter();
    let warm: u64 = all()
        .map(|index| hash_file(folder, index, target.size))
        .sum();
    let (verified, done) = timed(|| {
        let progress = Progress::none();
        log::verify(&source, &trust, &target, &[], &mut report, &progress, None)
    })?;
    done?;
    ensure!(report.verdict() == Verdict::Verified, "{report}");
    let peak = peak_memory()?;
    let (read_and_hashed, bytes) = timed(|| {
        let hashed = all().map(|index| hash_file(folder, index, target.size));
        hashed.sum::<u64>()
    })?;
    ensure!(bytes == warm, "the files change");
    let in_memory: Vec<_> = (0..bundles.min(16))
        .map(|index| read(folder, index, target.size))
        .collect();
    let (hashed, ()) = timed(|| {
        all().for_each(|index| {
            let place = usize::try_from(index).unwrap_or_default() % in_memory.len();
            black_box(hash(&in_memory[place].0, in_memory[place].1));
        });
    })?;

    println!("entries      {}", target.size);
    println!("entry bytes  {bytes}");
    println!("threads      {}", rayon::current_num_threads());
    println!("peak memory  {peak} kB");
    println!("verified               {verified}");
    for (what, alone) in [
        ("read and hashed alone", read_and_hashed),
        ("hashed alone         ", hashed),
    ] {
        let (wall, busy) = (
            verified.wall_s / alone.wall_s,
            verified.busy_s / alone.busy_s,
        );
        println!("{what}  {alone}: ratio {wall:.2} by the clock, {busy:.2} by the processor");
    }
    Ok(())
}

/// Wall time, and processor time of this process. On a machine that others use, compare the processor time.
#[derive(Clone, Copy)]
struct Took {
    wall_s: f64,
    busy_s: f64,
}

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.2} s, processors busy {:.2} s",
            self.wall_s, self.busy_s
        )
    }
}

fn timed<T>(act: impl FnOnce() -> T) -> Result<(Took, T)> {
    let (begun, busy_s) = (Instant::now(), busy_s()?);
    let done = act();
    let took = Took {
        wall_s: begun.elapsed().as_secs_f64(),
        busy_s: self::busy_s()? - busy_s,
    };
    Ok((took, done))
}

/// User and system time of this process so far; Linux counts in hundredths of a second.
fn busy_s() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, numbers) = stat.rsplit_once(')').context("no name in it")?;
    let numbers: Vec<&str> = numbers.split_whitespace().collect();
    let ticks = |place: usize| {
        Ok::<_, anyhow::Error>(numbers.get(place).context("too short")?.parse::<f64>()?)
    };
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}

fn hash_file(folder: &str, index: u64, size: u64) -> u64 {
    let (bundle, width) = read(folder, index, size);
    hash(&bundle, width)
}

fn read(folder: &str, index: u64, size: u64) -> (Vec<u8>, u16) {
    let tile = Tile::in_tree(0, index, size).expect("the bundle is in the tree");
    let bytes = fs::read(Path::new(folder).join(tile.entries_path())).expect("the bundle is there");
    (bytes, tile.width())
}

/// Hashes each entry once, and nothing else.
fn hash(bundle: &[u8], width: u16) -> u64 {
    let entries = parse_bundle(bundle, width).expect("a bundle").entries();
    entries
        .map(|entry| {
            black_box(ring::digest::digest(&ring::digest::SHA256, entry));
            entry.len() as u64
        })
        .sum()
}

/// The most memory that the process has ever held, in kilobytes.
fn peak_memory() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.context("no VmHWM")?.parse()?)
}
