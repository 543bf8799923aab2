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
        "df36346d4636ed0f0ff4f29fd534d24b9e9de84e6863e8b3e6df39d0b0d94d70",
        "daf55900c0801f6a4bfadebfe39ad85fd85dc53d26ff164d7e54210560d98479",
        "02d8d8dc002612ed897a031367720b574dd6d4275c84e4c22e58d0556ba3dc59",
        "ada074ed363a01dfb678adbef7e1676ba44674e5764233c89c9a161bdfdcbbac",
        "c0553fd01bdd3792e22bfd1ad3b671ef6f4f5395efbccf9c419a8332b929f569",
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
