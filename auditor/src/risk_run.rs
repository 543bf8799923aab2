//! `verify risk-run`: a recorded run, computed again from what it is recorded with.

use risk::{
    MODEL_VERSION,
    outcome::{Difference, Outcome},
    recompute::{CannotRecompute, Verdict, verify as recompute},
    snapshot::Digest,
};
use serde_json::Value;

use crate::{
    cli,
    files::read_long,
    report::{Field, Finding, Report, Undecided},
};

/// Values that are longer are not shown where they differ.
const SHOWN_BYTES_MAX: usize = 200;

pub(crate) fn verify(arguments: &cli::RiskRun, report: &mut Report) -> Result<(), Undecided> {
    let name = arguments.file.display().to_string();
    let run = Recorded::read(&read_long(&arguments.file)?).ok_or_else(|| {
        Undecided(format!(
            "{name}: not a run as GET /v1/risk-runs/{{id}} answers it"
        ))
    })?;
    let settings = &run.outcome.settings;
    report.fact("id", run.id.as_str());
    report.fact("model", run.outcome.model.as_str());
    report.fact("snapshot_sha256", run.outcome.snapshot.as_str());
    report.fact("names", run.outcome.names.len());
    report.fact("scenarios", settings.scenarios);
    report.fact("seed", settings.seed);
    judge(&run, report);
    Ok(())
}

/// A run as the API answers it.
struct Recorded {
    id: String,
    snapshot: String,
    outcome: Outcome,
}

impl Recorded {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut run: Value = serde_json::from_slice(bytes).ok()?;
        let text = |name: &str| run.get(name)?.as_str().map(str::to_owned);
        let (id, snapshot) = (text("id")?, text("snapshot")?);
        let outcome = serde_json::from_value(run.get_mut("result")?.take()).ok()?;
        Some(Self {
            id,
            snapshot,
            outcome,
        })
    }
}

fn judge(run: &Recorded, report: &mut Report) {
    let mut find = |kind, text: &str, fields| {
        report.find(Finding::new(kind, text).differing(fields));
    };
    // The run's id chooses its random numbers, so another run's results are not this run's.
    if run.outcome.settings.run != run.id {
        let text = "the results are of another run";
        find("other-run", text, vec![Field::hidden("settings.run")]);
    }
    if Digest::of(run.snapshot.as_bytes()) != run.outcome.snapshot {
        let text = "the results are of another snapshot";
        find("other-snapshot", text, vec![Field::hidden("snapshot")]);
        return;
    }
    if run.outcome.model != MODEL_VERSION {
        report.undecided(format!(
            "the run is of another version of the engine than this program's, {MODEL_VERSION}"
        ));
        return;
    }
    match recompute(run.snapshot.as_bytes(), &run.outcome) {
        Ok(Verdict::Equal) => report.fact("recomputed", "equal"),
        Ok(Verdict::Differs(differences)) => {
            let fields = differences.into_iter().map(field).collect();
            find(
                "result-differs",
                "the results are not those of the inputs",
                fields,
            );
        }
        Err(CannotRecompute::Snapshot(error)) => {
            find(
                "not-computable",
                &format!("no run has these inputs: {error}"),
                Vec::new(),
            );
        }
        Err(CannotRecompute::Settings(error)) => {
            find(
                "not-computable",
                &format!("no run has these settings: {error}"),
                Vec::new(),
            );
        }
    }
}

fn field(difference: Difference) -> Field {
    let shown = |text: String| (text.len() <= SHOWN_BYTES_MAX).then_some(text);
    match (shown(difference.recorded), shown(difference.recomputed)) {
        (Some(recorded), Some(recomputed)) => Field {
            name: difference.what,
            recorded: Some(recorded),
            found: Some(recomputed),
        },
        _ => Field::hidden(difference.what),
    }
}
