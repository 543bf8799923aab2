//! The same bits on any number of threads, optimised or not. The hashes below were computed once and hold everywhere.

use risk::{
    input::Portfolio,
    outcome::{Difference, Outcome},
    parameters::{Copula, Method, Settings},
    recompute::{Verdict, verify},
    run,
    snapshot::{Digest, Snapshot},
};

use crate::books::{everything, everything_on, homogeneous, parameters, settings};

fn on(threads: usize, book: &Portfolio, copula: Copula, method: Method) -> Outcome {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap();
    let scenarios = match method {
        Method::Sobol => 160_000,
        Method::Importance => 20_000,
        Method::Plain | Method::Exact => 100_000,
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
        "43d2938738aade606b8732f77902e4b22fd09ed67e935f7a998a497f8474db5f",
        "88820b9595803d8949aa7d3685f0aaabed6d96b46f8421fb94e28ff3b1a9cace",
        "e9723c168baa80a43ddc62bf619088f88d0402656166b366d9cf887ef9fb7f9a",
        "ae6c4c306efeac1d5caa149dc5379d43995fb9bd38ac4ef1ef4d93db0c779c27",
        "5d8aaf5ca130dc737de17fa1721f50005235b2471669f2141eb1985959450789",
    ];
    let exact_pinned = "0fdd07a3f458d8fddf7391830e35a9f25d4f10b34e57adb04c607407aa46eb0d";
    let book = everything(300);
    let one_factor = everything_on(150, &[0.5]);
    for threads in [1, 2, 7] {
        let hashes = kinds.map(|(copula, method)| hash(&on(threads, &book, copula, method)));
        assert_eq!(hashes, pinned, "{threads} threads");
        let exact = on(threads, &one_factor, Copula::Gaussian, Method::Exact);
        assert_eq!(exact.method, Method::Exact);
        assert_eq!(hash(&exact), exact_pinned, "{threads} threads");
    }
}

#[test]
fn the_auditor_finds_the_same_and_says_where_not() {
    let book = everything(50);
    let mut recorded = run(&book, &parameters(100_000, T, Method::Plain));
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
        &parameters(100_000, Copula::Gaussian, Method::Plain),
    );
    let text = serde_json::to_string(&outcome).unwrap();
    assert_eq!(serde_json::from_str::<Outcome>(&text).unwrap(), outcome);
}

#[test]
fn seed_and_run_choose_the_numbers() {
    let book = homogeneous(50, 1_000_003);
    let with = |change: fn(&mut Settings)| {
        let mut settings = settings(100_000, Copula::Gaussian, Method::Plain);
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
