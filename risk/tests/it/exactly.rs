//! Holds the simulation to exact convolution, and the method that does not simulate.

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

/// The method that does not simulate, against the second implementation: all figures to a unit or so.
fn holds_without_simulation(names: &[NameDraft], unit: u64) {
    let truth = one_factor(names, unit);
    let minor = |units: f64| units * unit as f64;
    let book = book(1, names.to_vec());
    let outcome = run(&book, &parameters(1_000, Copula::Gaussian, Method::Exact));
    assert_eq!((outcome.method, outcome.scenarios), (Method::Exact, 0));
    let near = |value: i64, truth: f64| {
        let distance = (value as f64 - truth).abs();
        assert!(distance <= 1.5 + 1e-9 * truth, "{value} {truth}");
    };
    near(outcome.expected_loss.value_minor, minor(truth.mean()));
    near(outcome.deviation_minor, minor(truth.deviation()));
    for at in &outcome.levels {
        let var = minor(truth.quantile(at.level) as f64) as i64;
        assert!(
            at.var.low_minor <= var && var <= at.var.high_minor,
            "{at:?} {var}"
        );
        let es = minor(truth.expected_shortfall(at.level));
        assert!(at.es.low_minor as f64 <= es + 1.5, "{at:?} {es}");
        assert!(at.es.high_minor as f64 >= es - 1.5, "{at:?} {es}");
        assert_eq!(
            at.contributions_minor.iter().sum::<i64>(),
            at.es.value_minor
        );
        // The bounds are near each other: ES to a thousandth, and VaR to a lump.
        let width = (at.es.high_minor - at.es.low_minor) as f64;
        assert!(width <= 2.0 + 2e-3 * es, "{at:?} {es}");
    }
}

#[test]
fn hostile_books_without_simulation() {
    for hostile in crate::coverage::books() {
        if let Some(names) = hostile.one_sector() {
            holds_without_simulation(names, hostile.unit);
        }
    }
}

/// A thousand names but for one minor unit: the grid is not theirs, and VaR has bounds by chords.
#[test]
fn many_odd_costs_without_simulation() {
    let mut names = equal_names(1_000, UNIT);
    names[0].exposure_minor = Some(UNIT - 1);
    let outcome = run(
        &book(1, names),
        &parameters(1_000, Copula::Gaussian, Method::Exact),
    );
    for (at, (var, es)) in outcome
        .levels
        .iter()
        .zip([(76.0, 106.431_977), (147.0, 183.262_86)])
    {
        let (var, es) = (var * UNIT as f64, es * UNIT as f64);
        assert!(
            at.var.low_minor as f64 <= var && var <= at.var.high_minor as f64 + 1.0,
            "{at:?}"
        );
        assert!(
            at.es.low_minor as f64 <= es && es <= at.es.high_minor as f64 + 5.0,
            "{at:?}"
        );
        assert!(
            (at.es.high_minor - at.es.low_minor) as f64 <= 2e-3 * es,
            "{at:?}"
        );
        assert!(
            (at.var.high_minor - at.var.low_minor) as f64 <= 0.08 * var,
            "{at:?}"
        );
    }
}

/// PD equals what a level leaves: the level is met exactly, so the name is not lost at it.
#[test]
fn levels_that_are_met_exactly() {
    let names = vec![name(0, 1_000_000, 0.01, 1.0, &[0.4])];
    for method in [
        Method::Exact,
        Method::Plain,
        Method::Importance,
        Method::Sobol,
    ] {
        let outcome = run(
            &book(1, names.clone()),
            &parameters(160_000, Copula::Gaussian, method),
        );
        let at = &outcome.levels[0];
        assert_eq!(at.var.low_minor, 0, "{method:?}");
        let held = at.es.low_minor <= 1_000_000 && 1_000_000 <= at.es.high_minor;
        assert!(held, "{method:?} {at:?}");
        if method == Method::Exact {
            assert_eq!((at.var.high_minor, at.es.value_minor), (0, 1_000_000));
        }
    }
}

/// A name that cannot lose changes no figure by a unit.
#[test]
fn names_of_no_effect() {
    let names = |extra: bool| {
        let mut names: Vec<_> = (0..20)
            .map(|n| name(2 * n, 1_000_003 + n as u64 * 77_777, 0.02, 0.5, &[0.4]))
            .collect();
        if extra {
            names.push(name(1, 5_000_000, 0.0, 0.5, &[0.9]));
            names.push(name(7, 0, 0.5, 0.5, &[0.9]));
            names.push(name(13, 5_000_000, 0.5, 0.0, &[0.9]));
            let mut covered = name(15, 5_000_000, 0.5, 0.7, &[0.9]);
            covered.collateral_minor = Some(5_000_000);
            names.push(covered);
        }
        book(1, names)
    };
    for method in [
        Method::Exact,
        Method::Plain,
        Method::Importance,
        Method::Sobol,
    ] {
        let [without, with] = [false, true].map(|extra| {
            run(
                &names(extra),
                &parameters(160_000, Copula::Gaussian, method),
            )
        });
        assert_eq!(without.expected_loss, with.expected_loss);
        assert_eq!(without.deviation_minor, with.deviation_minor);
        assert_eq!(without.histogram, with.histogram);
        for (without, with) in without.levels.iter().zip(&with.levels) {
            assert_eq!((without.var, without.es), (with.var, with.es), "{method:?}");
            let mut contributions = with.contributions_minor.clone();
            // In the order of their ids.
            for place in [11, 9, 5, 1] {
                assert_eq!(contributions.remove(place), 0);
            }
            assert_eq!(contributions, without.contributions_minor);
        }
    }
}

/// Where a scenario drawn on purpose is worth less than a plain one, the run is plain and says so. Where there are more
/// factors, what cannot be exact is plain as well. A plain run has a hundred scenarios beyond the highest level.
#[test]
fn what_would_lose_or_cannot_be_is_plain() {
    let names: Vec<_> = (0..40)
        .map(|n| name(n, 1_000_000, 0.3, 0.5, &[0.1, 0.1]))
        .collect();
    let book = book(2, names);
    let ran = |method, scenarios| {
        let settings = risk::parameters::Settings {
            levels: vec![Level::from_ppm(500_000).unwrap(), Level::P999],
            ..crate::books::settings(scenarios, Copula::Gaussian, method)
        };
        run(
            &book,
            &risk::parameters::Parameters::parse(settings).unwrap(),
        )
    };
    let plain = ran(Method::Plain, 100_000);
    for method in [Method::Importance, Method::Exact] {
        let other = ran(method, 20_000);
        assert_eq!(other.method, Method::Plain, "{method:?}");
        assert_eq!(other.settings.method, method);
        assert_eq!((other.scenarios, &other.levels), (100_000, &plain.levels));
    }
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
            holds_without_simulation(&names, UNIT);
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
