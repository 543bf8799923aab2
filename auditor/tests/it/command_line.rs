//! The program itself: exit codes, `--json`, and what goes where.

use std::process::{Command, Output};

use serde_json::Value;

use crate::made::Made;

fn auditor(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_auditor"))
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn exit_codes_and_json() {
    let made = Made::log(&[5, 300]);
    let (log, policy) = (made.text("log"), made.text("policy"));
    let verify = ["verify", "log", &*log, "--policy", &policy, "--json"];
    let answer = |output: &Output| -> Value { serde_json::from_slice(&output.stdout).unwrap() };

    let whole = auditor(&verify);
    assert_eq!(whole.status.code(), Some(0));
    // No terminal, no bar.
    assert!(whole.stderr.is_empty());
    let said = answer(&whole);
    assert_eq!(
        (&said["verdict"], &said["command"]),
        (&"verified".into(), &"verify log".into())
    );
    assert_eq!(said["facts"]["size"], 300);

    let mut bundle = made.read("log/tile/entries/000");
    bundle[2] ^= 1;
    made.write("log/tile/entries/000", &bundle);
    let tampered = auditor(&verify);
    assert_eq!(tampered.status.code(), Some(1));
    let said = answer(&tampered);
    assert_eq!(
        (&said["verdict"], &said["first_bad_index"]),
        (&"tampered".into(), &0.into())
    );
    assert_eq!(said["findings"][0]["kind"], "entry-differs");
    let text = auditor(&verify[..5]);
    assert!(String::from_utf8_lossy(&text.stdout).starts_with("TAMPERING FOUND, first at index 0"));

    let keyless = auditor(&["verify", "log", &log, "--json"]);
    assert_eq!(keyless.status.code(), Some(2));
    assert_eq!(answer(&keyless)["verdict"], "undecided");
}

#[test]
fn arguments_that_make_no_sense_decide_nothing() {
    for bad in [
        &[][..],
        &["verify"],
        &["verify", "log"],
        &["verify", "nothing"],
        &["verify", "log", "x", "--unknown"],
        &["verify", "consistency", "a", "b"],
        &[
            "verify",
            "anchor",
            "a",
            "b",
            "--chain-id",
            "x",
            "--address",
            "y",
        ],
        &["verify", "database", "postgresql://x"],
    ] {
        assert_eq!(auditor(bad).status.code(), Some(2), "{bad:?}");
    }
    for good in [
        &["--help"][..],
        &["--version"],
        &["verify", "database", "--help"],
        &["verify", "risk-run", "--help"],
    ] {
        assert_eq!(auditor(good).status.code(), Some(0), "{good:?}");
    }
}
