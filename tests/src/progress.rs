//! Words on standard error about steps that take long.

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// Prints a step, its time so far, and its end; quick steps print nothing.
pub fn step<T>(what: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let (done, finished) = mpsc::channel::<()>();
    let shown = Arc::new(AtomicBool::new(false));
    let reporter = thread::spawn({
        let (what, shown) = (what.to_owned(), Arc::clone(&shown));
        move || report(&what, &finished, &shown)
    });
    let start = Instant::now();
    let result = work();
    drop(done);
    // The reporter only prints; if it panicked there is a line less.
    let _joined = reporter.join();
    if shown.load(Ordering::Relaxed) {
        let end = if result.is_ok() { "done" } else { "failed" };
        say(&format!(
            "{what}: {end} after {} s",
            start.elapsed().as_secs()
        ));
    }
    result
}

fn report(what: &str, finished: &mpsc::Receiver<()>, shown: &AtomicBool) {
    // A person watches more closely than a log does.
    let pace = Duration::from_secs(if std::io::stderr().is_terminal() {
        5
    } else {
        20
    });
    let start = Instant::now();
    let mut wait = Duration::from_millis(700);
    while finished.recv_timeout(wait) == Err(mpsc::RecvTimeoutError::Timeout) {
        match start.elapsed().as_secs() {
            0 => say(&format!("{what} …")),
            seconds => say(&format!("{what} … {seconds} s")),
        }
        shown.store(true, Ordering::Relaxed);
        wait = pace;
    }
}

/// One line on standard error.
pub fn say(line: &str) {
    // A closed output is not an error.
    let _unread = writeln!(std::io::stderr(), "{line}");
}
