//! `verify receipt`: a C2SP tlog-proof whose extra data is the entry.

use std::fs;

use tlog::{
    leaf::{Leaf, Outcome, Uuid},
    merkle::leaf_hash,
    proof::Proof,
};

use crate::{
    cli,
    files::read,
    kept,
    report::{Finding, Report, Undecided},
    trust::Trust,
};

pub(crate) fn verify(
    arguments: &cli::Receipt,
    trust: &Trust,
    report: &mut Report,
) -> Result<(), Undecided> {
    let name = arguments.file.display().to_string();
    let bytes = read(&arguments.file)?;
    let proof = Proof::parse(&bytes).map_err(|error| Undecided(format!("{name}: {error}")))?;
    let entry = match &arguments.entry {
        Some(path) => {
            fs::read(path).map_err(|error| Undecided(format!("{}: {error}", path.display())))?
        }
        None => proof
            .extra()
            .ok_or_else(|| Undecided(format!("{name} holds no entry: name one with --entry")))?
            .to_vec(),
    };
    let checkpoint = trust.accept_note(&name, proof.note(), report)?;
    let index = proof.index();
    report.fact("origin", checkpoint.origin());
    report.fact("size", checkpoint.size());
    report.fact("root", checkpoint.root().to_base64());
    report.fact("index", index);

    if proof.verify_inclusion(&leaf_hash(&entry)).is_err() {
        let text = "the entry is not in the tree of the receipt's checkpoint at this index";
        report.find(Finding::new("not-included", text).at(index));
        return Ok(());
    }
    match Leaf::parse(&entry) {
        Ok(leaf) => {
            say(&leaf, arguments, index, report);
            if let Some(path) = &arguments.request {
                kept::hold_request(path, &leaf, index, report)?;
            }
            if let Some(path) = &arguments.reply {
                kept::hold_reply(path, &leaf, index, report)?;
            }
        }
        Err(error) => report.undecided(format!("the log has this entry, but it is {error}")),
    }
    Ok(())
}

/// Reports what the entry says, after it has been proven.
fn say(leaf: &Leaf, arguments: &cli::Receipt, index: u64, report: &mut Report) {
    let id = leaf.id.to_string();
    if arguments.id.as_ref().is_some_and(|wanted| *wanted != id) {
        let text = "the receipt is for another commitment than the one asked about";
        report.find(
            Finding::new("other-commitment", text)
                .at(index)
                .of_commitment(&*id),
        );
    }
    report.fact("id", id);
    report.fact("operation", leaf.operation.as_str());
    report.fact("resource_id", leaf.resource_id.as_str());
    let created_id = leaf.created_id.as_ref().map(Uuid::as_str);
    report.fact("created_id", created_id);
    report.fact("outcome", leaf.outcome.as_str());
    match &leaf.outcome {
        Outcome::Accepted(status) => report.fact("status", status.get()),
        Outcome::Refused(name) => report.fact("refusal", name.as_str()),
    }
    report.fact("claimed_at", leaf.claimed_at.as_str());
    report.fact("committed_at", leaf.committed_at.as_str());
    report.fact("fingerprint", leaf.fingerprint.to_string());
    report.fact("body_hash", leaf.body_hash.to_string());
}
