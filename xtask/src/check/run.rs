//! Running a program whose words matter only if it fails.

use std::io::Read;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::tally::Outcome;

/// No check takes as long; one that hangs must not hang everything.
const TIMEOUT: Duration = Duration::from_mins(20);

/// Passes if the program succeeds; otherwise says what the program said.
pub(super) fn quietly(command: &mut Command) -> Result<Outcome> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {name}"))?;
    let output = collect(child.stdout.take());
    let errors = collect(child.stderr.take());
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > TIMEOUT {
            child.kill()?;
            bail!("{name} does not end");
        }
        thread::sleep(Duration::from_millis(20));
    };
    if status.success() {
        return Ok(Outcome::Passed);
    }
    let said = |words: thread::JoinHandle<String>| words.join().unwrap_or_default();
    bail!("{name}: {status}\n{}{}", said(output), said(errors));
}

/// Read while the program runs: a full pipe would stop it.
fn collect(stream: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            // What came before the stream broke is still worth showing.
            let _broken = stream.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
