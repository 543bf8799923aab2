//! Pure computations beside the bare calls of ring: runs shared/benches/pure.rs and reads divan's table.

use std::collections::BTreeMap;

use ::tests::progress::step;
use anyhow::{Context as _, Result};

use super::Bench;
use super::machine::cargo_output;
use super::report::{Aim, Figure, Report};

/// Our function, and the bare call of ring.
const PAIRS: [(&str, &str); 5] = [
    ("jwt_es256", "ring_es256"),
    ("jwt_eddsa", "ring_eddsa"),
    ("webhook_standard", "ring_hmac"),
    ("idempotency_key", "ring_sha256_key"),
    ("fingerprint_4_kb", "ring_sha256_4_kb"),
];

pub(super) fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    report.group("Pure parts, median");
    let mut arguments = vec![
        "bench",
        "--quiet",
        "--package",
        "shared",
        "--bench",
        "pure",
        "--",
    ];
    if bench.quick {
        arguments.extend(["--max-time", "0.1"]);
    }
    let text = step("Building and running the micro-benches", || {
        cargo_output(&arguments)
    })?;
    let medians = medians(&text);
    let median = |name: &str| {
        let found = medians.get(name).copied();
        found.with_context(|| format!("no {name} in\n{text}"))
    };
    for (ours, bare) in PAIRS {
        report.add(
            Figure::new(ours.replace('_', " "), median(ours)?, "µs")
                .beside(bare.replace('_', " "), median(bare)?)
                .aim(Aim::AtMost(1.5)),
        );
    }
    Ok(())
}

/// Names and medians in microseconds, of divan's table.
fn medians(text: &str) -> BTreeMap<String, f64> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('│').map(str::trim).collect();
        // A branch of the tree and the name, then fastest, slowest, median.
        let [first, _, median, ..] = cells[..] else {
            return None;
        };
        let name = first.split_whitespace().nth(1)?;
        Some((name.to_owned(), microseconds(median)?))
    };
    text.lines().filter_map(row).collect()
}

fn microseconds(text: &str) -> Option<f64> {
    let (number, unit) = text.split_once(' ')?;
    let scale = match unit {
        "ns" => 1e-3,
        "µs" => 1.0,
        "ms" => 1e3,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * scale)
}

#[cfg(test)]
mod tests {
    use super::medians;

    #[test]
    fn a_table_of_divan_is_read() {
        let text = "pure            fastest       │ slowest       │ median        │ mean          │ samples │ iters\n\
                    ├─ jwt_es256    80.1 µs       │ 120 µs        │ 84.25 µs      │ 85 µs         │ 100     │ 100\n\
                    ╰─ ring_hmac    410.1 ns      │ 1.2 µs        │ 415.5 ns      │ 420 ns        │ 100     │ 800\n";
        let medians = medians(text);
        let close = |name: &str, wanted: f64| (medians[name] - wanted).abs() < 1e-9;
        assert!(
            close("jwt_es256", 84.25) && close("ring_hmac", 0.4155),
            "{medians:?}"
        );
    }
}
