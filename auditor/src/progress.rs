//! Shows how far the work has come: on standard error, and only if that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A progress bar, or nothing where standard error is no terminal.
#[derive(Clone, Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// A bar; hidden for `--json` and `--quiet`.
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

    /// A bar that is never drawn.
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

    /// Begins a part of the work whose number of steps is unknown.
    pub fn begin_unbounded(&self, what: &'static str) {
        if let Ok(style) = ProgressStyle::with_template("{msg} {spinner} {human_pos}") {
            self.0.set_style(style);
        }
        self.0.reset();
        self.0.set_message(what);
        self.0.enable_steady_tick(Duration::from_millis(250));
    }

    /// Counts steps that are done.
    pub fn advance(&self, steps: u64) {
        self.0.inc(steps);
    }

    /// Takes the bar away.
    pub fn end(&self) {
        self.0.disable_steady_tick();
        self.0.finish_and_clear();
    }
}
