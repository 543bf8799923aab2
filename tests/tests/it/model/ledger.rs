//! The model: maps and sums, without constraints that could hide a mistake of the database.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tests::sample_data::{AURORA, BOREALIS};
use uuid::Uuid;

/// Two facilities with little room, one in each currency.
pub(super) const FACILITIES: [(Uuid, &str, i64); 2] = [
    (
        uuid::uuid!("f0000000-0000-4000-8000-00000000000a"),
        "USD",
        6_000,
    ),
    (
        uuid::uuid!("f0000000-0000-4000-8000-00000000000b"),
        "EUR",
        4_000,
    ),
];

/// The allocators, which the model knows by their place here.
pub(super) const ALLOCATORS: [Uuid; 2] = [AURORA.id, BOREALIS.id];

#[derive(Clone, Debug)]
pub(super) struct Settlement {
    pub(super) id: String,
    pub(super) allocator: usize,
    pub(super) facility: usize,
    pub(super) amount: i64,
    pub(super) maker: &'static str,
    pub(super) status: &'static str,
    pub(super) may_expire: bool,
    pub(super) due: bool,
}

/// Balances: (allocator, account, currency or facility) to minor units.
#[derive(Default)]
pub(super) struct Ledger {
    funds: BTreeMap<(usize, &'static str, &'static str), i64>,
    pub(super) settlements: Vec<Settlement>,
}

impl Ledger {
    pub(super) fn available(&self, allocator: usize, currency: &'static str) -> i64 {
        self.funds
            .get(&(allocator, "available", currency))
            .copied()
            .unwrap_or_default()
    }

    /// Deposits an amount, or withdraws it if it is negative.
    pub(super) fn deposit(&mut self, allocator: usize, currency: &'static str, amount: i64) {
        *self
            .funds
            .entry((allocator, "available", currency))
            .or_default() += amount;
        *self
            .funds
            .entry((allocator, "external", currency))
            .or_default() -= amount;
    }

    /// What all allocators together have utilised of a facility.
    pub(super) fn committed(&self, facility: usize) -> i64 {
        let taken = |settlement: &&Settlement| {
            ["VERIFIED", "ESCROWED", "SETTLED"].contains(&settlement.status)
        };
        let of = self
            .settlements
            .iter()
            .filter(|settlement| settlement.facility == facility);
        of.filter(taken).map(|settlement| settlement.amount).sum()
    }

    /// The state changes, and the capital goes to where that state has it.
    pub(super) fn advance(&mut self, index: usize, status: &'static str) {
        let settlement = &mut self.settlements[index];
        let (allocator, currency, amount) = (
            settlement.allocator,
            FACILITIES[settlement.facility].1,
            settlement.amount,
        );
        let holds = |status| ["VERIFIED", "ESCROWED", "SETTLED"].contains(&status);
        let (held, will_hold) = (holds(settlement.status), holds(status));
        settlement.status = status;
        let available = self
            .funds
            .entry((allocator, "available", currency))
            .or_default();
        *available += i64::from(held) * amount - i64::from(will_hold) * amount;
    }

    fn held(&self, allocator: usize, status: &str, currency: &str) -> i64 {
        let of = self
            .settlements
            .iter()
            .filter(|settlement| settlement.allocator == allocator && settlement.status == status);
        of.filter(|settlement| FACILITIES[settlement.facility].1 == currency)
            .map(|settlement| settlement.amount)
            .sum()
    }

    /// In the shape of the endpoint's reply.
    pub(super) fn positions(&self, allocator: usize) -> Value {
        let currencies: Vec<Value> = FACILITIES
            .iter()
            .map(|(_, currency, _)| {
                json!({
                    "currency": currency,
                    "available_minor": self.available(allocator, currency).to_string(),
                    "reserved_minor": self.held(allocator, "VERIFIED", currency).to_string(),
                    "escrowed_minor": self.held(allocator, "ESCROWED", currency).to_string(),
                })
            })
            .collect();
        let facilities: Vec<Value> = FACILITIES
            .iter()
            .map(|(id, currency, _)| {
                json!({
                    "facility_id": id.to_string(), "currency": currency,
                    "position_minor": self.held(allocator, "SETTLED", currency).to_string(),
                })
            })
            .collect();
        json!({ "currencies": currencies, "data": facilities })
    }

    /// Everything that is not zero: accounts, what facilities have taken, and each settlement's state.
    pub(super) fn balances(&self) -> BTreeMap<String, i64> {
        let mut balances = BTreeMap::new();
        for ((allocator, kind, currency), amount) in &self.funds {
            balances.insert(
                format!("{} {kind} {currency}", ALLOCATORS[*allocator]),
                *amount,
            );
        }
        for (allocator, id) in ALLOCATORS.iter().enumerate() {
            for (facility, currency, _) in FACILITIES {
                for (kind, status) in [("reserved", "VERIFIED"), ("escrowed", "ESCROWED")] {
                    balances.insert(
                        format!("{id} {kind} {currency}"),
                        self.held(allocator, status, currency),
                    );
                }
                balances.insert(
                    format!("{id} position {currency} {facility}"),
                    self.held(allocator, "SETTLED", currency),
                );
            }
        }
        balances.retain(|_, balance| *balance != 0);
        for settlement in &self.settlements {
            balances.insert(
                format!("{} {}", settlement.id, settlement.status),
                settlement.amount,
            );
        }
        for (index, (facility, ..)) in FACILITIES.iter().enumerate() {
            balances.insert(format!("committed {facility}"), self.committed(index));
        }
        // The sample data's own facilities take nothing.
        for facility in tests::sample_data::FACILITIES {
            balances.insert(format!("committed {}", facility.id), 0);
        }
        balances
    }
}
