//! The chart.

use risk::{
    chart::{About, svg},
    outcome::Outcome,
    parameters::{Copula, Method, Parameters, Settings},
    run,
    units::Level,
};
use roxmltree::Document;

use crate::books::{everything, homogeneous, settings};

/// A name that an attacker would choose.
const NAME: &str = "A & B <script>alert(1)</script> \"Fund\"";

fn picture(outcome: &Outcome) -> String {
    let about = About {
        allocator: NAME,
        as_of: "2026-11-27 10:15 UTC",
        exposure_minor: 2_500_000,
        minor_per_unit: 100,
    };
    svg(outcome, &about).unwrap()
}

fn outcomes() -> Vec<Outcome> {
    let levels = |ppm: &[u32]| {
        ppm.iter()
            .map(|ppm| Level::from_ppm(*ppm).unwrap())
            .collect()
    };
    let mut outcomes = Vec::new();
    for book in [
        homogeneous(100, 123_456_789),
        homogeneous(1, 2_500_000),
        everything(60),
    ] {
        for ppm in [
            &[990_000, 999_000][..],
            &[
                500_000, 800_000, 900_000, 950_000, 975_000, 990_000, 995_000, 999_000,
            ],
        ] {
            let settings = Settings {
                levels: levels(ppm),
                ..settings(100_000, Copula::Gaussian, Method::Plain)
            };
            outcomes.push(run(&book, &Parameters::parse(settings).unwrap()));
        }
    }
    outcomes
}

#[test]
fn a_chart_says_whose_it_is_and_every_figure_with_its_interval() {
    for outcome in outcomes() {
        let svg = picture(&outcome);
        let document = Document::parse(&svg).unwrap();
        let root = document.root_element();
        assert_eq!(root.attribute("role"), Some("img"));
        let said = |name: &str| {
            let node = root
                .children()
                .find(|node| node.has_tag_name(("http://www.w3.org/2000/svg", name)));
            node.and_then(|node| node.text()).unwrap().to_owned()
        };
        assert_eq!(
            said("title"),
            format!(
                "{NAME}: loss of USD 25,000 in {}",
                if outcome.names.len() == 1 {
                    "1 facility".to_owned()
                } else {
                    format!("{} facilities", outcome.names.len())
                }
            )
        );
        let description = said("desc");
        let texts: Vec<&str> = document
            .descendants()
            .filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "text")))
            .filter_map(|node| node.text().map(str::trim))
            .collect();
        for at in &outcome.levels {
            for (word, estimate) in [("VaR", at.var), ("ES", at.es)] {
                let name = format!("{word} {}%: USD ", f64::from(at.level.ppm()) / 10_000.0);
                assert!(
                    texts.iter().any(|text| text.starts_with(&name)),
                    "{name} {texts:#?}"
                );
                let figures = description
                    .split(". ")
                    .find(|part| part.starts_with(&name))
                    .unwrap();
                assert_eq!(figures.matches(" to ").count(), 1, "{figures} {estimate}");
            }
        }
        for part in [
            outcome.settings.run.as_str(),
            outcome.snapshot_sha256.as_str(),
            "100,000 scenarios",
            "2026-11-27 10:15 UTC",
            "Expected loss USD ",
        ] {
            assert!(description.contains(part), "{part}: {description}");
            assert!(
                texts.iter().any(|text| text.contains(part)),
                "{part}: {texts:#?}"
            );
        }
    }
}

/// A label is taken to be seven and a half pixels wide a character: more than a sans-serif font of that size needs.
#[test]
fn no_line_runs_through_a_label_and_no_label_leaves_the_picture() {
    for outcome in outcomes() {
        let svg = picture(&outcome);
        let document = Document::parse(&svg).unwrap();
        let number = |text: &str| text.parse::<f64>().unwrap();
        let width = number(document.root_element().attribute("width").unwrap());
        let mut labels = Vec::new();
        let mut lines = Vec::new();
        for node in document.descendants() {
            match node.tag_name().name() {
                "text" if node.text().is_some_and(|text| text.contains("%: USD ")) => {
                    let x = number(node.attribute("x").unwrap());
                    let y = number(node.attribute("y").unwrap());
                    let characters = node.text().unwrap().trim().chars().count();
                    labels.push((
                        x,
                        x + 7.5 * f64::from(u32::try_from(characters).unwrap()),
                        y,
                        y + 14.0,
                    ));
                }
                "polyline" if node.attribute("stroke-width") == Some("2") => {
                    let points = node.attribute("points").unwrap();
                    let points: Vec<(f64, f64)> = points
                        .split_whitespace()
                        .filter_map(|point| point.split_once(','))
                        .map(|(x, y)| (number(x), number(y)))
                        .collect();
                    lines.push(points);
                }
                _ => {}
            }
        }
        assert_eq!(labels.len(), 2 * outcome.levels.len());
        assert!(lines.len() >= labels.len());
        for (left, right, top, bottom) in labels {
            assert!(right <= width, "{right}");
            for line in &lines {
                let (x, from) = line[0];
                let to = line[line.len() - 1].1;
                assert!(
                    x <= left || x >= right || to <= top || from >= bottom,
                    "a line at {x} through {left} to {right}"
                );
            }
        }
    }
}
