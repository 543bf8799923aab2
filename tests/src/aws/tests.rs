//! The local AWS: what it keeps, and what it refuses.

use anyhow::Result;
use serde_json::json;

use super::{Aws, Log, ORIGIN};
use crate::folders;
use crate::secrets::random_hex;

fn published(log: &Log) -> Result<(Vec<String>, Option<serde_json::Value>)> {
    Ok((log.keys()?, log.state()?))
}

#[test]
fn what_was_written_survives_a_restart() -> Result<()> {
    let folder = folders::own("tests")?.join(format!("aws-{}", random_hex(4)));
    std::fs::create_dir_all(&folder)?;
    let aws = Aws::start(&folder, false)?;
    let log = aws.log("kept")?;
    for key in ["tile/0/000.p/1", "tile/0/x001/234", "gone", "checkpoint"] {
        log.put(key, key.as_bytes())?;
    }
    log.put("checkpoint", b"the second")?;
    log.delete("gone")?;
    log.put("staging/1-ab", b"staged and forgotten")?;
    log.delete("staging/1-ab")?;
    log.put("staging/2-cd", b"staged and kept")?;
    log.set_state(&json!({ "origin": ORIGIN, "size": 7, "root": "ab" }))?;
    aws.put("secret", &json!("hush-hush"))?;
    let before = published(&log)?;
    drop(aws);

    let recording = folder.join(super::RECORDING);
    let kept = std::fs::read_to_string(&recording)?;
    assert!(!kept.contains("hush-hush"), "a secret is in a file");
    // Killed in the middle of a write that was never answered.
    std::fs::write(&recording, kept + "{\"environ\": {\"REQUEST_ME")?;

    let aws = Aws::start(&folder, false)?;
    let log = aws.log("kept")?;
    assert_eq!(published(&log)?, before);
    assert_eq!(log.get("checkpoint")?.as_deref(), Some(&b"the second"[..]));
    assert_eq!(log.versions("checkpoint")?.len(), 2);
    assert_eq!(
        log.versions("staging/")?.len(),
        1,
        "what was forgotten is no more"
    );
    assert_eq!(
        before.1,
        Some(json!({ "origin": ORIGIN, "size": 7, "root": "ab" }))
    );
    log.delete_state()?;
    drop(aws);
    let aws = Aws::start(&folder, false)?;
    assert_eq!(published(&aws.log("kept")?)?, (before.0, None));
    drop(aws);
    Aws::forget(&folder)?;
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
