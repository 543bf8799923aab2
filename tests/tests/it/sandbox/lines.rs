//! What `up` and `--help` print.

use anyhow::{Context as _, Result};
use tests::sample_data::{AGENTS, Kind, PEOPLE};

use super::{Up, command, shell};
use crate::lists::yaml;

/// The headings under which lines are printed.
pub(super) const TRY: &str = "Try, in one shell, from top to bottom:";
const MORE: &str = "More, in the same shell:";

#[test]
fn the_printed_lines_reach_settled_and_a_verified_receipt() -> Result<()> {
    let up = Up::sample()?;
    // Pasted twice, they settle twice: nothing in them is used up.
    let lines = [up.lines(TRY), up.lines(TRY), up.lines(MORE)].concat();
    let printed = shell(&lines, &[])?;
    for state in ["VERIFIED", "ESCROWED", "SETTLED"] {
        let member = format!(r#""status":"{state}""#);
        assert_eq!(printed.matches(&member).count(), 2, "{state}: {printed}");
    }
    // The auditor's own word stands alone on its line.
    let receipt = printed.lines().skip_while(|line| *line != "VERIFIED");
    let fields: Vec<&str> = receipt.take(9).collect();
    assert!(
        fields
            .iter()
            .any(|line| line.contains("settlement-webhook")),
        "{printed}"
    );
    for seen in [
        r#""roles":["maker"]"#,
        r#""expected_loss""#,
        r#""borrowing_base""#,
    ] {
        assert!(printed.contains(seen), "{seen}: {printed}");
    }
    // The words of no tool come between.
    assert!(!printed.contains("Finished"), "{printed}");
    Ok(())
}

#[test]
fn the_cause_of_a_401_is_where_up_says() -> Result<()> {
    let up = Up::sample()?;
    let log = format!("target/{}/gateway.log", up.folder);
    assert!(up.printed.contains(&log), "{}", up.printed);
    let refused = up.send(
        &tests::http::Request::new("GET", "/v1/me").header("authorization", "Bearer a.b.c"),
    )?;
    assert_eq!(refused.status, 401, "{}", refused.text());
    let refused = refused.json();
    let id = refused["request_id"].as_str().context("a request_id")?;
    let text = std::fs::read_to_string(up.folder().join("gateway.log"))?;
    let told = text.lines().any(|line| line.contains(id));
    assert!(told, "{log} does not know {id}");
    Ok(())
}

#[test]
fn help_names_every_person_every_agent_and_every_event() -> Result<()> {
    let (good, help) = command(&["token", "--help"])?;
    let names = PEOPLE.map(|person| person.name).join(", ");
    assert!(good && help.contains(&names), "{help}");
    let (good, help) = command(&["deliver", "--help"])?;
    assert!(good, "{help}");
    let schemas = &yaml("docs/openapi.yaml")?["components"]["schemas"];
    for (id, kind, _) in AGENTS {
        let schema = match kind {
            Kind::Platform => "PlatformEvent",
            Kind::Escrow => "EscrowEvent",
            Kind::Settlement => "SettlementEvent",
            Kind::Collateral => "CollateralEvent",
        };
        let documented = schemas[schema]["discriminator"]["mapping"].as_object();
        let mut documented: Vec<&str> = documented
            .context(schema)?
            .keys()
            .map(String::as_str)
            .collect();
        let mut known = kind.events().to_vec();
        documented.sort_unstable();
        known.sort_unstable();
        assert_eq!(known, documented, "{id}");
        for name in known.iter().chain([&id]) {
            assert!(help.contains(name), "{name}: {help}");
        }
    }
    Ok(())
}

#[test]
fn a_name_that_is_no_folder_of_ours_is_refused() -> Result<()> {
    for name in ["", "..", "../debug", "A", "a b", "a/b", &"a".repeat(41)] {
        for arguments in [
            &["token", "alice"][..],
            &["up"],
            &["deliver", "escrow-one", "-"],
        ] {
            let (good, said) = command(&[arguments, &["--name", name]].concat())?;
            assert!(
                !good && said.contains("a name has 1 to 40"),
                "{name}: {said}"
            );
        }
    }
    Ok(())
}
