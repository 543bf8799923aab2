//! A checkpoint that the auditor kept shows that a log was rebuilt and signed anew.

use auditor::report::Verdict;

use crate::made::Made;

#[test]
fn a_rebuilt_log_is_not_the_one_that_was_kept() {
    let honest = Made::log(&[5, 300]);
    let rebuilt = Made::log_of(&[5, 400], |index| format!("other {index}").into_bytes());
    assert_eq!(rebuilt.verify().verdict(), Verdict::Verified);
    rebuilt.write("kept", &honest.read("log/checkpoint"));
    let log = rebuilt.text("log");
    let report = rebuilt.auditor(&["log", &log, "--checkpoint", &rebuilt.text("kept")]);
    assert_eq!(report.verdict(), Verdict::Tampered, "{report}");
    assert_eq!(report.findings()[0].last_index, Some(299));
}

#[test]
fn a_log_that_was_cut_is_shorter_than_what_was_kept() {
    let long = Made::log(&[5, 300]);
    let cut = Made::log(&[5, 200]);
    cut.write("kept", &long.read("log/checkpoint"));
    let report = cut.auditor(&["log", &cut.text("log"), "--checkpoint", &cut.text("kept")]);
    assert_eq!(
        (report.verdict(), report.first_bad_index()),
        (Verdict::Tampered, Some(200)),
        "{report}"
    );
    assert_eq!(report.findings()[0].kind, "log-cut");
}

#[test]
fn an_older_checkpoint_of_the_same_log_is_no_trouble() {
    let made = Made::log(&[5, 17, 300]);
    made.write("kept", &made.read("log/checkpoints/17"));
    let report = made.auditor(&["log", &made.text("log"), "--checkpoint", &made.text("kept")]);
    assert_eq!(report.verdict(), Verdict::Verified, "{report}");
}
