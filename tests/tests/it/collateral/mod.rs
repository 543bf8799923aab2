//! Collateral: filings, pledges, values, and the conditions of a settlement in a secured facility.
//!
//! | module | tries |
//! |---|---|
//! | [`calendar`] | lapse, window and continuation, each day of many years |
//! | [`identifiers`] | LEIs, BICs and UETRs, good and bad |
//! | [`limits`] | the largest value of every member is recorded and shown |
//! | [`filings`] | what amendments do, and when they do nothing |
//! | [`pledges`] | one thing pledged twice, by many at once |
//! | [`base`] | the borrowing base against a plain one, and after random events |
//! | [`conditions`] | each condition of VERIFIED, alone |
//! | [`changes`] | the conditions again, as the record changes, and at every step |
//! | [`unsecured`] | a facility without collateral |
//! | [`releases`] | four eyes, and the content that was approved |
//! | [`queue`] | releases and warnings over all facilities |
//! | [`warnings`] | opened once, closed once |
//! | [`access`] | who sees a facility, and who may report on it |
//! | [`rows`] | what even the owner of the tables cannot do |

mod access;
mod base;
mod calendar;
mod changes;
mod conditions;
mod filings;
mod identifiers;
mod limits;
mod plain;
mod pledges;
mod queue;
mod releases;
mod rows;
pub(crate) mod secured_facility;
mod unsecured;
pub(crate) mod warnings;
