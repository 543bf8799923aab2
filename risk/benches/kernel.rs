//! Scenarios a second for 100, 1,000 and 10,000 names, by each method. `numpy_reference.py` is the same model in
//! numpy.
//!
//! `cargo bench -p risk` runs all; `cargo bench -p risk -- plain` some.

use divan::{Bencher, counter::ItemsCount};
use risk::{
    input::{Draft, Lgd, NameDraft, Portfolio},
    parameters::{Copula, Method, Parameters, Settings},
    run,
    units::{Fraction, Loading},
};

fn main() {
    divan::main();
}

/// Names that all differ: PD from 0.2% to 1.8%, correlation from 0.1 to 0.3 over the factors, one factor each way.
fn book(names: u32, factors: usize) -> Portfolio {
    let name = |n: u32| NameDraft {
        id: format!("F{n:05}"),
        exposure_minor: Some(u64::from(50_000_000 + n * 7_919 % 100_000_000)),
        pd: Fraction::from_ppb(2_000_000 + n * 15_485 % 16_000_000),
        lgd: Fraction::from_ppb(450_000_000).map(Lgd::Fixed),
        loadings: Some(loadings(n, factors)),
        ..NameDraft::default()
    };
    let names = (0..names).map(name).collect();
    Portfolio::parse(Draft {
        currency: "USD".into(),
        factors,
        migration: None,
        names,
    })
    .expect("a good book")
}

fn loadings(n: u32, factors: usize) -> Vec<Loading> {
    let square = 0.1 + 0.2 * f64::from(n * 31 % 100) / 100.0;
    let each = (square / f64::from(u32::try_from(factors).expect("few"))).sqrt();
    #[allow(clippy::cast_possible_truncation, reason = "below one")]
    let ppb = (each * 1e9) as i32;
    (0..factors)
        .map(|_| Loading::from_ppb(ppb).expect("below one"))
        .collect()
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
