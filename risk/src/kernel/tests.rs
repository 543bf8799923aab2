use super::*;
use crate::{
    input::{Draft, Lgd, MigrationDraft, NameDraft, Portfolio},
    kernel::decide::{systematic, threshold},
    parameters::Copula,
    random::{DETAILS, DRAWS, draw, join},
    units::{Fraction, Loading},
};

fn ppb(share: f64) -> u32 {
    (share * 1e9).round() as u32
}

/// A book of every kind of name.
pub(crate) fn mixed_book(names: u32, factors: usize) -> Portfolio {
    let fraction = |share| Fraction::from_ppb(ppb(share)).unwrap();
    let row = |shares: [f64; 4]| shares.map(fraction).to_vec();
    let migration = MigrationDraft {
        probabilities: vec![
            row([0.9, 0.08, 0.015, 0.005]),
            row([0.05, 0.85, 0.08, 0.02]),
            row([0.01, 0.09, 0.8, 0.1]),
        ],
        losses_ppb: vec![
            vec![0, 20_000_000, 90_000_000],
            vec![-10_000_000, 0, 60_000_000],
            vec![-50_000_000, -30_000_000, 0],
        ],
    };
    let name = |n: u32| NameDraft {
        id: format!("F-{n:05}"),
        exposure_minor: Some(u64::from(1_000_000 + n * 7_919 % 50_000_000)),
        pd: (n % 5 != 0).then(|| fraction([0.0, 0.0003, 0.01, 0.2, 1.0, 0.05][n as usize % 6])),
        lgd: Some(if n % 4 == 0 {
            Lgd::Beta {
                mean: fraction(0.4),
                deviation: fraction(0.2),
            }
        } else {
            Lgd::Fixed(fraction(0.45))
        }),
        loadings: Some(
            (0..factors)
                .map(|f| {
                    Loading::from_ppb(
                        (0.5 / (1.0 + f as f64) * 1e9) as i32
                            * if (n as usize + f) % 7 == 0 { -1 } else { 1 },
                    )
                    .unwrap()
                })
                .collect(),
        ),
        collateral_minor: (n % 3 == 0).then_some(500_000),
        rating: (n % 5 == 0).then_some(n as usize / 5 % 3),
    };
    let names = (0..names).map(name).collect();
    Portfolio::parse(Draft {
        currency: "EUR".into(),
        factors,
        migration: Some(migration),
        names,
    })
    .unwrap()
}

/// The definition, name by name.
fn by_definition(model: &Model, key: Key, scenario: u32) -> i64 {
    let source = Source::random(key, 0);
    let coordinates = Coordinates::new(model, &source, &[scenario]);
    let row = coordinates.row(0);
    let loss = |name: usize| {
        let number = u32::try_from(name).unwrap();
        let [low, high, word, _] = key.block([number, scenario, DETAILS, 0]);
        let u = u64::from(draw(&key, DRAWS, scenario, number)) << 48 | join(low, high) >> 16;
        let y = systematic(model, name, row);
        let below = |e: f64| {
            let t = threshold(e * row[0] + y);
            u < t || t == u64::MAX
        };
        let worse = model.steps(name).iter().position(|step| below(step.e));
        let above = worse.map_or(0, |k| {
            if k == 0 {
                model.severity(name, word)
            } else {
                model.steps(name)[k].loss
            }
        });
        model.base(name) + above
    };
    (0..model.names()).map(loss).sum()
}

#[test]
fn shortcuts_decide_nothing() {
    for (factors, copula) in [
        (1, Copula::Gaussian),
        (3, Copula::Gaussian),
        (2, Copula::StudentT { degrees: 4 }),
    ] {
        let model = Model::new(&mixed_book(150, factors), copula);
        let key = Key::new([3, 4]);
        let losses = Kernel::new(&model, key, Source::random(key, 0), 0).losses(20_000);
        for scenario in (0..20_000).step_by(7) {
            assert_eq!(
                losses[scenario as usize],
                by_definition(&model, key, scenario),
                "{factors} factors, scenario {scenario}"
            );
        }
    }
}

#[test]
fn the_table_bounds_the_distribution() {
    let table = table::Table::new();
    for step in -1_000_000..=1_000_000 {
        let x = f64::from(step) / 100_000.0;
        let top = u16::try_from(threshold(x) >> 48).unwrap();
        let (least, most) = table.bounds(x);
        assert!(least <= top && top <= most && most <= table.above(x), "{x}");
    }
}
