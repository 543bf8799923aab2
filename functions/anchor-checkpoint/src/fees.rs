use evm::Transaction;

const GWEI: u128 = 1_000_000_000;

/// A tip is paid in full, and only the node says how much is usual: this is where we stop believing it.
const TIP_MAX: u128 = 200 * GWEI;

/// The base fee is the chain's own, and what is offered beyond it is not paid.
const FEE_MAX: u128 = 10_000 * GWEI;

/// What a unit of gas costs now, in wei, as the node says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quote {
    /// The next block's base fee.
    pub(crate) base_fee: u128,
    /// The tip that is usual.
    pub(crate) tip: u128,
}

/// What a transaction offers for a unit of gas, in wei.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fees {
    pub(crate) tip: u128,
    pub(crate) max: u128,
}

impl Quote {
    /// Enough for the base fee to double, which takes six full blocks; `None` if the next block costs too much.
    pub(crate) fn fees(self) -> Option<Fees> {
        let tip = self.tip.clamp(1, TIP_MAX);
        let max = self.base_fee.saturating_mul(2).saturating_add(tip);
        let fees = Fees {
            tip,
            max: max.min(FEE_MAX),
        };
        (fees.max >= self.base_fee.saturating_add(tip)).then_some(fees)
    }
}

impl Fees {
    pub(crate) const fn of(transaction: &Transaction) -> Self {
        Self {
            tip: transaction.max_priority_fee_per_gas,
            max: transaction.max_fee_per_gas,
        }
    }

    /// What replaces it, if it is no longer enough and more may be offered. Nodes take a replacement when both
    /// figures rise by a tenth, or by an eighth, whichever client they run.
    pub(crate) fn raised(self, quote: Quote) -> Option<Self> {
        if !self.is_starved(quote) {
            return None;
        }
        let wanted = quote.fees()?;
        let raised = Self {
            tip: wanted.tip.max(an_eighth_more(self.tip)),
            max: wanted.max.max(an_eighth_more(self.max)),
        };
        (raised.tip <= TIP_MAX && raised.max <= FEE_MAX).then_some(raised)
    }

    /// Whether the next block cannot take it, or the block's maker gets less than half of the usual tip.
    fn is_starved(self, quote: Quote) -> bool {
        match self.max.checked_sub(quote.base_fee) {
            Some(left) => self.tip.min(left) < quote.tip.min(TIP_MAX) / 2,
            None => true,
        }
    }
}

const fn an_eighth_more(fee: u128) -> u128 {
    fee.saturating_add(fee.div_ceil(8)).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn quote(base_fee: u128, tip: u128) -> Quote {
        Quote { base_fee, tip }
    }

    const fn fees(tip: u128, max: u128) -> Fees {
        Fees { tip, max }
    }

    #[test]
    fn offers() {
        for (quote, expected) in [
            (quote(10 * GWEI, GWEI), Some(fees(GWEI, 21 * GWEI))),
            (quote(0, 0), Some(fees(1, 1))),
            // A node that asks for the moon gets the most that we give, or nothing.
            (
                quote(10 * GWEI, u128::MAX),
                Some(fees(TIP_MAX, 20 * GWEI + TIP_MAX)),
            ),
            (quote(FEE_MAX - GWEI, GWEI), Some(fees(GWEI, FEE_MAX))),
            (quote(FEE_MAX, GWEI), None),
            (quote(u128::MAX, u128::MAX), None),
        ] {
            assert_eq!(quote.fees(), expected, "{quote:?}");
        }
    }

    #[test]
    fn replacements() {
        let old = fees(GWEI, 21 * GWEI);
        for (why, quote, expected) in [
            ("it can be mined", quote(10 * GWEI, GWEI), None),
            ("a block at twice the fee", quote(20 * GWEI, GWEI), None),
            (
                "a tip that is half of the usual one",
                quote(GWEI, 2 * GWEI),
                None,
            ),
            (
                "the base fee has overtaken it",
                quote(22 * GWEI, GWEI),
                Some(fees(GWEI + GWEI / 8 + 1, 45 * GWEI)),
            ),
            (
                "little is left for a tip",
                quote(21 * GWEI - 1, GWEI),
                Some(fees(GWEI + GWEI / 8 + 1, 43 * GWEI - 2)),
            ),
            (
                "the usual tip has risen",
                quote(GWEI, 8 * GWEI),
                // Both figures rise, also the one that was enough.
                Some(fees(8 * GWEI, 21 * GWEI + 21 * GWEI / 8 + 1)),
            ),
            ("more than we pay", quote(FEE_MAX, GWEI), None),
        ] {
            assert_eq!(old.raised(quote), expected, "{why}");
        }
    }

    #[test]
    fn a_node_cannot_raise_the_tip_for_ever() {
        let mut offered = fees(1, 1);
        let mut times = 0;
        while let Some(raised) = offered.raised(quote(GWEI, u128::MAX)) {
            assert!(raised.tip * 8 >= offered.tip * 9 && raised.max * 8 >= offered.max * 9);
            assert!(raised.tip <= TIP_MAX && raised.max <= FEE_MAX);
            (offered, times) = (raised, times + 1);
        }
        assert!(times <= 40, "{times}");
    }
}
