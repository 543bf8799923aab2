//! `verify risk-run`: a recorded run, computed again from what it is recorded with.
//!
//! A file vouches for some of its own members: the id follows from the commitment, the settings from id and request,
//! the results from settings and snapshot. For the other members one has to ask the log or the database.

use risk::{
    MODEL_VERSION,
    outcome::{Difference, Outcome},
    parameters::Asked,
    recompute::{CannotRecompute, recompute},
    snapshot::Digest,
};
use serde_json::{Map, Value, json};
use tlog::leaf::tagged_hash;

use crate::{
    cli,
    files::read_long,
    report::{Field, Finding, Report, Undecided},
};

/// Values that are longer are not shown where they differ.
const SHOWN_BYTES_MAX: usize = 200;

/// The members that a file vouches for. Of the request that is what it asks for, and not how that is spelt.
const VOUCHED_FOR: [&str; 5] = ["commitment_id", "id", "request", "result", "snapshot"];

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
    report.fact("snapshot_sha256", run.outcome.snapshot_sha256.as_str());
    report.fact("names", run.outcome.names.len());
    report.fact("scenarios", settings.scenarios);
    report.fact("seed", settings.seed);
    report.fact("vouched_for", json!(VOUCHED_FOR));
    report.fact("not_vouched_for", json!(run.others));
    report.note(
        "Members not vouched for were not looked at. The log's entry is of the reply that recorded the run (verify \
         receipt --reply) and of the request's bytes; verify database has the inputs.",
    );
    judge(&run, report);
    Ok(())
}

/// A run as the API answers it.
struct Recorded {
    id: String,
    commitment: String,
    request: String,
    snapshot: String,
    outcome: Outcome,
    result: Value,
    /// The names of the members that are not vouched for.
    others: Vec<String>,
}

impl Recorded {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut run: Map<String, Value> = serde_json::from_slice(bytes).ok()?;
        let result = run.get_mut("result")?.take();
        let text = |name: &str| run.get(name)?.as_str().map(str::to_owned);
        let others = run
            .keys()
            .filter(|name| !VOUCHED_FOR.contains(&name.as_str()));
        Some(Self {
            id: text("id")?,
            commitment: text("commitment_id")?,
            request: text("request")?,
            snapshot: text("snapshot")?,
            outcome: serde_json::from_value(result.clone()).ok()?,
            others: others.cloned().collect(),
            result,
        })
    }
}

fn judge(run: &Recorded, report: &mut Report) {
    let mut find = |kind, text: &str, fields| {
        report.find(Finding::new(kind, text).differing(fields));
    };
    if derived_id(&run.commitment).as_ref() != Some(&run.id) {
        let text = "the id does not follow from the commitment";
        find("other-run", text, vec![Field::hidden("id")]);
    }
    // The run's id chooses its random numbers, so another run's results are not this run's.
    if run.outcome.settings.run != run.id {
        let text = "the results are of another run";
        find("other-run", text, vec![Field::hidden("settings.run")]);
    }
    // Of two draws one could be chosen: the request says how the run was to be made.
    let asked: Option<Asked> = serde_json::from_str(&run.request).ok();
    let held = asked.is_some_and(|asked| {
        asked.currency == run.outcome.currency
            && asked.settings(&run.outcome.settings.run) == run.outcome.settings
    });
    if !held {
        let text = "the run was not made as the request asks";
        find("other-request", text, vec![Field::hidden("settings")]);
    }
    if Digest::of(run.snapshot.as_bytes()) != run.outcome.snapshot_sha256 {
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
    match recompute(run.snapshot.as_bytes(), &run.outcome.settings) {
        Ok(recomputed) if json!(recomputed) == run.result => report.fact("recomputed", "equal"),
        Ok(recomputed) => {
            let differences = run.outcome.differences(&recomputed).into_iter();
            let mut fields: Vec<_> = differences.map(field).collect();
            if fields.is_empty() {
                // A member too many, or another spelling.
                fields.push(Field::hidden("result"));
            }
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

/// The id that follows from a commitment, as the database derives it (UUID version 8, RFC 9562).
fn derived_id(commitment: &str) -> Option<String> {
    let mut key = [0; 32];
    if base16ct::lower::decode(commitment, &mut key).ok()?.len() != key.len() {
        return None;
    }
    let hash = tagged_hash("optkas/risk-run/v1", &[&key]);
    let mut bytes: [u8; 16] = *hash.as_bytes().first_chunk()?;
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = base16ct::lower::encode_string(&bytes);
    let groups = [0..8, 8..12, 12..16, 16..20, 20..32].map(|group| &digits[group]);
    Some(groups.join("-"))
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
