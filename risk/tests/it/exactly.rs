//! Holds the simulation to exact convolution.

use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use risk::{
    input::{Lgd, NameDraft},
    parameters::{Copula, Method},
    run,
    units::Level,
};

use crate::{
    books::{book, equal_names, fraction, name, parameters},
    exact::one_factor,
};

/// The truths of a thousand equal names, to the digits given.
#[test]
fn a_thousand_equal_names() {
    let exact = one_factor(&equal_names(1_000, 1), 1);
    for (level, var, es, digits) in [
        (Level::P99, 76, 106.431_977, 5e-7),
        (Level::P999, 147, 183.262_86, 5e-6),
    ] {
        assert_eq!(exact.quantile(level), var);
        assert!(
            (exact.expected_shortfall(level) - es).abs() < digits,
            "{}",
            exact.expected_shortfall(level)
        );
    }
    assert!((exact.mean() - 10.0).abs() < 1e-9);
}

const UNIT: u64 = 1_000_000;

/// Names with losses of 1 to 20 units, some with Beta distributed shares of one unit's whole multiples left out.
fn names() -> impl Strategy<Value = Vec<NameDraft>> {
    let one = (1_u64..20, 0.0005_f64..0.2, -0.3_f64..0.9);
    prop::collection::vec(one, 5..60).prop_map(|names| {
        let draft = |(n, (units, pd, a)): (usize, (u64, f64, f64))| {
            let mut draft = name(n, units * UNIT * 2, pd, 0.5, &[a]);
            if n % 4 == 3 {
                // Fully lost but for the collateral, which covers half.
                draft.lgd = Some(Lgd::Fixed(fraction(0.9)));
                draft.collateral_minor = Some(units * UNIT);
            }
            draft
        };
        names.into_iter().enumerate().map(draft).collect()
    })
}

/// Random books, each method: the mean within 4.5 standard errors (of many books some are beyond three), the quantiles'
/// intervals and the shortfalls as well.
#[test]
fn random_books() {
    // The same books each time: of ever new ones some would be beyond any bound.
    let config = Config {
        cases: 6,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    runner
        .run(&names(), |names| {
            let exact = one_factor(&names, UNIT);
            let book = book(1, names);
            for method in [Method::Plain, Method::Sobol, Method::Importance] {
                let outcome = run(
                    &book,
                    &parameters(
                        if method == Method::Importance {
                            50_000
                        } else {
                            200_000
                        },
                        Copula::Gaussian,
                        method,
                    ),
                );
                let beyond = |value: f64, low: i64, high: i64, truth: f64| {
                    let error = (high - low) as f64 / 2.0 / 1.96;
                    (value - truth * UNIT as f64).abs() > 4.5 * error + 2.0
                };
                let el = outcome.expected_loss;
                prop_assert!(
                    !beyond(
                        el.value_minor as f64,
                        el.low_minor,
                        el.high_minor,
                        exact.mean()
                    ),
                    "{method:?} {el:?} {}",
                    exact.mean()
                );
                let deviation = outcome.deviation_minor as f64 / UNIT as f64;
                prop_assert!(
                    (deviation / exact.deviation() - 1.0).abs() < 0.05,
                    "{method:?} {deviation} {}",
                    exact.deviation()
                );
                for at in &outcome.levels {
                    let es = exact.expected_shortfall(at.level);
                    prop_assert!(
                        !beyond(
                            at.es.value_minor as f64,
                            at.es.low_minor,
                            at.es.high_minor,
                            es
                        ),
                        "{method:?} {:?} {es}",
                        at.es
                    );
                    let var = exact.quantile(at.level) as f64 * UNIT as f64;
                    let slack = (at.var.high_minor - at.var.low_minor).max(UNIT as i64) as f64;
                    prop_assert!(
                        (at.var.value_minor as f64 - var).abs() <= 1.5 * slack,
                        "{method:?} {:?} {var}",
                        at.var
                    );
                }
            }
            Ok(())
        })
        .unwrap();
}

/// Beta distributed losses: every class of the Beta distribution is a whole number of minor units.
#[test]
fn beta_losses() {
    let names: Vec<_> = (0..12)
        .map(|n| {
            let mut draft = name(n, 100, 0.05 + 0.01 * n as f64, 0.0, &[0.5]);
            draft.lgd = Some(Lgd::Beta {
                mean: fraction(0.45),
                deviation: fraction(0.25),
            });
            draft
        })
        .collect();
    let exact = one_factor(&names, 1);
    let book = book(1, names);
    let outcome = run(&book, &parameters(200_000, Copula::Gaussian, Method::Plain));
    let error = exact.deviation() / 200_000_f64.sqrt();
    assert!((outcome.expected_loss.value_minor as f64 - exact.mean()).abs() < 3.0 * error + 0.5);
    assert!((outcome.deviation_minor as f64 / exact.deviation() - 1.0).abs() < 0.02);
    for at in &outcome.levels {
        let error = (at.es.high_minor - at.es.low_minor) as f64 / 2.0 / 1.96;
        assert!(
            (at.es.value_minor as f64 - exact.expected_shortfall(at.level)).abs()
                < 3.0 * error + 0.5
        );
    }
}
