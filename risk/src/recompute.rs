//! Computes a recorded run again, as an auditor does.

use crate::{
    input::Portfolio,
    outcome::{Difference, Outcome},
    parameters::{BadSettings, Parameters, Settings},
    run::run,
    snapshot::{NotASnapshot, Snapshot},
};

/// Why a recorded run cannot be computed again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotRecompute {
    /// The inputs.
    #[error("the recorded snapshot cannot be read")]
    Snapshot(#[source] NotASnapshot),
    /// The parameters.
    #[error("the recorded parameters are refused")]
    Settings(#[source] BadSettings),
}

/// What recomputation found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every result is as recorded, bit for bit.
    Equal,
    /// Some results differ. Never empty.
    Differs(Vec<Difference>),
}

/// Computes results from recorded inputs and parameters.
///
/// # Errors
/// The inputs or parameters cannot be read or are refused.
pub fn recompute(snapshot: &[u8], settings: &Settings) -> Result<Outcome, CannotRecompute> {
    let (portfolio, parameters) = read(snapshot, settings)?;
    Ok(run(&portfolio, &parameters))
}

/// Reads recorded inputs and parameters, say to estimate what recomputation costs.
///
/// # Errors
/// Where they cannot be read or are refused.
pub fn read(
    snapshot: &[u8],
    settings: &Settings,
) -> Result<(Portfolio, Parameters), CannotRecompute> {
    let portfolio = Snapshot::decode(snapshot).map_err(CannotRecompute::Snapshot)?;
    let parameters = Parameters::parse(settings.clone()).map_err(CannotRecompute::Settings)?;
    Ok((portfolio, parameters))
}

/// Computes a recorded run again, from the snapshot and the recorded settings, and compares.
///
/// # Errors
/// The run cannot be computed.
pub fn verify(snapshot: &[u8], recorded: &Outcome) -> Result<Verdict, CannotRecompute> {
    let differences = recorded.differences(&recompute(snapshot, &recorded.settings)?);
    Ok(if differences.is_empty() {
        Verdict::Equal
    } else {
        Verdict::Differs(differences)
    })
}
