//! How precise each method is for the time it takes: `cargo bench -p risk --bench precision`.
//!
//! For each method, results under twenty seeds: their relative standard deviation at 99.9%, the time of a run, and what
//! the deviation would be in one second (it falls with the square root of time).

#![allow(clippy::print_stdout, reason = "it is what the program is for")]
#![allow(clippy::cast_precision_loss, reason = "means of losses")]

mod books;

use std::time::Instant;

use risk::{
    parameters::{Copula, Method, Parameters, Settings},
    run,
};

const SEEDS: u64 = 20;

fn main() {
    println!(
        "names  method      scenarios  ms a run  VaR 99.9 +-%  ES 99.9 +-%  VaR in 1 s +-%  ES in 1 s +-%"
    );
    for names in [100, 1_000] {
        let book = books::book(names, 1);
        for (method, scenarios) in [
            (Method::Plain, 200_000),
            (Method::Sobol, 200_000),
            (Method::Importance, 10_000),
        ] {
            let mut found = [Vec::new(), Vec::new()];
            let start = Instant::now();
            for seed in 0..SEEDS {
                let settings = Settings {
                    scenarios,
                    copula: Copula::Gaussian,
                    method,
                    seed,
                    ..Settings::of_run("precision")
                };
                let outcome = run(&book, &Parameters::parse(settings).expect("good settings"));
                let at = outcome.levels.last().expect("two levels");
                found[0].push(at.var.value_minor as f64);
                found[1].push(at.es.value_minor as f64);
            }
            let seconds = start.elapsed().as_secs_f64() / SEEDS as f64;
            let [var, es] = found.map(|values| 100.0 * relative_deviation(&values));
            let name = format!("{method:?}");
            println!(
                "{names:5}  {name:10} {scenarios:10}  {:8.1}  {var:12.3}  {es:11.3}  {:14.3}  {:13.3}",
                1e3 * seconds,
                var * seconds.sqrt(),
                es * seconds.sqrt()
            );
        }
    }
}

fn relative_deviation(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let square: f64 = values
        .iter()
        .map(|value| (value - mean) * (value - mean))
        .sum();
    (square / (count - 1.0)).sqrt() / mean
}
