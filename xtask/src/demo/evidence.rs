//! Evidence that the auditor verifies alone: a receipt, the whole log, the database against it, and a public chain.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::cargo;
use tests::chain::CHAIN_ID;
use tests::http::Response;
use tests::stack::Stack;

use super::Settled;
use super::story::Story;

/// A receipt takes seconds; an anchor takes as long as the chain needs for its blocks.
const PATIENCE: Duration = Duration::from_mins(1);
const AUDITOR: &str = "ann";

/// What the auditor has: a folder, a program and a policy. Everything else comes from the operator, untrusted.
pub(super) struct Desk {
    program: PathBuf,
    policy: String,
    folder: PathBuf,
    log: String,
    database: String,
}

impl Desk {
    pub(super) fn new(stack: &Stack) -> Result<Self> {
        let folder = stack.folder().join("auditor");
        fs::create_dir_all(&folder)?;
        stack.admin().connect()?.batch_execute(&format!(
            "create role {AUDITOR} login password '{AUDITOR}' in role optkas_auditor;
             grant connect on database {} to {AUDITOR}",
            stack.admin().name()
        ))?;
        let url = stack.admin().public_url();
        Ok(Self {
            program: cargo::build_auditor()?,
            policy: stack.policy()?.display().to_string(),
            folder,
            log: stack.log_url(),
            database: url.replace("://", &format!("://{AUDITOR}@")),
        })
    }

    /// `auditor verify …`, in a few words.
    pub(super) fn verify(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new(&self.program)
            .arg("verify")
            .args(arguments)
            .args(["--policy", &self.policy, "--json"])
            .env("PGPASSWORD", AUDITOR)
            .output()?;
        let said: Value = serde_json::from_slice(&output.stdout)
            .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
        let index = said["first_bad_index"].as_u64();
        let words = [
            said["verdict"].as_str().map(str::to_owned),
            index.map(|index| format!("entry {index}")),
            said["undecided"][0].as_str().map(str::to_owned),
            said["findings"][0]["table"].as_str().map(str::to_owned),
        ];
        Ok(words.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }

    pub(super) fn verify_database(&self) -> Result<String> {
        self.verify(&["database", &self.database, "--log", &self.log])
    }

    pub(super) fn keep(&self, name: &str, content: impl AsRef<[u8]>) -> Result<String> {
        let path = self.folder.join(name);
        fs::write(&path, content)?;
        Ok(path.display().to_string())
    }
}

/// Answers the place of the completion's entry.
pub(super) fn play(
    stack: &Stack,
    story: &mut Story,
    settled: &Settled,
    desk: &Desk,
) -> Result<String> {
    story.act("Evidence: the receipt, the log, the database, a public chain");
    let alice = stack.person("alice")?;
    let settlement = alice
        .get(&format!("/v1/settlements/{}", settled.id))?
        .json();
    let key = settlement["transitions"][3]["commitment_id"]
        .as_str()
        .context("the last transition has a commitment")?;
    let receipt = wait(
        || alice.get(&format!("/v1/commitments/{key}/proof")),
        |it| it.status == 200,
    )?;
    story.answer(
        "alice fetches the receipt of the completion",
        &receipt,
        "200",
    );
    let kept = desk.keep("completed.tlog-proof", &receipt.body)?;
    story.fact(
        "auditor verify receipt, offline",
        &desk.verify(&["receipt", &kept])?,
        "verified",
    );
    let index = receipt
        .text()
        .lines()
        .find_map(|line| line.strip_prefix("index ").map(str::to_owned));
    let index = index.context("a place")?;
    let forged = desk.keep("forged.tlog-proof", forge(&receipt.text())?)?;
    story.fact(
        "… the same with one character of the entry changed",
        &desk.verify(&["receipt", &forged])?,
        &format!("tampered, entry {index}"),
    );
    story.fact(
        "auditor verify log: every entry, tile and checkpoint",
        &desk.verify(&["log", &desk.log])?,
        "verified",
    );
    story.fact(
        "auditor verify database: every row against the log",
        &desk.verify_database()?,
        "verified",
    );

    let anchored = |it: &Response| it.json()["anchored"].is_object();
    let checkpoint = wait(|| alice.get("/v1/checkpoint"), anchored)?.json();
    let anchored = &checkpoint["anchored"];
    let anchor = &anchored["anchors"][0];
    let text = |value: &Value| value.as_str().map(str::to_owned).context("a text");
    println!(
        "  anchored: {} entries, block {}, transaction {}",
        anchored["size"],
        anchor["block_number"],
        text(&anchor["transaction_hash"])?
    );
    let note = desk.keep("checkpoint", text(&anchored["note"])?)?;
    let transaction = desk.keep("transaction", text(&anchor["raw_transaction"])?)?;
    let account = stack.deployment().chain_account()?.address().to_string();
    let chain = CHAIN_ID.to_string();
    let arguments = [
        "anchor",
        &note,
        &transaction,
        "--chain-id",
        &chain,
        "--address",
        &account,
    ];
    story.fact(
        "auditor verify anchor, offline",
        &desk.verify(&arguments)?,
        "verified",
    );
    let url = stack.chain().url();
    let asked = [&arguments[..], &["--rpc", &url]].concat();
    story.fact("… and asking the chain", &desk.verify(&asked)?, "verified");
    Ok(index)
}

/// Changes the entry's first character; the result is still valid Base64 and a well-formed proof.
fn forge(proof: &str) -> Result<String> {
    let (head, entry) = proof
        .split_once("extra eyJ2")
        .context("a proof with an entry")?;
    Ok(format!("{head}extra eyJ3{entry}"))
}

fn wait(ask: impl Fn() -> Result<Response>, done: impl Fn(&Response) -> bool) -> Result<Response> {
    let start = Instant::now();
    loop {
        let answer = ask()?;
        if done(&answer) {
            return Ok(answer);
        }
        ensure!(
            start.elapsed() < PATIENCE,
            "in vain: {} {}",
            answer.status,
            answer.text()
        );
        thread::sleep(Duration::from_millis(200));
    }
}
