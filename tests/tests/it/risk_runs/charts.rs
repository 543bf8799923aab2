//! The chart of a run.

use anyhow::{Context as _, Result};
use roxmltree::Document;
use tests::fixture::Fixture;
use tests::http::{Response, Transport as _};

use super::fixture::{path, ran, rated_position};

fn accepting(fixture: &Fixture, target: &str, accept: &str) -> Result<Response> {
    fixture.send(
        &fixture
            .person("carol")
            .request("GET", target)
            .header("accept", accept),
    )
}

#[test]
fn a_run_is_rendered_as_a_chart_on_request() -> Result<()> {
    let fixture = rated_position()?;
    let run = ran(&fixture)?;
    let target = path(&run)?;
    let picture = accepting(&fixture, &target, "image/svg+xml")?;
    assert_eq!(picture.status, 200, "{}", picture.text());
    assert_eq!(picture.header("content-type"), Some("image/svg+xml"));
    assert_eq!(
        picture.header("content-security-policy"),
        Some("default-src 'none'; sandbox")
    );
    assert_eq!(picture.header("x-content-type-options"), Some("nosniff"));
    let text = picture.text();
    let document = Document::parse(&text)?;
    assert_eq!(document.root_element().tag_name().name(), "svg");
    let shown: Vec<String> = document
        .descendants()
        .filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "text")))
        .filter_map(|node| node.text().map(|text| text.trim().to_owned()))
        .collect();
    for (level, name) in [(0, "99%"), (1, "99.9%")] {
        for (member, word) in [("var", "VaR"), ("es", "ES")] {
            let minor: i64 = run["result"]["levels"][level][member]["value_minor"]
                .as_str()
                .context("digits")?
                .parse()?;
            let label = format!("{word} {name}: ");
            let mark = shown.iter().find(|text| text.starts_with(&label));
            let mark = mark.with_context(|| format!("no {label} in {shown:?}"))?;
            let figure: f64 = mark[label.len()..]
                .split(' ')
                .next()
                .context("a figure")?
                .parse()?;
            let scale = if mark.ends_with("thousand") { 1e3 } else { 1.0 };
            #[allow(clippy::cast_precision_loss, reason = "a small number")]
            let off = (figure * scale - minor as f64 / 100.0).abs();
            assert!(off <= 0.01 * scale, "{mark}: {minor}");
        }
    }
    // A request without a preference, or with both, gets the run itself.
    for accept in ["*/*", "application/json, image/svg+xml"] {
        let answer = accepting(&fixture, &target, accept)?;
        assert_eq!(
            answer.header("content-type"),
            Some("application/json"),
            "{accept}"
        );
    }
    for (accept, status) in [("text/html", 406), ("svg", 400)] {
        assert_eq!(
            accepting(&fixture, &target, accept)?.status,
            status,
            "{accept}"
        );
    }
    Ok(())
}
