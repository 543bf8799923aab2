//! Refused inputs, and the words of the refusals.

use risk::{
    cost::estimate,
    input::{Draft, Field, Lgd, NAMES_MAX, Portfolio, Refusal},
    parameters::{BadSettings, Copula, Method, Parameters, Settings},
    snapshot::{NotASnapshot, Snapshot},
    units::Level,
};

use crate::books::{
    book, draft, everything, fraction, homogeneous, loading, name, parameters, settings,
};

#[test]
fn missing_inputs_are_all_named() {
    let mut names = vec![
        name(1, 5, 0.1, 0.4, &[0.3]),
        name(2, 5, 0.1, 0.4, &[0.3]),
        name(3, 5, 0.1, 0.4, &[0.3]),
    ];
    names[0].pd = None;
    names[0].lgd = None;
    names[1].exposure_minor = None;
    names[2].loadings = None;
    let refused = Portfolio::parse(draft(1, names)).unwrap_err();
    let missing = |name: &str, field| Refusal::Missing {
        name: name.into(),
        field,
    };
    assert_eq!(
        refused.0,
        [
            missing("F00001", Field::Pd),
            missing("F00001", Field::Lgd),
            missing("F00002", Field::Exposure),
            missing("F00003", Field::Loadings)
        ]
    );
    assert_eq!(
        refused.to_string(),
        "F00001: probability of default not recorded; F00001: loss given default not recorded; \
         F00002: exposure not recorded; F00003: factor loadings not recorded"
    );
}

#[test]
fn what_cannot_be_is_refused() {
    let refused = |change: fn(&mut Draft)| {
        let mut draft = draft(
            1,
            vec![name(1, 5, 0.1, 0.4, &[0.3]), name(2, 5, 0.1, 0.4, &[0.3])],
        );
        change(&mut draft);
        Portfolio::parse(draft).is_err()
    };
    assert!(!refused(|_| ()));
    assert!(refused(|draft| draft.names.clear()));
    assert!(refused(|draft| draft.names[1].id = "F00001".into()));
    assert!(refused(|draft| draft.names[1].id = "a b".into()));
    assert!(refused(|draft| draft.names[1].id.clear()));
    assert!(refused(|draft| draft.currency = "usd".into()));
    assert!(refused(|draft| draft.factors = 2));
    assert!(refused(|draft| draft.factors = 0));
    assert!(refused(
        |draft| draft.names[0].loadings = Some(vec![loading(0.999)])
    ));
    assert!(refused(|draft| draft.names[0].rating = Some(0)));
    assert!(refused(
        |draft| draft.names[0].exposure_minor = Some(1_000_000_000_000_001)
    ));
    assert!(refused(|draft| draft.names[0].lgd = Some(Lgd::Beta {
        mean: fraction(0.5),
        deviation: fraction(0.5)
    })));
    assert!(refused(|draft| draft.names = (0..=NAMES_MAX)
        .map(|n| name(n, 1, 0.1, 0.4, &[0.3]))
        .collect()));
}

#[test]
fn settings_have_bounds() {
    let refused = |change: fn(&mut Settings)| {
        let mut settings = settings(1_000_000, Copula::Gaussian, Method::Plain);
        change(&mut settings);
        Parameters::parse(settings).err()
    };
    assert_eq!(refused(|_| ()), None);
    assert_eq!(refused(|s| s.levels.clear()), Some(BadSettings::Levels));
    assert_eq!(refused(|s| s.levels.reverse()), Some(BadSettings::Levels));
    assert_eq!(refused(|s| s.scenarios = 999), Some(BadSettings::Scenarios));
    assert_eq!(
        refused(|s| s.scenarios = 10_000_001),
        Some(BadSettings::Scenarios)
    );
    assert_eq!(refused(|s| s.scenarios = 99_999), Some(BadSettings::Tail));
    assert_eq!(refused(|s| s.scenarios = 100_000), None);
    for (scenarios, refusal) in [(9_999, Some(BadSettings::Tail)), (10_000, None)] {
        let settings = settings(scenarios, Copula::Gaussian, Method::Importance);
        assert_eq!(Parameters::parse(settings).err(), refusal);
    }
    // Without scenarios there is no minimum, but a book of several factors has to have some.
    assert_eq!(
        refused(|s| (s.scenarios, s.method) = (1_000, Method::Exact)),
        None
    );
    let exact_at = |ppm| {
        let mut settings = settings(1_000, Copula::Gaussian, Method::Exact);
        settings.levels = vec![Level::from_ppm(ppm).unwrap()];
        Parameters::parse(settings).err()
    };
    assert_eq!(exact_at(999_990), None);
    assert_eq!(exact_at(999_991), Some(BadSettings::Tail));
    assert_eq!(
        refused(|s| (s.scenarios, s.method) = (100_000, Method::Sobol)),
        Some(BadSettings::Tail)
    );
    assert_eq!(
        refused(|s| s.copula = Copula::StudentT { degrees: 1 }),
        Some(BadSettings::Degrees)
    );
    assert_eq!(refused(|s| s.seed = 1 << 53), Some(BadSettings::Seed));
    assert_eq!(refused(|s| s.run.clear()), Some(BadSettings::Run));
    assert_eq!(Level::from_ppm(1_000_000), None);
}

#[test]
fn defaults_come_from_the_run() {
    let settings = Settings::of_run("0192f0c1");
    assert_eq!((settings.scenarios, settings.levels.len()), (1_000_000, 2));
    assert_ne!(settings.seed, Settings::of_run("0192f0c2").seed);
}

#[test]
fn snapshots_have_one_spelling() {
    for book in [homogeneous(3, 7), everything(40)] {
        let snapshot = Snapshot::encode(&book);
        assert_eq!(Snapshot::decode(snapshot.as_bytes()), Ok(book));
    }
    let text = String::from_utf8(Snapshot::encode(&homogeneous(2, 7)).as_bytes().to_vec()).unwrap();
    assert_eq!(
        text,
        "optkas-risk-snapshot/1\ncurrency USD\nfactors 1\nratings 0\nnames 2\n\
         name F00000 7 0 10000000 fixed 1000000000 - 447213595\n\
         name F00001 7 0 10000000 fixed 1000000000 - 447213595\n"
    );
    for (from, to) in [
        ("name F00000 7", "name F00000 07"),
        ("names 2", "names  2"),
        ("- 447213595\n", "- +447213595\n"),
        ("- 447213595\n", "- 447213595\r\n"),
    ] {
        assert_eq!(
            Snapshot::decode(text.replace(from, to).as_bytes()),
            Err(NotASnapshot::NotCanonical),
            "{to:?}"
        );
    }
    assert_eq!(
        Snapshot::decode(format!("{text}x").as_bytes()),
        Err(NotASnapshot::NotCanonical)
    );
    assert_eq!(
        Snapshot::decode(text.replace("fixed", "fiscal").as_bytes()),
        Err(NotASnapshot::Line(6))
    );
    assert_eq!(
        Snapshot::decode(text.replace("names 2", "names 3").as_bytes()),
        Err(NotASnapshot::Line(8))
    );
    assert_eq!(Snapshot::decode(&[0xff]), Err(NotASnapshot::NotCanonical));
    assert!(matches!(
        Snapshot::decode(text.replace("F00001", "F00000").as_bytes()),
        Err(NotASnapshot::Refused(_))
    ));
}

#[test]
fn costs_grow_with_work_and_shrink_with_threads() {
    let small = book(1, vec![name(1, 5, 0.1, 0.4, &[0.3])]);
    let plain = parameters(1_000_000, Copula::Gaussian, Method::Plain);
    let importance = parameters(1_000_000, Copula::Gaussian, Method::Importance);
    let large = homogeneous(5_000, 1);
    assert!(estimate(&small, &plain, 2) < estimate(&large, &plain, 2));
    assert!(estimate(&large, &plain, 2) < estimate(&large, &plain, 1));
    assert!(estimate(&large, &plain, 2) < estimate(&large, &importance, 2));
}
