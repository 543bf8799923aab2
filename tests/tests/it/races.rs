//! Two who want the same at once: one gets it, the other is refused and the ledger says so.

use anyhow::{Context as _, Result};
use postgres::Client;
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::http::{Request, Response, Transport as _};
use tests::sample_data::{AURORA, BOREALIS, PLATFORM, delivery};
use uuid::Uuid;

use crate::mutations::{agent, human, scale};
use crate::settlements::{
    AMOUNT, admission, escrowed, facility, of, pending, proposal, propose, report, verified,
};
use crate::support::{assert_books, count, recorded_refusal, together};

/// Rounds of each race, since the winner is random.
const ROUNDS: usize = 6;

type Start = fn(&Fixture, u64) -> Result<String>;
type Contenders = fn(&Fixture, &str) -> [Request; 2];

/// Races in which the loser is always refused.
const RACES: [(&str, Start, Contenders); 7] = [
    ("two checkers verify", pending, |fixture, id| {
        [
            act(fixture, "bob", id, "verify"),
            act(fixture, "dave", id, "verify"),
        ]
    }),
    (
        "a checker verifies twice with two keys",
        pending,
        |fixture, id| {
            [
                act(fixture, "bob", id, "verify"),
                act(fixture, "bob", id, "verify"),
            ]
        },
    ),
    ("two cancel", verified, |fixture, id| {
        [
            act(fixture, "alice", id, "cancel"),
            act(fixture, "dave", id, "cancel"),
        ]
    }),
    ("escrow against cancel", verified, |fixture, id| {
        [
            tell(fixture, "escrow-one", "escrow.funded", id),
            act(fixture, "alice", id, "cancel"),
        ]
    }),
    ("funded twice under two ids", verified, |fixture, id| {
        [
            tell(fixture, "escrow-one", "escrow.funded", id),
            tell(fixture, "escrow-one", "escrow.funded", id),
        ]
    }),
    ("funded against failed", verified, |fixture, id| {
        [
            tell(fixture, "escrow-one", "escrow.funded", id),
            tell(fixture, "escrow-one", "escrow.failed", id),
        ]
    }),
    ("completed against failed", escrowed, |fixture, id| {
        [
            tell(fixture, "settle-one", "settlement.completed", id),
            tell(fixture, "settle-one", "settlement.failed", id),
        ]
    }),
];

pub(crate) fn act(fixture: &Fixture, person: &str, id: &str, action: &str) -> Request {
    human(fixture, "", person, &of(id, action), &Value::Null).request
}

fn tell(fixture: &Fixture, who: &str, kind: &str, id: &str) -> Request {
    agent(fixture, "", who, &report(kind, id, AMOUNT)).request
}

#[test]
fn of_two_steps_at_once_one_wins_and_the_other_is_a_recorded_refusal() -> Result<()> {
    let fixture = Fixture::new()?;
    scale(&fixture, 2, 4)?;
    let mut admin = fixture.admin()?;
    for (name, start, contenders) in RACES {
        for _ in 0..ROUNDS {
            let requests = contenders(&fixture, &start(&fixture, AMOUNT)?);
            let answers = together(2, |number| fixture.send(&requests[number]))?;
            let won = answers.iter().filter(|answer| answer.status == 200).count();
            assert_eq!(won, 1, "{name}: {:?}", texts(&answers));
            let lost = answers
                .iter()
                .find(|answer| answer.status != 200)
                .context("nobody lost")?;
            assert_refused(name, lost, "illegal-transition", &mut admin)?;
        }
    }
    assert_books(&mut admin)
}

#[test]
fn a_cancellation_beside_a_verification_always_ends_cancelled() -> Result<()> {
    let fixture = Fixture::new()?;
    scale(&fixture, 2, 4)?;
    let mut admin = fixture.admin()?;
    for _ in 0..ROUNDS {
        let id = pending(&fixture, AMOUNT)?;
        let requests = [
            act(&fixture, "bob", &id, "verify"),
            act(&fixture, "alice", &id, "cancel"),
        ];
        let answers = together(2, |number| fixture.send(&requests[number]))?;
        // VERIFIED can be cancelled too, so the cancellation wins whether it comes first or second.
        assert_eq!(answers[1].status, 200, "{:?}", texts(&answers));
        assert_eq!(answers[1].json()["status"], "CANCELLED");
        if answers[0].status != 200 {
            assert_refused("verify", &answers[0], "illegal-transition", &mut admin)?;
        }
    }
    assert_books(&mut admin)
}

#[test]
fn the_last_capital_is_not_reserved_twice() -> Result<()> {
    let fixture = Fixture::new()?;
    scale(&fixture, 2, 8)?;
    let mut admin = fixture.admin()?;
    // 10,000,000.00 are available: three of these eight, or two and a withdrawal of half.
    let ids = (0..8)
        .map(|_| pending(&fixture, 300_000_000))
        .collect::<Result<Vec<_>>>()?;
    let withdrawal = json!({
        "allocator_id": AURORA.id.to_string(), "amount_minor": "300000000", "currency": "USD", "reference": "out",
    });
    let mut requests: Vec<_> = ids
        .iter()
        .map(|id| act(&fixture, "bob", id, "verify"))
        .collect();
    requests.extend((0..2).map(|_| {
        agent(
            &fixture,
            "",
            PLATFORM,
            &delivery("capital.withdrawn", &withdrawal),
        )
        .request
    }));
    let answers = together(requests.len(), |number| fixture.send(&requests[number]))?;
    assert_won("capital", &answers, 3, "insufficient-capital", &mut admin)?;
    assert_eq!(
        count(
            &mut admin,
            &format!(
                "select balance_minor from capital.account
                where kind = 'available' and currency = 'USD' and allocator_id = '{}'",
                AURORA.id
            )
        )?,
        100_000_000
    );
    assert_books(&mut admin)
}

#[test]
fn the_last_room_of_a_facility_is_not_utilised_twice() -> Result<()> {
    let fixture = Fixture::new()?;
    scale(&fixture, 2, 8)?;
    let mut admin = fixture.admin()?;
    let id = Uuid::new_v4().to_string();
    let opened = fixture
        .agent(PLATFORM)
        .deliver(&delivery("facility.opened", &facility(&id, 100)))?;
    assert_eq!(opened.status, 200, "{}", opened.text());
    for allocator in [AURORA, BOREALIS] {
        let admitted = fixture
            .agent(PLATFORM)
            .deliver(&delivery("facility.admitted", &admission(&id, allocator)))?;
        assert_eq!(admitted.status, 200, "{}", admitted.text());
    }
    let eyes = Uuid::new_v4();
    let granted = json!({
        "allocator_id": tests::sample_data::BOREALIS.id.to_string(), "sub": eyes.to_string(), "role": "checker",
    });
    assert_eq!(
        fixture
            .agent(PLATFORM)
            .deliver(&delivery("member.granted", &granted))?
            .status,
        200
    );
    let mut body = proposal(30);
    body["facility_id"] = json!(id);
    let mut requests = Vec::new();
    for _ in 0..4 {
        requests.push(act(
            &fixture,
            "bob",
            &propose(&fixture, "alice", &body)?,
            "verify",
        ));
        let theirs = propose(&fixture, "mallory", &body)?;
        let token = fixture.issuer().minter().token(eyes, "eve");
        requests.push(
            Request::new("POST", &of(&theirs, "verify"))
                .header("authorization", &format!("Bearer {token}"))
                .header("idempotency-key", &tests::sample_data::idempotency_key()),
        );
    }
    let answers = together(requests.len(), |number| fixture.send(&requests[number]))?;
    assert_won("room", &answers, 3, "facility-limit", &mut admin)?;
    for problem in answers.iter().filter(|answer| answer.status == 409) {
        let problem = problem.json();
        assert_eq!(
            (&problem["room_minor"], &problem["required_minor"]),
            (&json!("10"), &json!("30"))
        );
    }
    assert_books(&mut admin)
}

#[test]
fn the_same_new_thing_delivered_twice_at_once_is_created_once() -> Result<()> {
    let fixture = Fixture::new()?;
    scale(&fixture, 2, 8)?;
    let mut admin = fixture.admin()?;
    let [allocator, sub, room] = [(); 3].map(|()| Uuid::new_v4().to_string());
    for (kind, data) in [
        (
            "allocator.onboarded",
            json!({ "allocator_id": allocator, "legal_name": "Cirrus" }),
        ),
        (
            "member.granted",
            json!({ "allocator_id": allocator, "sub": sub, "role": "maker" }),
        ),
        (
            "agent.registered",
            json!({ "agent_id": "escrow-two", "kind": "escrow", "name": "Second" }),
        ),
        ("facility.opened", facility(&room, 100)),
        ("facility.admitted", admission(&room, AURORA)),
    ] {
        // Eight deliveries of eight names: not duplicates, but all of the same thing.
        let requests: Vec<_> = (0..8)
            .map(|_| agent(&fixture, "", PLATFORM, &delivery(kind, &data)).request)
            .collect();
        let answers = together(8, |number| fixture.send(&requests[number]))?;
        assert_won(kind, &answers, 1, "already-exists", &mut admin)?;
    }
    // The first deposit in a currency opens the accounts: eight first ones open them once.
    let deposit = json!({ "allocator_id": allocator, "amount_minor": "5", "currency": "JPY", "reference": "first" });
    let requests: Vec<_> = (0..8)
        .map(|_| {
            agent(
                &fixture,
                "",
                PLATFORM,
                &delivery("capital.deposited", &deposit),
            )
            .request
        })
        .collect();
    let answers = together(8, |number| fixture.send(&requests[number]))?;
    assert_won("deposit", &answers, 8, "none", &mut admin)?;
    let uetr = Uuid::new_v4().to_string();
    let mut body = proposal(AMOUNT);
    body["uetr"] = json!(uetr);
    let requests: Vec<_> = (0..8)
        .map(|_| human(&fixture, "", "alice", "/v1/settlements", &body).request)
        .collect();
    let answers = together(8, |number| fixture.send(&requests[number]))?;
    assert_won("uetr", &answers, 1, "uetr-in-use", &mut admin)?;
    assert_books(&mut admin)
}

#[test]
fn of_64_requests_for_one_account_every_one_succeeds() -> Result<()> {
    let fixture = Fixture::new()?;
    scale(&fixture, 2, 16)?;
    let ids = together(64, |_| pending(&fixture, AMOUNT))?;
    let requests: Vec<_> = ids
        .iter()
        .map(|id| act(&fixture, "bob", id, "verify"))
        .collect();
    let answers = together(requests.len(), |number| fixture.send(&requests[number]))?;
    let mut admin = fixture.admin()?;
    assert_won("turns", &answers, 64, "none", &mut admin)?;
    assert_books(&mut admin)
}

fn assert_won(
    name: &str,
    answers: &[Response],
    winners: usize,
    refusal: &str,
    admin: &mut Client,
) -> Result<()> {
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status < 300);
    assert_eq!(won.len(), winners, "{name}: {:?}", texts(answers));
    lost.iter()
        .try_for_each(|lost| assert_refused(name, lost, refusal, admin))
}

/// The refusal was said, and the ledger has it word for word.
fn assert_refused(name: &str, answer: &Response, refusal: &str, admin: &mut Client) -> Result<()> {
    let mut body = answer.json();
    assert_eq!(
        body["type"],
        format!("urn:optkas:problem:{refusal}"),
        "{name}: {body}"
    );
    let key = body["commitment"]["id"].as_str().unwrap_or_default();
    let recorded = recorded_refusal(admin, key)?;
    body.as_object_mut()
        .context("no object")?
        .remove("request_id");
    assert_eq!(recorded, body, "{name}");
    Ok(())
}

fn texts(answers: &[Response]) -> Vec<String> {
    answers.iter().map(Response::text).collect()
}
