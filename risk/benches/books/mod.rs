//! Books to measure.

use risk::{
    input::{Draft, Lgd, NameDraft, Portfolio},
    units::{Fraction, Loading},
};

/// Names that all differ: PD from 0.2% to 1.8%, correlation from 0.1 to 0.3 over the factors, one factor each way.
pub(crate) fn book(names: u32, factors: usize) -> Portfolio {
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
