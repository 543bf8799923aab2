//! Keeps the log as the schedule does on AWS, but at the pace of a person who waits for a receipt.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::progress::say;
use crate::watch::Invoker;

const BEAT: Duration = Duration::from_secs(1);
/// A chain is slower than the log, and on AWS each anchor costs.
const ANCHOR_BEATS: u32 = 5;

/// Dropping it ends it.
#[derive(Debug)]
pub(super) struct Keeper {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// One that does nothing.
    pub(super) const fn idle() -> Self {
        Self {
            stop: None,
            thread: None,
        }
    }

    pub(super) fn start(invoker: Invoker) -> Self {
        let (stop, stopped) = channel();
        let thread = thread::spawn(move || {
            // A failure is reported once, and tried again at the next beat.
            let mut reported: Option<String> = None;
            for beat in 0_u32.. {
                let kept = invoker.seal().and_then(|()| {
                    if beat.is_multiple_of(ANCHOR_BEATS) {
                        invoker.anchor()?;
                    }
                    Ok(())
                });
                let failure = kept
                    .err()
                    .map(|error| format!("The log is not kept: {error:#}"));
                if let Some(text) = failure
                    .as_ref()
                    .filter(|text| reported.as_ref() != Some(*text))
                {
                    say(text);
                }
                reported = failure;
                if stopped.recv_timeout(BEAT) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
            }
        });
        Self {
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    pub(super) fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A thread that fails has printed why.
            drop(thread.join());
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop();
    }
}
