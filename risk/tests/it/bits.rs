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
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| run(book, &parameters(40_000, copula, method)))
}

fn hash(outcome: &Outcome) -> String {
    Digest::of(serde_json::to_string(outcome).unwrap().as_bytes()).to_string()
}

const T: Copula = Copula::StudentT { degrees: 5 };

#[test]
fn bits_are_pinned_on_1_2_and_7_threads() {
    let pinned = [
        (Copula::Gaussian, Method::Plain, "PIN0"),
        (T, Method::Plain, "PIN1"),
        (Copula::Gaussian, Method::Sobol, "PIN2"),
        (Copula::Gaussian, Method::Importance, "PIN3"),
        (T, Method::Importance, "PIN4"),
    ];
    let book = everything(300);
    for (copula, method, pin) in pinned {
        for threads in [1, 2, 7] {
            assert_eq!(hash(&on(threads, &book, copula, method)), pin, "{copula:?} {method:?} {threads}");
        }
    }
}

#[test]
fn the_auditor_finds_the_same_and_says_where_not() {
    let book = everything(50);
    let mut recorded = run(&book, &parameters(5_000 * 4, T, Method::Plain));
    let snapshot = Snapshot::encode(&book);
    assert_eq!(recorded.snapshot, snapshot.digest());
    assert_eq!(verify(snapshot.as_bytes(), &recorded), Ok(Verdict::Equal));
    let es = recorded.levels[1].es.value_minor;
    recorded.levels[1].es.value_minor += 1;
    let Ok(Verdict::Differs(differences)) = verify(snapshot.as_bytes(), &recorded) else { panic!("equal") };
    let [Difference { what, recorded, recomputed }] = &differences[..] else { panic!("{differences:?}") };
    assert_eq!(what, "levels[1].es");
    assert!(recorded.starts_with(&format!("{} [", es + 1)) && recomputed.starts_with(&format!("{es} [")));
}

#[test]
fn outcomes_survive_json() {
    let outcome = run(&homogeneous(20, 1_000), &parameters(10_000, Copula::Gaussian, Method::Plain));
    let text = serde_json::to_string(&outcome).unwrap();
    assert_eq!(serde_json::from_str::<Outcome>(&text).unwrap(), outcome);
}

#[test]
fn seed_and_run_choose_the_numbers() {
    let book = homogeneous(50, 1_000_003);
    let with = |change: fn(&mut Settings)| {
        let mut settings = settings(20_000, Copula::Gaussian, Method::Plain);
        change(&mut settings);
        run(&book, &risk::parameters::Parameters::parse(settings).unwrap()).levels[0].es
    };
    let first = with(|_| ());
    assert_eq!(first, with(|_| ()));
    assert_ne!(first, with(|settings| settings.seed += 1));
    assert_ne!(first, with(|settings| settings.run.push('x')));
}
