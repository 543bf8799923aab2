//! A run, from inputs to results.

mod sobol;

use crate::{
    MODEL_VERSION,
    found::Found,
    importance,
    input::Portfolio,
    kernel::{Kernel, Source},
    measure::{histogram::histogram, plain},
    model::Model,
    outcome::Outcome,
    parameters::{Method, Parameters},
    random::sobol::Sequences,
    snapshot::Snapshot,
};

/// Runs. The work is spread over the calling thread's rayon pool; the result does not depend on its size.
#[must_use]
pub fn run(portfolio: &Portfolio, parameters: &Parameters) -> Outcome {
    let settings = parameters.settings();
    let model = Model::new(portfolio, settings.copula);
    let found = match settings.method {
        Method::Plain => plain(&model, parameters),
        Method::Sobol => sobol(&model, parameters),
        Method::Importance => importance::run(&model, parameters),
    };
    Outcome {
        model: MODEL_VERSION.to_owned(),
        snapshot_sha256: Snapshot::encode(portfolio).digest(),
        settings: settings.clone(),
        currency: portfolio.currency().to_owned(),
        names: portfolio
            .names()
            .iter()
            .map(|name| name.id().to_owned())
            .collect(),
        expected_loss: found.expected_loss,
        deviation_minor: found.deviation_minor,
        levels: found.levels,
        histogram: found.histogram,
    }
}

fn plain(model: &Model, parameters: &Parameters) -> Found {
    let source = Source::random(parameters.key(), 0);
    measure(
        model,
        &Kernel::new(model, parameters.key(), source, 0),
        parameters,
    )
    .0
}

fn sobol(model: &Model, parameters: &Parameters) -> Found {
    let source = Source::Even(Sequences::new(&parameters.key(), model.dimensions()));
    let (found, losses) = measure(
        model,
        &Kernel::new(model, parameters.key(), source, 0),
        parameters,
    );
    sobol::with_intervals(found, &losses)
}

fn measure(model: &Model, kernel: &Kernel<'_>, parameters: &Parameters) -> (Found, Vec<i64>) {
    let settings = parameters.settings();
    let losses = kernel.losses(settings.scenarios);
    let ordered = plain::Ordered::new(&losses, &settings.levels);
    let quantiles: Vec<_> = settings
        .levels
        .iter()
        .map(|&level| ordered.var(level).value_minor)
        .collect();
    let attributions = plain::attribute(kernel, model, &losses, &quantiles);
    let levels = settings.levels.iter().zip(&attributions);
    let levels = levels
        .map(|(&level, attribution)| ordered.at_level(level, attribution))
        .collect();
    let (expected_loss, deviation_minor) = plain::moments(&losses);
    let histogram = histogram(&losses, f64::from(settings.scenarios), |_| 1.0);
    (
        Found {
            expected_loss,
            deviation_minor,
            levels,
            histogram,
        },
        losses,
    )
}
