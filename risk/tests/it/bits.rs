//! The same bits on any number of threads, optimised or not: the hashes below were made once and hold everywhere.

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
        "e07fb3e2c58fe976e4da8f9da16626b65f8424e0a667c0745fa15486c82101d7",
        "25f56d04a3b16e17d58f2b371671e1683fc808612b3a7c7058a9fd5ad466ee7e",
        "7018d6f161f7c5c43ae702e76ff5f901676d29da2a27c1388291a9cde0915280",
        "e2234484bcb3046549949117532a4d84cdaa38800669dfbe005e684d067710f5",
        "41dbc0ebb29c4bbf3a55ad8808bef78511baea85f04c886fa9c607a172ea6c15",
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
    assert_eq!(recorded.snapshot, snapshot.digest());
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
