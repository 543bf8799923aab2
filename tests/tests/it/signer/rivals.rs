//! Two signers at once: one history, and no harm to the one that comes second.

use anyhow::Result;
use serde_json::{Value, json};
use tests::lambda::{Answer, Function, Invocation};

use super::fixture::SignerFixture;
use crate::support::together;

const SIGNERS: usize = 4;
const ROUNDS: usize = 6;

#[test]
fn several_signers_at_once_make_one_history() -> Result<()> {
    let fixture = SignerFixture::new()?;
    let signers: Vec<Function> = (0..SIGNERS)
        .map(|number| {
            let mut launch = fixture.launch()?;
            launch.log_folder = launch.log_folder.join(format!("signer-{number}"));
            std::fs::create_dir_all(&launch.log_folder)?;
            Function::new(launch)
        })
        .collect::<Result<_>>()?;
    let mut size = 200;
    for _ in 0..ROUNDS {
        size += 20;
        fixture.grow_to(size)?;
        let ended = together(SIGNERS, |number| {
            signers[number].invoke(Invocation::new(&Value::Null))
        })?;
        for (number, answer) in ended.iter().enumerate() {
            let Answer::Response(_) = answer else {
                anyhow::bail!("{answer:?}\n{}", signers[number].logs())
            };
        }
        // The first signer may have been overtaken before the checkpoint: one more round publishes everything.
        let last = signers[0].call(&Value::Null)?;
        assert_eq!(
            (&last["size"], &last["published_size"]),
            (&json!(size), &json!(size))
        );
        fixture.verify(size)?;
    }
    Ok(())
}
