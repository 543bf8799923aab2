//! What `up` prints once the stack runs.

use std::path::Path;

use tests::sample_data::PEOPLE;
use tests::stack::{Kept, Stack};

use super::lines::Lines;

/// Prints where everything is, who there is, and what to try.
pub(super) fn explain(
    stack: &Stack,
    folder: &str,
    name: &str,
    policy: &Path,
) -> anyhow::Result<()> {
    let gateway = stack.gateway().url();
    println!();
    println!("The gateway listens on   {gateway}");
    println!("Everything about it is in {folder}/stack.json");
    println!("The cause of a 401 or a 500 is in {folder}/gateway.log, by the reply's request_id");
    println!("Pages of http://localhost and http://127.0.0.1, on any port, may call it (CORS)");
    let lines = Lines {
        gateway: &gateway,
        name,
        folder,
    };
    let first = match &stack.trust().issuer {
        issuer if stack.has_issuer() => {
            introduce_people(issuer, &Kept::load(stack.folder())?);
            lines.people()
        }
        issuer => {
            introduce_issuer(issuer);
            lines.grants()
        }
    };
    println!();
    println!("Try, in one shell, from top to bottom:");
    print(&[first, lines.life()].concat());
    println!();
    println!("More, in the same shell:");
    print(&lines.more());
    println!();
    println!("The log is signed and published by itself; a receipt takes seconds. As an auditor:");
    println!(
        "  cargo run -p auditor -- verify log {} --policy {}",
        stack.log_url(),
        policy.display()
    );
    println!();
    println!("Ctrl-C stops everything; the data is kept for the next time (--fresh starts over).");
    Ok(())
}

fn introduce_people(issuer: &str, kept: &Kept) {
    println!();
    println!("People (cargo xtask token <name>):");
    for person in PEOPLE {
        println!(
            "  {:<8} {:<16} of {:<20} {}@example.com, password {}",
            person.name,
            person.roles.join(", "),
            person.allocator.name,
            person.name,
            kept.password(person.name),
        );
    }
    println!("They sign in with supabase-js: createClient(URL, 'any'), where URL is");
    println!("  {}", issuer.trim_end_matches("/auth/v1"));
}

fn introduce_issuer(issuer: &str) {
    println!();
    println!("People are those of {issuer}; nobody is a member yet.");
    println!(
        "Each request fetches its key set. A key that is new there is registered within a minute of its"
    );
    println!("publication; Supabase's edge may serve the old set for ten minutes.");
    println!("Set TOKEN and CHECKER to the access tokens of two people who have signed in there:");
    println!("  (await supabase.auth.getSession()).data.session.access_token");
    println!("The first lines below make them a maker and a checker.");
}

fn print(lines: &[String]) {
    for line in lines {
        println!("  {line}");
    }
}
