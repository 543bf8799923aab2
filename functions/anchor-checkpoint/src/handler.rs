use std::time::Duration;

use evm::{Hash, Signed, SigningKey, Transaction};
use serde_json::{Value, json};
use shared::{
    gateway::{Anchor, AnchorTransaction, Outcome, Reply},
    runtime::{Failed, JobCall},
};
use tlog::anchor::Payload;
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

use crate::{
    config::AnchorConfig,
    fees::Fees,
    node::{Mined, Node, NodeError, Submission},
    plan::{ChainView, Step, next_step},
    records::{Prepared, Records, Unverified},
};

/// From one look at the chain to the next: this long at first, and longer each time.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// With less time than this nothing new is begun; the next run goes on.
const LOOK_TIME: Duration = Duration::from_millis(500);

/// The lowest that a transfer with data costs on any chain (EIP-7623), and the most that is offered: what is
/// not used is not paid.
const GAS_BASE: u64 = 21_000;
const GAS_PER_BYTE: u64 = 40;
const GAS_MAX: u64 = 2_000_000;

/// However the node may mislead us, a run signs no more transactions than this.
const PREPARED_MAX: usize = 3;

/// A node that does not want our transaction, and does not see it mined, so many times in a row, has a reason.
const REFUSALS_MAX: u32 = 3;

type AnchorCall = JobCall<AnchorConfig, SigningKey>;

/// Anchors the latest checkpoint, or goes on with what an earlier run has begun, as long as there is time.
pub(crate) async fn handle(call: AnchorCall) -> Result<Value, Failed> {
    let time = call.gateway.remaining();
    let Ok(result) = timeout(time, run(&call)).await else {
        // What was recorded is recorded, and what was sent is sent: the next run looks at both.
        error!("The node or the database has taken too long.");
        return Err(Failed::Broken);
    };
    result
}

async fn run(call: &AnchorCall) -> Result<Value, Failed> {
    let mut run = Run {
        call,
        node: Node::new(&call.config.chain),
        records: ask(call).await?,
        begun: Vec::new(),
        refusals: 0,
        latest: None,
    };
    let target = run
        .records
        .target(&call.config.log_key)
        .map_err(|Unverified| {
            error!(
                checkpoint.size = run.records.unverified_size(),
                "The database's latest checkpoint is not what the log signed: it is not anchored."
            );
            Failed::Refused("checkpoint-unverified".to_owned())
        })?;
    let Some(target) = target else {
        return Ok(run.report(false));
    };
    // Also where the run fails there is a figure to be alarmed by.
    call.meter.set("anchor_lag", run.records.lag(target.size));
    if run.records.has_anchored(target.size) {
        return Ok(run.report(false));
    }
    run.check_chain().await?;
    run.anchor(&target).await
}

/// One invocation.
struct Run<'a> {
    call: &'a AnchorCall,
    node: Node,
    records: Records,
    /// What was prepared by this run: it is not replaced before it had its chance.
    begun: Vec<Hash>,
    refusals: u32,
    /// The transaction that was last worked on.
    latest: Option<Hash>,
}

impl Run<'_> {
    /// Looks, decides, does one thing, and looks again; each step is as good a place to crash as any other.
    async fn anchor(&mut self, target: &Payload) -> Result<Value, Failed> {
        let mut pause = PAUSE_MIN;
        loop {
            let prepared = self.prepared();
            let view = self.look(&prepared).await.map_err(unreliable)?;
            let step = next_step(&prepared, &view, self.call.config.chain.confirmations);
            if self.take(step, target).await? {
                self.records = ask(self.call).await?;
                let lag = self.records.lag(target.size);
                self.call.meter.set("anchor_lag", lag);
                if self.records.has_anchored(target.size) {
                    return Ok(self.report(false));
                }
                pause = PAUSE_MIN;
                continue;
            }
            if self.call.gateway.remaining() < pause + LOOK_TIME {
                return Ok(self.report(true));
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Takes the step; whether something was recorded, and the records must be read again.
    async fn take(&mut self, step: Step<'_>, target: &Payload) -> Result<bool, Failed> {
        match step {
            Step::Confirm(prepared, mined) => {
                self.confirm(prepared, &mined).await?;
                Ok(true)
            }
            Step::Wait(signed) => {
                self.latest = Some(signed.hash());
                Ok(false)
            }
            Step::Pursue(prepared) => self.pursue(prepared).await,
            Step::Begin { .. } if self.begun.len() >= PREPARED_MAX => Ok(false),
            Step::Begin { nonce } => {
                self.begin(nonce, target).await?;
                Ok(true)
            }
        }
    }

    async fn look(&self, prepared: &[Prepared]) -> Result<ChainView, NodeError> {
        let account = self.call.resources.address();
        let head = self.node.head().await?;
        let next_nonce = self.node.nonce(account).await?;
        let settled_nonce = match head
            .saturating_add(1)
            .checked_sub(self.call.config.chain.confirmations)
        {
            Some(block) => self.node.nonce_at(account, block).await?,
            None => 0,
        };
        // After the nonces, as the plan's argument needs it.
        let mut seen = Vec::with_capacity(prepared.len());
        for one in prepared {
            seen.push(self.node.see(&one.signed).await?);
        }
        Ok(ChainView {
            head,
            next_nonce,
            settled_nonce,
            seen,
        })
    }

    /// Prepares a transaction for the latest checkpoint.
    async fn begin(&mut self, nonce: u64, target: &Payload) -> Result<(), Failed> {
        let account = self.call.resources.address();
        let data = target.to_bytes().to_vec();
        let gas = self.node.gas(account, &data).await.map_err(unreliable)?;
        let quote = self.node.quote().await.map_err(unreliable)?;
        let Some(fees) = quote.fees() else {
            error!(anchor.base_fee_wei = %quote.base_fee, "The chain costs more than we pay.");
            return Err(Failed::Refused("fee-too-high".to_owned()));
        };
        let transaction = Transaction {
            chain_id: self.call.config.chain.id,
            nonce,
            max_priority_fee_per_gas: fees.tip,
            max_fee_per_gas: fees.max,
            gas_limit: gas_limit(gas, data.len()),
            to: account,
            value: 0,
            data,
        };
        self.prepare(transaction, target.size).await
    }

    /// Sees to it that the node has the transaction, or prepares one that offers more; whether it was prepared.
    async fn pursue(&mut self, prepared: &Prepared) -> Result<bool, Failed> {
        let signed = &prepared.signed;
        self.latest = Some(signed.hash());
        if let Some(replacement) = self.replacement(signed).await? {
            self.prepare(replacement, prepared.payload.size).await?;
            return Ok(true);
        }
        if self.node.knows(signed).await.map_err(unreliable)? {
            self.refusals = 0;
            return Ok(false);
        }
        match self.node.send(signed).await.map_err(unreliable)? {
            Submission::Accepted => {
                info!(anchor.transaction = %signed.hash(), "The anchor's transaction is sent.");
                self.refusals = 0;
            }
            Submission::Refused(cause) => {
                warn!(
                    anchor.transaction = %signed.hash(),
                    node.refusal = %cause,
                    "The node refuses the anchor's transaction."
                );
                self.refusals += 1;
            }
        }
        if self.refusals < REFUSALS_MAX {
            return Ok(false);
        }
        error!(anchor.transaction = %signed.hash(), "The node does not take the anchor's transaction.");
        Err(Failed::Refused("transaction-refused".to_owned()))
    }

    /// The same transaction with higher fees, if an earlier run has prepared it and its fees are not enough any
    /// more. Its data was verified by whoever signed it: by us.
    async fn replacement(&self, signed: &Signed) -> Result<Option<Transaction>, Failed> {
        if self.begun.contains(&signed.hash()) {
            return Ok(None);
        }
        let quote = self.node.quote().await.map_err(unreliable)?;
        let raised = Fees::of(signed.transaction()).raised(quote);
        Ok(raised.map(|fees| Transaction {
            max_priority_fee_per_gas: fees.tip,
            max_fee_per_gas: fees.max,
            ..signed.transaction().clone()
        }))
    }

    /// Signs and records. A crash before the record leaves nothing that anyone has seen. What is recorded is sent when
    /// it is read back, by this run or the next one.
    async fn prepare(&mut self, transaction: Transaction, size: u64) -> Result<(), Failed> {
        let signed = self.call.resources.sign(transaction);
        info!(
            checkpoint.size = size,
            anchor.transaction = %signed.hash(),
            anchor.nonce = signed.transaction().nonce,
            anchor.max_fee_wei = %signed.transaction().max_fee_per_gas,
            "A transaction is prepared."
        );
        self.begun.push(signed.hash());
        let transaction = AnchorTransaction {
            size,
            address: signed.sender().to_string(),
            nonce: signed.transaction().nonce,
            transaction_hash: signed.hash().to_string(),
            raw_transaction: signed.to_hex(),
        };
        let (gateway, chain_id) = (&self.call.gateway, self.call.config.chain.id);
        let reply = gateway
            .record_anchor_transaction(chain_id, &transaction)
            .await?;
        answered(reply).map(drop)
    }

    /// Records that the transaction is in the chain for good. A crash before it is repaired by the next run, which
    /// finds the transaction as deep or deeper.
    async fn confirm(&mut self, prepared: &Prepared, mined: &Mined) -> Result<(), Failed> {
        let hash = prepared.signed.hash();
        self.latest = Some(hash);
        info!(
            checkpoint.size = prepared.payload.size,
            anchor.transaction = %hash,
            anchor.block_number = mined.block_number,
            "The checkpoint is anchored."
        );
        let anchor = Anchor {
            transaction_hash: hash.to_string(),
            block_number: mined.block_number,
            block_hash: mined.block_hash.to_string(),
        };
        let (gateway, chain_id) = (&self.call.gateway, self.call.config.chain.id);
        answered(gateway.record_anchor(chain_id, &anchor).await?).map(drop)
    }

    fn prepared(&self) -> Vec<Prepared> {
        self.records
            .prepared(self.call.resources.address(), self.call.config.chain.id)
    }

    async fn check_chain(&self) -> Result<(), Failed> {
        let id = self.node.chain_id().await.map_err(unreliable)?;
        if id == self.call.config.chain.id {
            return Ok(());
        }
        error!(
            chain.id = id,
            chain.expected_id = self.call.config.chain.id,
            "The node is of another chain."
        );
        Err(Failed::Refused("wrong-chain".to_owned()))
    }

    fn report(&self, pending: bool) -> Value {
        json!({
            "anchored_size": self.records.anchored_size(),
            "pending": pending,
            "transaction_hash": self.latest.map(|hash| hash.to_string()),
        })
    }
}

/// Reads what the database knows.
async fn ask(call: &AnchorCall) -> Result<Records, Failed> {
    let reply = call.gateway.next_anchor(call.config.chain.id).await?;
    Ok(answered(reply)?.read()?)
}

fn answered(reply: Reply) -> Result<Reply, Failed> {
    match reply.outcome {
        Outcome::Ok => Ok(reply),
        Outcome::Refused => Err(Failed::refused(&reply)),
        _ => Err(Failed::Broken),
    }
}

/// A quarter more than was estimated: it may cost more in the block that takes it. A node that says too little
/// would have us send what no node takes.
fn gas_limit(estimated: u64, data_bytes: usize) -> u64 {
    let bytes = u64::try_from(data_bytes).unwrap_or(u64::MAX);
    let least = bytes.saturating_mul(GAS_PER_BYTE).saturating_add(GAS_BASE);
    let more = estimated.saturating_add(estimated / 4);
    more.clamp(least.min(GAS_MAX), GAS_MAX)
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "the shape that map_err asks for"
)]
fn unreliable(error: NodeError) -> Failed {
    let source = std::error::Error::source(&error).map(ToString::to_string);
    error!(node.fault = %error, node.cause = source, "The chain's node has not answered as it should.");
    Failed::Broken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gas() {
        for (estimated, expected) in [
            (24_520, 30_650),
            (0, 24_520),
            (21_000, 26_250),
            (1_600_000, 2_000_000),
            (u64::MAX, GAS_MAX),
        ] {
            assert_eq!(gas_limit(estimated, 88), expected, "{estimated}");
        }
    }
}
