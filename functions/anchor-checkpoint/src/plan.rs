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
//! A nonce that is spent, but not yet that deep, is waited for: either a receipt appears, or the chain is being
//! reorganised and the nonce is free again, and our transaction is sent once more. A transaction of ours that
//! was mined and failed (out of gas) counts as something else when it is as deep.
//!
//! A nonce above the account's next one cannot be mined now; honest nodes do not lead there, and a node that
//! lied about the number may have. It is let be. Should the gap close one day, the same checkpoint is in the
//! chain twice, and the first confirmed one is the anchor.

use evm::Signed;

use crate::{node::Mined, records::Prepared};

/// What the node said, in the order of its questions.
#[derive(Debug)]
pub(crate) struct Sight {
    pub(crate) head: u64,
    /// The account's next nonce in the chain up to its head.
    pub(crate) next_nonce: u64,
    /// The same up to the last block that has all its confirmations.
    pub(crate) settled_nonce: u64,
    /// Where each prepared transaction was seen.
    pub(crate) mined: Vec<Option<Mined>>,
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
    sight: &Sight,
    confirmations: u64,
) -> Step<'a> {
    let deep = |mined: &Mined| {
        sight
            .head
            .saturating_add(1)
            .saturating_sub(mined.block_number)
            >= confirmations
    };
    let seen = || prepared.iter().zip(&sight.mined);
    let confirmed =
        seen().find_map(|(one, mined)| Some(one).zip(mined.filter(|it| it.succeeded && deep(it))));
    if let Some((one, mined)) = confirmed {
        return Step::Confirm(one, mined);
    }
    let shallow = seen().find(|(_, mined)| mined.is_some_and(|mined| !deep(&mined)));
    let spent_lately = sight.settled_nonce..sight.next_nonce;
    let undecided =
        seen().find(|(one, mined)| mined.is_none() && spent_lately.contains(&nonce(one)));
    if let Some((one, _)) = shallow.or(undecided) {
        return Step::Wait(&one.signed);
    }
    // The last one offers most.
    let next = prepared.iter().rfind(|one| nonce(one) == sight.next_nonce);
    next.map_or(
        Step::Begin {
            nonce: sight.next_nonce,
        },
        Step::Pursue,
    )
}

fn nonce(prepared: &Prepared) -> u64 {
    prepared.signed.transaction().nonce
}

#[cfg(test)]
mod tests;
