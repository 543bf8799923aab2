//! From losses to results.
//!
//! Losses are integers and so are their sums, so no order of addition and no number of threads changes a result.
//!
//! With n losses, q the empirical α-quantile (the loss of rank ⌈αn⌉) and P the empirical distribution:
//!
//! ```text
//! VaR = q
//! ES  = [E(L; L > q) + q (P(L ≤ q) - α)]/(1-α)           Acerbi and Tasche, J. Banking & Finance 26, 2002
//! ES_i = [E(L_i; L > q) + E(L_i | L = q) (P(L ≤ q) - α)]/(1-α)                       Tasche 1999, 2002
//! ```
//!
//! `Σ ES_i = ES`, because the names' losses add up to q where L = q. Levels are whole parts per million, so that these
//! are fractions of integers, computed exactly and rounded once; what rounding the ES_i leaves goes to the largest
//! remainders.

pub(crate) mod histogram;
pub(crate) mod interval;
pub(crate) mod plain;
pub(crate) mod rational;
