//! The same bits on any number of threads, optimised or not. The hashes below were computed once and hold everywhere.

use risk::{
    input::Portfolio,
    outcome::{Difference, Outcome},
    parameters::{Copula, Method, Settings},
    recompute::{Verdict, verify},
    run,
    snapshot::{Digest, Snapshot},
};

use crate::books::{everything, homogeneous, parameters, settings};

fn on(threads: usize, book: &Portfolio, copula: Copula, method: Method) -> Outcome {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap();
    let scenarios = if method == Method::Sobol {
        160_000
    } else {
        20_000
    };
    pool.install(|| run(book, &parameters(scenarios, copula, method)))
}

fn hash(outcome: &Outcome) -> String {
    Digest::of(serde_json::to_string(outcome).unwrap().as_bytes()).to_string()
}

const T: Copula = Copula::StudentT { degrees: 5 };

#[test]
fn bits_are_pinned_on_1_2_and_7_threads() {
    let kinds = [
        (Copula::Gaussian, Method::Plain),
        (T, Method::Plain),
        (Copula::Gaussian, Method::Sobol),
        (Copula::Gaussian, Method::Importance),
        (T, Method::Importance),
    ];
    let pinned = [
        "1ed30c63ff71b873585270288f2445cfa84241be113727a29be943ef34cceb2b",
        "1ec8aae8800004515dd8a80490fa637ff5b74c5cdc42ac2ef997c4b3970bdb2d",
        "298566d36f91aec6402fa5fccafbf528dfba8b69b5143b4d88650acf5e29d48d",
        "4794d5dc6afb52b8f236c5973b78253ef15e51017ef1dc1e095f06f3a1e5249c",
        "32c8bb9f19e2287ea1f6eb4393cb47ad72bc41154a81693b0a557f3db3c4a1a6",
    ];
    let book = everything(300);
    for threads in [1, 2, 7] {
        let hashes = kinds.map(|(copula, method)| hash(&on(threads, &book, copula, method)));
        assert_eq!(hashes, pinned, "{threads} threads");
    }
}

#[test]
fn the_auditor_finds_the_same_and_says_where_not() {
    let book = everything(50);
    let mut recorded = run(&book, &parameters(10_000, T, Method::Plain));
    let snapshot = Snapshot::encode(&book);
    assert_eq!(recorded.snapshot_sha256, snapshot.digest());
    assert_eq!(verify(snapshot.as_bytes(), &recorded), Ok(Verdict::Equal));
    let es = recorded.levels[1].es.value_minor;
    recorded.levels[1].es.value_minor += 1;
    let Ok(Verdict::Differs(differences)) = verify(snapshot.as_bytes(), &recorded) else {
        panic!("equal")
    };
    let [
        Difference {
            what,
            recorded,
            recomputed,
        },
    ] = &differences[..]
    else {
        panic!("{differences:?}")
    };
    assert_eq!(what, "levels[1].es");
    assert!(
        recorded.starts_with(&format!("{} [", es + 1))
            && recomputed.starts_with(&format!("{es} ["))
    );
}

#[test]
fn outcomes_survive_json() {
    let outcome = run(
        &homogeneous(20, 1_000),
        &parameters(10_000, Copula::Gaussian, Method::Plain),
    );
    let text = serde_json::to_string(&outcome).unwrap();
    assert_eq!(serde_json::from_str::<Outcome>(&text).unwrap(), outcome);
}

#[test]
fn seed_and_run_choose_the_numbers() {
    let book = homogeneous(50, 1_000_003);
    let with = |change: fn(&mut Settings)| {
        let mut settings = settings(20_000, Copula::Gaussian, Method::Plain);
        change(&mut settings);
        run(
            &book,
            &risk::parameters::Parameters::parse(settings).unwrap(),
        )
        .levels[0]
            .es
    };
    let first = with(|_| ());
    assert_eq!(first, with(|_| ()));
    assert_ne!(first, with(|settings| settings.seed += 1));
    assert_ne!(first, with(|settings| settings.run.push('x')));
}
