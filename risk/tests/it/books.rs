//! Books to run.

use risk::{
    input::{Draft, Lgd, MigrationDraft, NameDraft, Portfolio},
    parameters::{Copula, Method, Parameters, Settings},
    units::{Fraction, Level, Loading},
};

pub fn fraction(share: f64) -> Fraction {
    Fraction::from_ppb((share * 1e9).round() as u32).unwrap()
}

pub fn loading(value: f64) -> Loading {
    Loading::from_ppb((value * 1e9).round() as i32).unwrap()
}

pub fn name(number: usize, exposure: u64, pd: f64, lgd: f64, loadings: &[f64]) -> NameDraft {
    NameDraft {
        id: format!("F{number:05}"),
        exposure_minor: Some(exposure),
        pd: Some(fraction(pd)),
        lgd: Some(Lgd::Fixed(fraction(lgd))),
        loadings: Some(loadings.iter().copied().map(loading).collect()),
        ..NameDraft::default()
    }
}

pub fn draft(factors: usize, names: Vec<NameDraft>) -> Draft {
    Draft {
        currency: "USD".into(),
        factors,
        migration: None,
        names,
    }
}

pub fn book(factors: usize, names: Vec<NameDraft>) -> Portfolio {
    Portfolio::parse(draft(factors, names)).unwrap()
}

/// Equal names of PD 1%, correlation 0.2, that lose all.
pub fn equal_names(names: usize, exposure: u64) -> Vec<NameDraft> {
    (0..names)
        .map(|n| name(n, exposure, 0.01, 1.0, &[0.2_f64.sqrt()]))
        .collect()
}

/// A book of [`equal_names`].
pub fn homogeneous(names: usize, exposure: u64) -> Portfolio {
    book(1, equal_names(names, exposure))
}

/// A book with every kind of input: ratings, collateral, Beta losses, several factors.
pub fn everything(names: usize) -> Portfolio {
    everything_on(names, &[0.4, 0.3, -0.1])
}

/// The same with these loadings.
pub fn everything_on(names: usize, loadings: &[f64]) -> Portfolio {
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
    let names = (0..names).map(|n| {
        let pd = [0.0003, 0.002, 0.01, 0.03, 0.2][n % 5];
        let mut draft = name(
            n,
            1_000_000 + (n as u64 * 7_919_000) % 90_000_000,
            pd,
            0.45,
            loadings,
        );
        if n % 3 == 0 {
            draft.lgd = Some(Lgd::Beta {
                mean: fraction(0.4),
                deviation: fraction(0.25),
            });
        }
        if n % 4 == 0 {
            draft.collateral_minor = Some(draft.exposure_minor.unwrap() * 7 / 10);
        }
        if n % 6 == 0 {
            draft.rating = Some(n / 6 % 3);
            draft.pd = None;
        }
        draft
    });
    Portfolio::parse(Draft {
        migration: Some(migration),
        ..draft(loadings.len(), names.collect())
    })
    .unwrap()
}

pub fn settings(scenarios: u32, copula: Copula, method: Method) -> Settings {
    Settings {
        scenarios,
        copula,
        method,
        levels: vec![Level::P99, Level::P999],
        ..Settings::of_run("run-1")
    }
}

pub fn parameters(scenarios: u32, copula: Copula, method: Method) -> Parameters {
    Parameters::parse(settings(scenarios, copula, method)).unwrap()
}
