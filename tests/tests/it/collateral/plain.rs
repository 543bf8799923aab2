//! A second computation of the borrowing base: holding by holding, in whole numbers, without kept sums.

use std::collections::BTreeMap;

const WHOLE_BP: i128 = 10_000;

/// An eligible holding: its obligor, its kind and its value.
#[derive(Clone, Debug)]
pub(super) struct Holding {
    pub(super) obligor: String,
    pub(super) kind: String,
    pub(super) value_minor: i128,
}

#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) cap_bp: i128,
    pub(super) reserves_minor: i128,
    /// Advance rate and haircut of each eligible kind, in basis points.
    pub(super) kinds: BTreeMap<String, (i128, i128)>,
}

/// Figures in minor units; the coverage in basis points, if anything is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Base {
    pub(super) eligible: i128,
    pub(super) excess: i128,
    pub(super) lent: i128,
    pub(super) availability: i128,
    pub(super) coverage_bp: Option<i128>,
}

/// Each product is rounded down. What an obligor owes over the cap is subtracted from the kinds with the highest
/// advance rate first; kinds of one rate are taken in the order of their names.
pub(super) fn base(holdings: &[Holding], rules: &Rules, drawn: i128) -> Base {
    let mut of_kind: BTreeMap<&str, i128> = BTreeMap::new();
    let mut of_obligor: BTreeMap<&str, BTreeMap<&str, i128>> = BTreeMap::new();
    for holding in holdings
        .iter()
        .filter(|it| rules.kinds.contains_key(&it.kind))
    {
        *of_kind.entry(&holding.kind).or_default() += holding.value_minor;
        let debts = of_obligor.entry(&holding.obligor).or_default();
        *debts.entry(&holding.kind).or_default() += holding.value_minor;
    }
    let after_haircut =
        |kind: &str, value: i128| value * (WHOLE_BP - rules.kinds[kind].1) / WHOLE_BP;
    for (kind, value) in &mut of_kind {
        *value = after_haircut(kind, *value);
    }
    let eligible: i128 = of_kind.values().sum();
    let cap = eligible * rules.cap_bp / WHOLE_BP;

    let mut excess = 0;
    let mut left = of_kind;
    for debts in of_obligor.values() {
        let mut debts: Vec<(&str, i128)> = debts
            .iter()
            .map(|(kind, value)| (*kind, after_haircut(kind, *value)))
            .collect();
        debts.sort_by_key(|(kind, _)| (-rules.kinds[*kind].0, *kind));
        let mut over = debts.iter().map(|(_, value)| value).sum::<i128>() - cap;
        for (kind, value) in debts {
            let taken = value.min(over.max(0));
            over -= taken;
            excess += taken;
            if let Some(value) = left.get_mut(kind) {
                *value -= taken;
            }
        }
    }
    let advanced: i128 = left
        .iter()
        .map(|(kind, value)| (*value).max(0) * rules.kinds[*kind].0 / WHOLE_BP)
        .sum();
    let base = (advanced - rules.reserves_minor).max(0);
    Base {
        eligible,
        excess,
        lent: base,
        availability: base - drawn,
        coverage_bp: (drawn > 0).then(|| (eligible - excess) * WHOLE_BP / drawn),
    }
}

/// 100 million, 40 of them owed by one; 25 % at most, 85 % advanced; 70 million drawn.
#[test]
fn the_plain_base_gives_the_worked_example() {
    let million = 100_000_000;
    let holding = |obligor: &str, millions: i128| Holding {
        obligor: obligor.to_owned(),
        kind: "receivable".to_owned(),
        value_minor: millions * million,
    };
    let holdings = [
        holding("J", 40),
        holding("K", 20),
        holding("L", 20),
        holding("M", 20),
    ];
    let rules = Rules {
        cap_bp: 2_500,
        reserves_minor: 0,
        kinds: BTreeMap::from([("receivable".to_owned(), (8_500, 0))]),
    };
    let expected = Base {
        eligible: 100 * million,
        excess: 15 * million,
        lent: 7_225_000_000,
        availability: 225_000_000,
        coverage_bp: Some(12_142),
    };
    assert_eq!(base(&holdings, &rules, 70 * million), expected);
}
