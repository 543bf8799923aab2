//! Whoever keeps what was sent and answered has a receipt of both: by the auditor's program, and by the lines of
//! docs/API.md.

use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::json;
use tlog::leaf::{Leaf, Uuid};
use tlog::proof::Proof;

use super::fixture::AuditorFixture;

/// The entry has hashes: request and reply are held to them. Of a refusal it has the name and the members, from which
/// the words that were answered follow.
#[test]
fn a_receipt_is_of_the_request_and_of_the_reply() -> Result<()> {
    let fixture = AuditorFixture::shared()?;
    let lines_file = fixture.write("lines.py", documented_lines()?.as_bytes())?;
    let (mut accepted, mut refused, mut created) = (0, 0, 0);
    let exchanges = &fixture.exchanges;
    for (at, (mutation, reply)) in exchanges.iter().enumerate() {
        let name = mutation.name;
        let said = reply.json();
        let id = said["commitment"]["id"].as_str().context("an id")?;
        let row = fixture.base.admin()?.query_one(
            "select tlog.proof(o.leaf, e.index, tlog.latest_checkpoint())
            from tlog.entry as e join ledger.commitment_outcome as o using (key) where o.key = decode($1, 'hex')",
            &[&id],
        )?;
        let proof: String = row.try_get(0)?;
        let leaf = Leaf::parse(Proof::parse(proof.as_bytes())?.extra().context("entry")?)?;
        let made = said["id"].as_str().filter(|_| reply.status == 201);
        assert_eq!(leaf.created_id.as_ref().map(Uuid::as_str), made, "{name}");
        created += usize::from(made.is_some());

        let receipt = fixture.write(&format!("{id}.tlog-proof"), proof.as_bytes())?;
        let files = |sent: &[u8], reply: &[u8]| -> Result<[String; 2]> {
            Ok([
                fixture.write(&format!("{id}.sent.json"), sent)?,
                fixture.write(&format!("{id}.reply.json"), reply)?,
            ])
        };
        let found = |sent: &[u8], reply: &[u8]| -> Result<Vec<String>> {
            let [request, reply] = files(sent, reply)?;
            let arguments = [
                "receipt",
                &receipt,
                "--request",
                &request,
                "--reply",
                &reply,
            ];
            let answer = fixture.auditor(&arguments)?;
            let findings = answer.said["findings"].as_array().context("findings")?;
            let kinds = findings
                .iter()
                .filter_map(|finding| finding["kind"].as_str());
            Ok(kinds.map(str::to_owned).collect())
        };
        let by_the_lines = |sent: &[u8], reply: &[u8]| -> Result<String> {
            let [request, reply] = files(sent, reply)?;
            let mut lines = Command::new("python3");
            let output = lines
                .args([&lines_file, &receipt, &request, &reply])
                .output()?;
            let said = String::from_utf8(output.stderr)?;
            assert_eq!(said.is_empty(), output.status.success(), "{said}");
            Ok(said.lines().last().unwrap_or_default().to_owned())
        };
        let sent = &mutation.request.body[..];
        let another = &exchanges[(at + 1) % exchanges.len()].1.body[..];
        let mut altered = said.clone();
        altered["amount_minor"] = json!("1");
        if mutation.refusal.is_some() {
            altered = said.clone();
            altered["type"] = json!("urn:optkas:problem:another-name");
            refused += 1;
        } else {
            accepted += 1;
        }
        assert_eq!(found(sent, &reply.body)?, [""; 0], "{name}");
        let longer = [sent, b"\n"].concat();
        assert_eq!(found(&longer, &reply.body)?, ["request-differs"], "{name}");
        for other in [another, altered.to_string().as_bytes()] {
            assert_eq!(found(sent, other)?, ["reply-differs"], "{name}");
        }
        assert_eq!(by_the_lines(sent, &reply.body)?, "", "{name}");
        let said = by_the_lines(&longer, &reply.body)?;
        assert_eq!(said, "AssertionError: another request", "{name}");
        if mutation.refusal.is_none() {
            assert_eq!(
                by_the_lines(sent, another)?,
                "AssertionError: another reply",
                "{name}"
            );
        }
    }
    assert!(
        accepted > 10 && refused > 5 && created > 2,
        "{accepted} accepted, {refused} refused, {created} created"
    );
    Ok(())
}

/// The lines that docs/API.md gives to readers.
fn documented_lines() -> Result<&'static str> {
    const DOCUMENT: &str = include_str!("../../../../docs/API.md");
    let (_, lines) = DOCUMENT
        .split_once("```python\nimport base64, hashlib")
        .context("lines")?;
    let from = DOCUMENT.len() - lines.len() - "import base64, hashlib".len();
    let (lines, _) = DOCUMENT[from..].split_once("```").context("an end")?;
    Ok(lines)
}
