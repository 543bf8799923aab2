//! The chart of a run.

use anyhow::{Context as _, Result};
use roxmltree::Document;
use tests::http::Transport as _;
use tests::sample_data::AURORA;

use super::fixture::{path, ran, rated_position};

#[test]
fn a_run_has_a_chart_that_names_it_and_shows_its_figures() -> Result<()> {
    let fixture = rated_position()?;
    let run = ran(&fixture)?;
    let target = format!("{}/chart.svg", path(&run)?);
    let carol = fixture.person("carol");
    // Whatever the caller accepts, the path has one form.
    let asked = carol.request("GET", &target).header("accept", "text/html");
    let picture = fixture.send(&asked)?;
    assert_eq!(picture.status, 200, "{}", picture.text());
    for (header, value) in [
        ("content-type", "image/svg+xml"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(picture.header(header), Some(value), "{header}");
    }
    let text = picture.text();
    let document = Document::parse(&text)?;
    let root = document.root_element();
    assert_eq!(root.tag_name().name(), "svg");
    let said = |name: &str| -> Result<&str> {
        let node = root.children().find(|node| node.tag_name().name() == name);
        node.and_then(|node| node.text()).context("a text")
    };
    let title = said("title")?;
    assert!(title.starts_with(AURORA.name), "{title}");
    let description = said("desc")?;
    let created_at = run["created_at"].as_str().context("an instant")?;
    let mut expected = vec![
        run["id"].as_str().context("an id")?.to_owned(),
        run["result"]["snapshot_sha256"]
            .as_str()
            .context("a hash")?
            .to_owned(),
        format!("{} {} UTC", &created_at[..10], &created_at[11..19]),
    ];
    for (level, name) in [(0, "99%"), (1, "99.9%")] {
        for (member, word) in [("var", "VaR"), ("es", "ES")] {
            let minor: i64 = run["result"]["levels"][level][member]["value_minor"]
                .as_str()
                .context("digits")?
                .parse()?;
            let units = (minor + 50) / 100;
            assert!((1_000..1_000_000).contains(&units), "{units}");
            expected.push(format!(
                "{word} {name}: USD {},{:03} [",
                units / 1_000,
                units % 1_000
            ));
        }
    }
    for part in expected {
        assert!(description.contains(&part), "{part}: {description}");
    }
    // Another allocator's run has no chart here.
    let other = fixture.person("mallory").get(&target)?;
    assert_eq!(other.status, 404, "{}", other.text());
    Ok(())
}
