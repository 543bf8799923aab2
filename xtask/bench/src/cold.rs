//! From the start of a process to the first byte that it sends, to Secrets Manager or to the runtime API: until then
//! it waits for no other program.

use std::fs;
use std::io::Read as _;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tests::deployment::functions;
use tests::fixture::Fixture;
use tests::lambda::Launch;
use tests::progress::step;

use super::report::{Aim, Figure, Report};
use super::stats::{float, median, milliseconds, percentile};
use super::{Bench, HELLO};

const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let services = bench.services()?;
    let fixture = Fixture::on(
        std::sync::Arc::clone(services),
        services.copy_of_sample_data()?,
    )?;
    let rounds = bench.or_quick(100, 3);
    if let Some(folder) = &bench.against {
        return compare(&fixture, folder, rounds, report);
    }
    report.group("Cold start: process start to the first byte sent to anyone, p50");
    let mut launches = vec![fixture.launch(HELLO)?];
    for name in functions()? {
        launches.push(fixture.launch(&name)?);
    }
    let times = starts(&launches, rounds)?;
    let hello = median(&times[0]);
    for (launch, times) in launches.iter().zip(&times).skip(1) {
        report.add(
            Figure::new(launch.name.clone(), median(times), "ms")
                .beside(HELLO, hello)
                .aim(Aim::AtMost(1.3))
                .note(format!("p90 {:.2}", percentile(times, 90))),
        );
    }
    report.add(Figure::new(
        "an empty process (true), for comparison",
        nothing(rounds)?,
        "ms",
    ));
    report.add(Figure::new("starts of each", float(u64::from(rounds)), ""));
    Ok(())
}

/// The same functions built in two ways: ours, and those of the folder, which need not have all of them.
fn compare(fixture: &Fixture, folder: &Path, rounds: u32, report: &mut Report) -> Result<()> {
    report.group("Cold start: these binaries beside those of the folder, p50");
    let mut launches = Vec::new();
    for name in functions()? {
        let binary = folder.join(&name);
        if binary.is_file() {
            let ours = fixture.launch(&name)?;
            let theirs = Launch {
                binary,
                ..ours.clone()
            };
            launches.extend([ours, theirs]);
        }
    }
    ensure!(!launches.is_empty(), "{} has no function", folder.display());
    let times = starts(&launches, rounds)?;
    for (launch, times) in launches.chunks(2).zip(times.chunks(2)) {
        let ours = Figure::new(launch[0].name.clone(), median(&times[0]), "ms");
        report.add(
            ours.beside("folder", median(&times[1]))
                .aim(Aim::AtMost(1.05)),
        );
    }
    Ok(())
}

/// Starts each of them in turn, so that drift cancels; answers their times in milliseconds.
fn starts(launches: &[Launch], rounds: u32) -> Result<Vec<Vec<f64>>> {
    for launch in launches {
        write_anew(&launch.binary)?;
    }
    let ear = Ear::new()?;
    let mut times = vec![Vec::new(); launches.len()];
    step("Starting each of them", || {
        for round in 0..=rounds {
            for (launch, times) in launches.iter().zip(&mut times) {
                let took = ear.first_byte(launch)?;
                // The first round warms the caches and is not counted.
                if round > 0 {
                    times.push(milliseconds(took));
                }
            }
        }
        Ok(())
    })?;
    Ok(times)
}

/// Writes a binary again. Page faults are most of a start, and their number depends on how the file came into the page
/// cache: a file read from the disk takes a tenth longer than one just written.
fn write_anew(binary: &Path) -> Result<()> {
    let (content, permissions) = (fs::read(binary)?, fs::metadata(binary)?.permissions());
    fs::remove_file(binary)?;
    fs::write(binary, content)?;
    Ok(fs::set_permissions(binary, permissions)?)
}

/// A server that notes when the first byte arrives.
struct Ear {
    address: SocketAddr,
    heard: Receiver<Instant>,
}

impl Ear {
    fn new() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let (tell, heard) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let tell = tell.clone();
                thread::spawn(move || {
                    if matches!(stream.read(&mut [0]), Ok(1)) {
                        // The receiver is gone when the bench is over.
                        let _over = tell.send(Instant::now());
                        // The connection stays open until the other side closes it.
                        let _gone = std::io::copy(&mut stream, &mut std::io::sink());
                    }
                });
            }
        });
        Ok(Self { address, heard })
    }

    fn first_byte(&self, launch: &Launch) -> Result<Duration> {
        while self.heard.try_recv().is_ok() {}
        let mut command = Command::new(&launch.binary);
        command
            .env_clear()
            .env("AWS_LAMBDA_FUNCTION_NAME", &launch.name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "bench")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "bench")
            .env("TZ", ":UTC")
            .envs(launch.env.iter().map(|(name, value)| (name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", self.address.to_string());
        for service in ["SECRETS_MANAGER", "S3", "DYNAMODB"] {
            command.env(
                format!("AWS_ENDPOINT_URL_{service}"),
                format!("http://{}", self.address),
            );
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let begun = Instant::now();
        let mut child = command.spawn()?;
        let heard = self.heard.recv_timeout(PATIENCE);
        // The process may have ended by itself.
        let _gone = child.kill();
        child.wait()?;
        let heard = heard.with_context(|| format!("{} sent nothing", launch.name))?;
        Ok(heard - begun)
    }
}

/// The time to start and end an empty process.
fn nothing(rounds: u32) -> Result<f64> {
    let program = Path::new("/bin/true");
    let mut times = Vec::new();
    for _ in 0..rounds {
        let begun = Instant::now();
        Command::new(program).env_clear().status()?;
        times.push(milliseconds(begun.elapsed()));
    }
    Ok(median(&times))
}
