//! Scenarios a second for 100, 1,000 and 10,000 names, by each method. `numpy_reference.py` is the same model in
//! numpy.
//!
//! `cargo bench -p risk` runs all; `cargo bench -p risk -- plain` some.

mod books;

use books::book;
use divan::{Bencher, counter::ItemsCount};
use rand::{SeedableRng as _, rngs::SmallRng};
use rand_distr::{Distribution as _, StandardNormal};
use risk::{
    input::Portfolio,
    parameters::{Copula, Method, Parameters, Settings},
    run,
};

fn main() {
    divan::main();
}

fn parameters(scenarios: u32, copula: Copula, method: Method) -> Parameters {
    let settings = Settings {
        scenarios,
        copula,
        method,
        ..Settings::of_run("bench")
    };
    Parameters::parse(settings).expect("good settings")
}

fn bench(bencher: Bencher<'_, '_>, book: &Portfolio, parameters: &Parameters) {
    let scenarios = parameters.settings().scenarios;
    bencher
        .counter(ItemsCount::new(scenarios))
        .bench(|| run(book, parameters));
}

#[divan::bench(args = [100, 1_000, 10_000], sample_count = 5, sample_size = 1)]
fn plain_one_factor(bencher: Bencher<'_, '_>, names: u32) {
    let scenarios = if names > 1_000 { 200_000 } else { 1_000_000 };
    bench(
        bencher,
        &book(names, 1),
        &parameters(scenarios, Copula::Gaussian, Method::Plain),
    );
}

#[divan::bench(args = [2, 4, 8], sample_count = 3, sample_size = 1)]
fn plain_thousand_names_by_factors(bencher: Bencher<'_, '_>, factors: usize) {
    bench(
        bencher,
        &book(1_000, factors),
        &parameters(1_000_000, Copula::Gaussian, Method::Plain),
    );
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn plain_t_copula(bencher: Bencher<'_, '_>) {
    bench(
        bencher,
        &book(1_000, 1),
        &parameters(1_000_000, Copula::StudentT { degrees: 4 }, Method::Plain),
    );
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn sobol(bencher: Bencher<'_, '_>) {
    bench(
        bencher,
        &book(1_000, 1),
        &parameters(1_000_000, Copula::Gaussian, Method::Sobol),
    );
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn importance(bencher: Bencher<'_, '_>) {
    bench(
        bencher,
        &book(1_000, 1),
        &parameters(50_000, Copula::Gaussian, Method::Importance),
    );
}

/// A million standard normals, as factors are drawn.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn normals(bencher: Bencher<'_, '_>) {
    let key = risk::random::philox::Key::new([1, 2]);
    bencher.counter(ItemsCount::new(1_000_000_u32)).bench(|| {
        (0..500_000)
            .map(|scenario| risk::random::normals(&key, scenario).iter().sum::<f64>())
            .sum::<f64>()
    });
}

/// As many of `rand_distr`'s: by rejection (ziggurat), from a generator with a state.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn normals_of_rand_distr(bencher: Bencher<'_, '_>) {
    let mut generator = SmallRng::seed_from_u64(1);
    bencher
        .counter(ItemsCount::new(1_000_000_u32))
        .bench_local(|| {
            (0..1_000_000)
                .map(|_| -> f64 { StandardNormal.sample(&mut generator) })
                .sum::<f64>()
        });
}
