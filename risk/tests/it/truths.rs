//! Published and closed results, within three standard errors.

use risk::{
    outcome::{Estimate, Outcome},
    parameters::{Copula, Method, Parameters, Settings},
    run,
    units::Level,
};

use crate::books::{book, homogeneous, name, parameters, settings};

const UNIT: u64 = 1_000_000;

/// Half of an interval of 95% is 1.96 standard errors.
fn within_three_errors(estimate: Estimate, truth: f64, about: &str) {
    let error = (estimate.high_minor - estimate.low_minor) as f64 / 2.0 / 1.96;
    let distance = (estimate.value_minor as f64 - truth).abs();
    assert!(
        distance <= 3.0 * error + 1.0,
        "{about}: {} is not {truth}, error {error}",
        estimate.value_minor
    );
}

/// 1,000 names, counts: 76 and 106.431977 at 99%, 147 and 183.26286 at 99.9%.
fn holds_counts(outcome: &Outcome, about: &str) {
    within_three_errors(outcome.expected_loss, 10.0 * UNIT as f64, about);
    for (at, (var, es)) in outcome
        .levels
        .iter()
        .zip([(76.0, 106.431_977), (147.0, 183.262_86)])
    {
        let half = UNIT as f64;
        let var = var * UNIT as f64;
        assert!(
            at.var.low_minor as f64 - half <= var && var <= at.var.high_minor as f64 + half,
            "{about}: {at:?}"
        );
        within_three_errors(at.es, es * UNIT as f64, about);
    }
}

#[test]
fn a_thousand_equal_names_by_each_method() {
    let book = homogeneous(1_000, UNIT);
    holds_counts(
        &run(&book, &parameters(400_000, Copula::Gaussian, Method::Plain)),
        "plain",
    );
    holds_counts(
        &run(&book, &parameters(400_000, Copula::Gaussian, Method::Sobol)),
        "Sobol",
    );
    holds_counts(
        &run(
            &book,
            &parameters(40_000, Copula::Gaussian, Method::Importance),
        ),
        "importance",
    );
}

/// The mean loss as scenarios have it: expected shortfall at 50%, of a book that mostly loses nothing, is twice that.
fn simulated_mean(book: &risk::input::Portfolio, method: Method) -> Estimate {
    let settings = Settings {
        levels: vec![Level::from_ppm(500_000).unwrap()],
        ..settings(200_000, Copula::StudentT { degrees: 4 }, method)
    };
    let es = run(book, &Parameters::parse(settings).unwrap()).levels[0].es;
    Estimate {
        value_minor: es.value_minor / 2,
        low_minor: es.low_minor / 2,
        high_minor: es.high_minor / 2,
    }
}

/// Whatever the PD, the only name defaults as often: that is what the t copula's margin is.
#[test]
fn t_margins_default_as_often_as_they_should() {
    for method in [Method::Plain, Method::Sobol, Method::Importance] {
        for pd in [0.001, 0.01, 0.05, 0.2, 0.45] {
            let book = book(2, vec![name(0, UNIT, pd, 1.0, &[0.6, -0.5])]);
            let about = format!("{method:?} {pd}");
            within_three_errors(simulated_mean(&book, method), pd * UNIT as f64, &about);
        }
    }
}

/// One name's default tells its latent variable's distribution at one point; a hundred thresholds tell its tail:
/// ES of the margin at 99% is the quantile plus the integral of the tail over what is beyond, here in steps.
#[test]
fn t_margin_has_the_quantile_and_shortfall_of_four_degrees() {
    assert!((risk::math::student::quantile(4.0, 0.99) - 3.746_947).abs() < 5e-7);
    assert!((risk::math::student::expected_shortfall(4.0, 0.99) - 5.220_584).abs() < 5e-7);
    // E(X - q; X > q) = ∫ P(X > x) dx, by names whose thresholds are the steps' middles: each loses a step.
    let (q, step) = (3.746_947_f64, 0.125);
    let names = (0..2_000).map(|n| {
        let x = q + (n as f64 + 0.5) * step;
        name(n, 125_000, risk::math::student::tail(4.0, x), 1.0, &[0.99])
    });
    let mean = simulated_mean(&book(1, names.collect()), Method::Plain);
    let excess = (5.220_584 - q) * 0.01 * UNIT as f64;
    within_three_errors(
        mean,
        excess,
        "PDs to a billionth, by which the far tail's is lost",
    );
}

/// Ten thousand names are nearly a large pool: what single names still matter is below 1%.
#[test]
fn large_pools_approach_vasicek() {
    let outcome = run(
        &homogeneous(10_000, UNIT),
        &parameters(100_000, Copula::Gaussian, Method::Plain),
    );
    let pool = 1e4 * UNIT as f64;
    for (at, (var, es)) in outcome
        .levels
        .iter()
        .zip([(0.075_250_79, 0.105_129), (0.145_525_27, 0.181_436)])
    {
        for (estimate, truth) in [(at.var, var), (at.es, es)] {
            let error = (estimate.high_minor - estimate.low_minor) as f64 / 2.0 / 1.96 / pool;
            let distance = (estimate.value_minor as f64 / pool - truth).abs();
            assert!(
                distance <= 3.0 * error + 0.01 * truth,
                "{estimate:?} {truth}"
            );
        }
    }
}
