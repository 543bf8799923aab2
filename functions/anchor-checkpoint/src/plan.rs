//! What to do next, from what was recorded and what was seen.
//!
//! # At most one anchor a checkpoint
//!
//! All transactions on their way share a nonce, or their nonces are spent. A new nonce is begun only when each
//! older one is spent for good without a transaction of ours:
//!
//! 1. The node said how many transactions of the account are in the chain up to a block that has all its
//!    confirmations. A nonce below that number was spent in this block or before it.
//! 2. *After* that it was asked for each of our transactions with this nonce, and knows none of them mined.
//!    What spent the nonce is therefore something else, and it is as deep as what we call confirmed.
//! 3. A chain takes one transaction for a nonce. For one of ours to be mined after all, the chain would have to
//!    undo a block deeper than `CHAIN_CONFIRMATIONS`.
//!
//! A nonce that is spent, but not yet that deep, is waited for, and so is a transaction whose receipt names a
//! block that the chain has not: either a receipt appears, or the chain is being reorganised and the nonce is
//! free again, and our transaction is sent once more. A transaction of ours that
//! was mined and failed (out of gas) counts as something else when it is as deep.
//!
//! A nonce above the account's next one cannot be mined now; honest nodes do not lead there, and a node that
//! lied about the number may have. It is let be. Should the gap close one day, the same checkpoint is in the
//! chain twice, and the first confirmed one is the anchor.

use evm::Signed;

use crate::{
    node::{Inclusion, Mined},
    records::Prepared,
};

/// What the node said, in the order of its questions.
#[derive(Debug)]
pub(crate) struct ChainView {
    pub(crate) head: u64,
    /// The account's next nonce in the chain up to its head.
    pub(crate) next_nonce: u64,
    /// The same up to the last block that has all its confirmations.
    pub(crate) settled_nonce: u64,
    /// Where each prepared transaction was seen.
    pub(crate) seen: Vec<Inclusion>,
}

/// The next step.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// This one is in the chain for good.
    Confirm(&'a Prepared, Mined),
    /// Time will tell.
    Wait(&'a Signed),
    /// This one is to be in the pool, or to be replaced.
    Pursue(&'a Prepared),
    /// Nothing is on its way: a new transaction with this nonce.
    Begin { nonce: u64 },
}

pub(crate) fn next_step<'a>(
    prepared: &'a [Prepared],
    view: &ChainView,
    confirmations: u64,
) -> Step<'a> {
    let is_deep = |mined: &Mined| {
        let blocks = view
            .head
            .saturating_add(1)
            .saturating_sub(mined.block_number);
        blocks >= confirmations
    };
    let each = || prepared.iter().zip(&view.seen);
    let confirmed = each().find_map(|(one, seen)| match seen {
        Inclusion::Mined(mined) if mined.succeeded && is_deep(mined) => Some((one, *mined)),
        _ => None,
    });
    if let Some((one, mined)) = confirmed {
        return Step::Confirm(one, mined);
    }
    let in_motion = each().find(|(_, seen)| match seen {
        Inclusion::Mined(mined) => !is_deep(mined),
        Inclusion::Orphaned => true,
        Inclusion::Absent => false,
    });
    let spent_lately = view.settled_nonce..view.next_nonce;
    let undecided = each()
        .find(|(one, seen)| **seen == Inclusion::Absent && spent_lately.contains(&nonce(one)));
    if let Some((one, _)) = in_motion.or(undecided) {
        return Step::Wait(&one.signed);
    }
    // The last one offers most.
    let next = prepared.iter().rfind(|one| nonce(one) == view.next_nonce);
    next.map_or(
        Step::Begin {
            nonce: view.next_nonce,
        },
        Step::Pursue,
    )
}

fn nonce(prepared: &Prepared) -> u64 {
    prepared.signed.transaction().nonce
}

#[cfg(test)]
mod tests;
