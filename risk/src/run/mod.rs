//! A run, from inputs to results.

mod sobol;

use crate::{
    MODEL_VERSION, exact,
    found::Found,
    importance,
    input::Portfolio,
    kernel::{Kernel, Source},
    measure::{histogram::histogram, plain},
    model::Model,
    outcome::{AtLevel, Estimate, Outcome},
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
        Method::Exact => exact::run(&model, parameters)
            .unwrap_or_else(|| plain(&model, parameters, parameters.plain_scenarios())),
        Method::Plain => plain(&model, parameters, settings.scenarios),
        Method::Sobol => sobol(&model, parameters),
        Method::Importance => importance::run(&model, parameters)
            .unwrap_or_else(|| plain(&model, parameters, parameters.plain_scenarios())),
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
        method: found.method,
        scenarios: found.scenarios,
        expected_loss: Estimate {
            value_minor: model.expected(),
            low_minor: model.expected(),
            high_minor: model.expected(),
        },
        deviation_minor: found.deviation_minor,
        levels: found
            .levels
            .into_iter()
            .map(|at| AtLevel {
                contributions_minor: model.spread(&at.contributions_minor, portfolio.names().len()),
                ..at
            })
            .collect(),
        histogram: found.histogram,
    }
}

fn plain(model: &Model, parameters: &Parameters, scenarios: u32) -> Found {
    let source = Source::random(parameters.key(), 0);
    let kernel = Kernel::new(model, parameters.key(), source, 0);
    let losses = kernel.losses(scenarios);
    measure(model, &kernel, parameters, Method::Plain, &losses)
}

fn sobol(model: &Model, parameters: &Parameters) -> Found {
    let source = Source::Even(Sequences::new(&parameters.key(), model.dimensions()));
    let kernel = Kernel::new(model, parameters.key(), source, 0);
    let losses = kernel.losses(parameters.settings().scenarios);
    let found = measure(model, &kernel, parameters, Method::Sobol, &losses);
    sobol::with_intervals(found, &losses, model.most())
}

fn measure(
    model: &Model,
    kernel: &Kernel<'_>,
    parameters: &Parameters,
    method: Method,
    losses: &[i64],
) -> Found {
    let levels = &parameters.settings().levels;
    let ordered = plain::Ordered::new(losses, levels);
    let quantiles: Vec<_> = levels
        .iter()
        .map(|&level| ordered.var(level).value_minor)
        .collect();
    let attributions = plain::attribute(kernel, model, losses, &quantiles);
    let scenarios = u32::try_from(losses.len()).expect("at most 10,000,000 scenarios");
    Found {
        method,
        scenarios,
        deviation_minor: plain::deviation(losses),
        levels: levels
            .iter()
            .zip(&attributions)
            .map(|(&level, attribution)| ordered.at_level(level, attribution, model.most()))
            .collect(),
        histogram: histogram(losses, f64::from(scenarios), |_| 1.0),
    }
}
