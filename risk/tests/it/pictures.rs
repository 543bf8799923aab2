//! The chart.

use risk::{
    chart::svg,
    parameters::{Copula, Method},
    run,
};

use crate::books::{everything, homogeneous, parameters};

#[test]
fn charts_mark_every_level() {
    for book in [homogeneous(100, 123_456_789), everything(60)] {
        let outcome = run(&book, &parameters(100_000, Copula::Gaussian, Method::Plain));
        let svg = svg(&outcome, 100).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        for label in [
            "VaR 99%: ",
            "ES 99%: ",
            "VaR 99.9%: ",
            "ES 99.9%: ",
            "100,000 scenarios",
            "Share of scenarios",
            "Loss, USD",
        ] {
            assert!(svg.contains(label), "{label}");
        }
    }
}
