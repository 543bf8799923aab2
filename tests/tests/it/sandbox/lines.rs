//! What `up` and `--help` print, and the guide's examples that go on from there.

use std::fs;

use anyhow::{Context as _, Result};
use tests::sample_data::{AGENTS, Kind, PEOPLE};
use tests::{cargo, folders};

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

/// Before the examples: the auditor's program, a `curl` that fails where the API refuses, and the secret of an agent.
const GUIDE: &str = r#"
root=$PWD
auditor() { "$AUDITOR" "$@"; }
curl() { command curl --fail-with-body "$@"; }
secret_of() { python3 -c 'import json, sys
print([it["secret"] for it in json.load(open(sys.argv[1]))["agents"] if it["id"] == sys.argv[2]][0])' \
  "$root/target/$STACK/stack.json" "$1"; }
cd "$FOLDER"
cp "$root/target/$STACK/policy" policy.txt
"#;

#[test]
fn the_examples_of_the_guide_go_on_from_the_printed_lines() -> Result<()> {
    let up = Up::sample()?;
    let folder = folders::own("tests")?.join(format!("guide-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let guide = fs::read_to_string(folders::workspace().join("docs/API.md"))?;
    let printed = up.lines(TRY);
    let line = |part: &str| {
        let mut lines = printed.lines().filter(|line| line.contains(part));
        Ok(lines.next().context("a printed line")?.trim().to_owned() + "\n")
    };
    // The event of a printed line, as a file.
    let event = |kind: &str| -> Result<String> {
        let line = line(kind)?;
        let start = line.find("echo").context("an event")?;
        let (echo, _) = line[start..].split_once(" | ").context("a pipe")?;
        Ok(format!("{echo} > event.json\n"))
    };
    let mut script = [&*printed, &*up.lines(MORE), GUIDE].concat();
    // Every block, wherever it stands; those of agents come last, with what they sign.
    let (agents, people): (Vec<_>, Vec<_>) = guide
        .split("\n## ")
        .partition(|section| section.starts_with("Agents"));
    let people: Vec<String> = people.into_iter().flat_map(blocks).collect();
    let signed: Vec<String> = agents.into_iter().flat_map(blocks).collect();
    assert_eq!(
        people.len() + signed.len(),
        guide.matches("```sh\n").count()
    );
    assert!(people.len() >= 6, "{people:?}");
    script += &people.concat();
    // Another settlement, whose reports the agents sign by hand.
    let again: Result<String> = ["KEY=", "ID=$(", "/verify"].into_iter().map(line).collect();
    script += &again?;
    assert_eq!(signed.len(), 2, "{signed:?}");
    for ((agent, kind), block) in [
        ("escrow-one", "escrow.funded"),
        ("settle-one", "settlement.completed"),
    ]
    .into_iter()
    .zip(&signed)
    {
        let secret = format!("secret=$(secret_of {agent})\n");
        script.extend([&*secret, &*event(kind)?, &**block]);
    }
    let at = folder.to_str().context("a path")?;
    let auditor = cargo::build_auditor()?;
    let auditor = auditor.to_str().context("a path")?;
    let said = shell(
        &script,
        &[("FOLDER", at), ("STACK", &up.folder), ("AUDITOR", auditor)],
    )?;
    // Once as printed, and once signed by the guide's lines.
    assert_eq!(said.matches(r#""status":"SETTLED""#).count(), 2, "{said}");
    assert!(said.contains(r#""status":"PENDING""#), "{said}");
    fs::remove_dir_all(folder)?;
    Ok(())
}

/// The shell's blocks of a section.
fn blocks(section: &str) -> Vec<String> {
    let block = |part: &str| part.split("```").next().unwrap_or_default().to_owned();
    section.split("```sh\n").skip(1).map(block).collect()
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
