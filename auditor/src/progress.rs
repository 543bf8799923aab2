//! How far a run has come, for who waits for it: on standard error, and only if that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar, or nothing where nobody looks.
#[derive(Clone, Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// Of that many things; hidden for `--json` and `--quiet`.
    #[must_use]
    pub fn new(hidden: bool) -> Self {
        let target = if hidden {
            ProgressDrawTarget::hidden()
        } else {
            // Draws nothing unless it is a terminal.
            ProgressDrawTarget::stderr_with_hz(8)
        };
        Self(ProgressBar::with_draw_target(None, target))
    }

    /// One that nobody sees.
    #[must_use]
    pub fn none() -> Self {
        Self::new(true)
    }

    /// Begins a part of the work that has that many steps.
    pub fn begin(&self, what: &'static str, steps: u64) {
        const BAR: &str = "{msg} [{bar:30}] {percent} % of {human_len}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(BAR) {
            self.0.set_style(style);
        }
        self.0.reset();
        self.0.set_length(steps);
        self.0.set_message(what);
    }

    /// Begins a part of the work whose end cannot be seen from here.
    pub fn begin_unbounded(&self, what: &'static str) {
        if let Ok(style) = ProgressStyle::with_template("{msg} {spinner} {human_pos}") {
            self.0.set_style(style);
        }
        self.0.reset();
        self.0.set_message(what);
        self.0.enable_steady_tick(Duration::from_millis(250));
    }

    /// So many steps more.
    pub fn advance(&self, steps: u64) {
        self.0.inc(steps);
    }

    /// Takes the bar away.
    pub fn end(&self) {
        self.0.disable_steady_tick();
        self.0.finish_and_clear();
    }
}
