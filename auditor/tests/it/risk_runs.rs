//! A risk run as the API answers it, changed in many ways.

use auditor::report::{Report, Verdict};
use risk::{
    input::{Draft, Lgd, NameDraft, Portfolio},
    parameters::{Parameters, Settings},
    run as compute,
    snapshot::Snapshot,
    units::{Fraction, Loading},
};
use serde_json::{Value, json};

use crate::made::{Made, auditor};

/// Follows from the commitment of thirty-two octets ab.
const ID: &str = "76ea577d-b423-8e99-8636-1203c00421ac";

fn recorded() -> Value {
    let fraction = |ppb| Fraction::from_ppb(ppb).unwrap();
    let names = (1..=20).map(|number| NameDraft {
        id: format!("{number:02}"),
        exposure_minor: Some(1_000_003 * number),
        pd: Some(fraction(20_000_000)),
        lgd: Some(Lgd::Beta {
            mean: fraction(400_000_000),
            deviation: fraction(200_000_000),
        }),
        loadings: Some(vec![Loading::from_ppb(400_000_000).unwrap()]),
        ..NameDraft::default()
    });
    let portfolio = Portfolio::parse(Draft {
        currency: "USD".to_owned(),
        factors: 1,
        migration: None,
        names: names.collect(),
    })
    .unwrap();
    let settings = Settings {
        scenarios: 20_000,
        ..Settings::of_run(ID)
    };
    let outcome = compute(&portfolio, &Parameters::parse(settings).unwrap());
    let snapshot = Snapshot::encode(&portfolio);
    json!({
        "id": ID,
        "commitment_id": "ab".repeat(32),
        "request": r#"{"currency": "USD", "scenarios": 20000}"#,
        "result": outcome,
        "snapshot": std::str::from_utf8(snapshot.as_bytes()).unwrap(),
    })
}

fn verify(run: &Value) -> Report {
    let made = Made::nothing();
    made.write("run.json", &run.to_string());
    auditor(&["risk-run", &made.text("run.json")])
}

#[test]
fn a_run_is_computed_again_bit_for_bit() {
    let mut run = recorded();
    // Other members of the reply are ignored.
    run["created_at"] = json!("2026-11-23T00:00:00.000000Z");
    let report = verify(&run);
    assert_eq!(report.verdict(), Verdict::Verified, "{report}");
}

#[test]
fn whatever_is_changed_is_found() {
    let es = "/result/levels/1/es/value_minor";
    let contribution = "/result/levels/0/contributions_minor/3";
    for (place, value, kind) in [
        (es, json!("1"), "result-differs"),
        (contribution, json!("1"), "result-differs"),
        ("/result/histogram/shares_ppb/0", json!(1), "result-differs"),
        ("/result/settings/seed", json!(7), "other-request"),
        ("/result/settings/scenarios", json!(20_001), "other-request"),
        ("/result/settings/scenarios", json!(1), "other-request"),
        ("/result/currency", json!("EUR"), "other-request"),
        ("/result/settings/run", json!("another"), "other-run"),
        ("/id", json!("another"), "other-run"),
        (
            "/result/snapshot_sha256",
            json!("0".repeat(64)),
            "other-snapshot",
        ),
        (
            "/snapshot",
            json!("optkas-risk-snapshot/1\n"),
            "other-snapshot",
        ),
    ] {
        let mut run = recorded();
        *run.pointer_mut(place).unwrap() = value;
        let report = verify(&run);
        assert_eq!(report.verdict(), Verdict::Tampered, "{place}: {report}");
        assert_eq!(report.findings()[0].kind, kind, "{place}: {report}");
    }
}

#[test]
fn a_difference_says_where_and_what() {
    let mut run = recorded();
    let es = run["result"]["levels"][1]["es"]["value_minor"].take();
    run["result"]["levels"][1]["es"]["value_minor"] = json!("1");
    let report = verify(&run);
    let field = &report.findings()[0].fields[0];
    assert_eq!(field.name, "levels[1].es");
    assert!(field.recorded.as_ref().unwrap().starts_with("1 ["));
    let recomputed = format!("{} [", es.as_str().unwrap());
    assert!(field.found.as_ref().unwrap().starts_with(&recomputed));
}

#[test]
fn what_is_no_run_of_this_engine_is_not_decided() {
    for place in [
        "/id",
        "/result",
        "/snapshot",
        "/result/levels/0/var/value_minor",
    ] {
        let mut run = recorded();
        *run.pointer_mut(place).unwrap() = json!(null);
        assert_eq!(verify(&run).verdict(), Verdict::Undecided, "{place}");
    }
    let mut run = recorded();
    run["result"]["model"] = json!("optkas-risk/0");
    assert_eq!(verify(&run).verdict(), Verdict::Undecided);
}
