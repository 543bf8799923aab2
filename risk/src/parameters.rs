//! How a run is to be made.

use serde::{Deserialize, Serialize};

use crate::{random::philox::Key, snapshot::Digest, units::Level};

/// The fewest scenarios of a run.
pub const SCENARIOS_MIN: u32 = 1_000;
/// The most scenarios of a run.
pub const SCENARIOS_MAX: u32 = 10_000_000;
/// Scenarios where none are asked for.
pub const SCENARIOS_DEFAULT: u32 = 1_000_000;
/// The most levels of a run.
pub const LEVELS_MAX: usize = 8;
/// The largest seed: what a number in JSON holds exactly.
pub const SEED_MAX: u64 = (1 << 53) - 1;
/// The longest name of a run, in bytes.
pub const RUN_BYTES_MAX: usize = 64;
/// Degrees of freedom of the t copula.
pub const DEGREES: std::ops::RangeInclusive<u32> = 2..=100;
/// How many plain scenarios must lie beyond the highest level: with fewer, intervals of expected shortfall hold less
/// often than they say.
const TAIL_MIN: u64 = 100;
/// How many must where scenarios are weighed, and in each independent sample of Sobol sequences.
const SAMPLE_TAIL_MIN: u64 = 10;

/// How names depend on each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Copula {
    /// As jointly normal variables.
    Gaussian,
    /// As jointly t-distributed variables: one mixing variable common to all.
    StudentT {
        /// Degrees of freedom.
        degrees: u32,
    },
}

/// How results are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Without scenarios, where there is one Gaussian factor; else plain.
    Exact,
    /// By scenarios that are drawn independently, each with the same weight.
    Plain,
    /// By more scenarios with large losses, each weighed by its likelihood. Plain where that would lose.
    Importance,
    /// By scenarios whose factors are spread evenly: sixteen scrambled Sobol sequences.
    Sobol,
}

/// Parameters as asked for and as recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The levels of VaR and ES, rising.
    pub levels: Vec<Level>,
    /// How many scenarios.
    pub scenarios: u32,
    /// How names depend on each other.
    pub copula: Copula,
    /// How results are computed.
    pub method: Method,
    /// The seed, which chooses the random numbers together with the run's id.
    pub seed: u64,
    /// The run's id: 1 to 64 visible ASCII characters.
    pub run: String,
}

impl Settings {
    /// The defaults of a run: 99% and 99.9%, the Gaussian copula, exact where possible or a million scenarios, a seed
    /// from the run's id.
    #[must_use]
    pub fn of_run(run: &str) -> Self {
        Self {
            levels: vec![Level::P99, Level::P999],
            scenarios: SCENARIOS_DEFAULT,
            copula: Copula::Gaussian,
            method: Method::Exact,
            seed: first_word(&format!("optkas-risk-seed/1\n{run}\n")) & SEED_MAX,
            run: run.to_owned(),
        }
    }
}

/// What a request may ask for; null is as if it were absent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The currency of the positions (ISO 4217).
    pub currency: String,
    /// At which values at risk are computed.
    pub levels: Option<Vec<Level>>,
    /// How many.
    pub scenarios: Option<u32>,
    /// How defaults depend on each other.
    pub copula: Option<Copula>,
    /// How results are computed.
    pub method: Option<Method>,
    /// Chooses the random numbers, together with the run's id.
    pub seed: Option<u64>,
}

impl Asked {
    /// The settings of the run of that id: those asked for, and defaults.
    #[must_use]
    pub fn settings(&self, run: &str) -> Settings {
        let defaults = Settings::of_run(run);
        Settings {
            levels: self.levels.clone().unwrap_or(defaults.levels),
            scenarios: self.scenarios.unwrap_or(defaults.scenarios),
            copula: self.copula.unwrap_or(defaults.copula),
            method: self.method.unwrap_or(defaults.method),
            seed: self.seed.unwrap_or(defaults.seed),
            run: defaults.run,
        }
    }
}

/// Why parameters are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSettings {
    /// The levels are none, too many, or not rising.
    #[error("levels are 1 to 8, rising")]
    Levels,
    /// The scenarios are too few or too many.
    #[error("scenarios are 1,000 to 10,000,000")]
    Scenarios,
    /// A level is so high that nearly no scenario is beyond it.
    #[error(
        "the highest level has too few scenarios beyond it: a hundred, or ten by importance sampling, or 160 by Sobol"
    )]
    Tail,
    /// The t copula's degrees of freedom are out of bounds.
    #[error("degrees of freedom are 2 to 100")]
    Degrees,
    /// The seed is too large.
    #[error("the seed is at most 2^53 - 1")]
    Seed,
    /// The run's id is empty, too long, or has other characters.
    #[error("the run's id is 1 to 64 visible ASCII characters")]
    Run,
}

/// Settings that were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters(Settings);

impl Parameters {
    /// Checks settings.
    ///
    /// # Errors
    /// The first that is out of bounds.
    pub fn parse(settings: Settings) -> Result<Self, BadSettings> {
        let demand = |holds: bool, refusal| if holds { Ok(()) } else { Err(refusal) };
        let levels = &settings.levels;
        demand(
            (1..=LEVELS_MAX).contains(&levels.len()) && levels.is_sorted_by(|a, b| a < b),
            BadSettings::Levels,
        )?;
        demand(
            (SCENARIOS_MIN..=SCENARIOS_MAX).contains(&settings.scenarios),
            BadSettings::Scenarios,
        )?;
        // Any method may give way to the plain one.
        demand(
            settings.beyond(SCENARIOS_MAX) >= TAIL_MIN,
            BadSettings::Tail,
        )?;
        demand(
            settings.beyond(settings.scenarios) >= settings.method.tail_min(),
            BadSettings::Tail,
        )?;
        if let Copula::StudentT { degrees } = settings.copula {
            demand(DEGREES.contains(&degrees), BadSettings::Degrees)?;
        }
        demand(settings.seed <= SEED_MAX, BadSettings::Seed)?;
        let run = settings.run.as_bytes();
        demand(
            (1..=RUN_BYTES_MAX).contains(&run.len()) && run.iter().all(u8::is_ascii_graphic),
            BadSettings::Run,
        )?;
        Ok(Self(settings))
    }

    /// What was checked.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0
    }

    /// How many scenarios a plain run has that takes the place of another method: at least as many as asked for.
    pub(crate) fn plain_scenarios(&self) -> u32 {
        let tail = u64::from(crate::units::MILLION - self.0.highest().ppm());
        let least = (TAIL_MIN * u64::from(crate::units::MILLION)).div_ceil(tail);
        let least = u32::try_from(least).unwrap_or(SCENARIOS_MAX);
        self.0.scenarios.max(least).min(SCENARIOS_MAX)
    }

    /// The generator's key: the first 64 bits of a SHA-256 of seed and run.
    pub(crate) fn key(&self) -> Key {
        let word = first_word(&format!(
            "optkas-risk-key/1\n{}\n{}\n",
            self.0.seed, self.0.run
        ));
        Key::of_word(word)
    }
}

impl Settings {
    /// The last level, or 99% where there is none.
    fn highest(&self) -> Level {
        self.levels.last().copied().unwrap_or(Level::P99)
    }

    /// How many of so many scenarios lie beyond the highest level.
    fn beyond(&self, scenarios: u32) -> u64 {
        let tail = crate::units::MILLION - self.highest().ppm();
        u64::from(scenarios) * u64::from(tail) / u64::from(crate::units::MILLION)
    }
}

impl Method {
    /// How many scenarios must lie beyond the highest level.
    fn tail_min(self) -> u64 {
        match self {
            Self::Exact => 0,
            Self::Plain => TAIL_MIN,
            Self::Importance => SAMPLE_TAIL_MIN,
            Self::Sobol => SAMPLE_TAIL_MIN * u64::from(crate::random::sobol::SAMPLES),
        }
    }
}

/// The first sixteen digits of a text's SHA-256, as a number.
fn first_word(text: &str) -> u64 {
    u64::from_str_radix(&Digest::of(text.as_bytes()).as_str()[..16], 16)
        .expect("hexadecimal digits")
}
