//! SQL without the function in front: calls of gateway functions as their own logins, as a compromised function could
//! make them, and other statements with the barrier that stopped each.

use std::collections::HashMap;

use anyhow::{Context, Result};
use postgres::{Client, Error, SimpleQueryMessage};
use serde_json::{Value, json};
use tests::deployment::login;
use tests::fixture::Fixture;
use tests::sample_data::{BOREALIS, PLATFORM, Person, find_person, idempotency_key};
use tests::secrets::hex;
use uuid::{Uuid, uuid};

/// A second checker for mallory's allocator; a test that needs her lets the platform grant her the role.
pub(crate) const ERIN: Person = Person {
    name: "erin",
    display_name: "Erin Walsh",
    sub: uuid!("b1000000-0000-4000-8000-000000000002"),
    allocator: BOREALIS,
    roles: &["checker"],
};

/// The answer of a gateway function.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) outcome: String,
    pub(crate) status: Option<u16>,
    pub(crate) refusal: Option<String>,
    pub(crate) body: Value,
}

impl Reply {
    /// The outcome, and the name of the refusal if it is one: `accepted`, `refused four-eyes`.
    pub(crate) fn name(&self) -> String {
        let refusal = self.refusal.as_deref().unwrap_or_default();
        format!("{} {refusal}", self.outcome).trim_end().to_owned()
    }
}

/// The logins of the functions, connected when first needed.
pub(crate) struct Direct<'a> {
    fixture: &'a Fixture,
    clients: HashMap<String, Client>,
}

impl<'a> Direct<'a> {
    pub(crate) fn new(fixture: &'a Fixture) -> Self {
        Self {
            fixture,
            clients: HashMap::new(),
        }
    }

    /// The session of a function's login.
    pub(crate) fn client(&mut self, function: &str) -> Result<&mut Client> {
        if !self.clients.contains_key(function) {
            self.clients
                .insert(function.to_owned(), self.fixture.login(function)?);
        }
        self.clients.get_mut(function).context("just inserted")
    }

    /// Calls the gateway function of that name as its login.
    pub(crate) fn call(&mut self, function: &str, arguments: &str) -> Result<Reply> {
        let sql = call(function, arguments);
        let rows = self.client(function)?.simple_query(&sql)?;
        read(&rows)
    }

    /// A person's mutation under a client key; `rest` is the SQL of the last arguments.
    pub(crate) fn human(
        &mut self,
        function: &str,
        person: &str,
        key: &str,
        rest: &str,
    ) -> Result<Reply> {
        let arguments = human_arguments(self.fixture, person, key, rest)?;
        self.call(function, &arguments)
    }

    /// A person's question.
    pub(crate) fn read(&mut self, function: &str, person: &str, rest: &str) -> Result<Reply> {
        let arguments = format!("{}, {rest}", token(self.fixture, person)?);
        self.call(function, &arguments)
    }

    /// An agent's delivery; `rest` is the SQL of the last arguments.
    pub(crate) fn agent(
        &mut self,
        function: &str,
        agent: &str,
        delivery: &str,
        rest: &str,
    ) -> Result<Reply> {
        let claim = claim(delivery, rest);
        self.call(function, &format!("'{agent}', {claim}, {rest}"))
    }

    /// A delivery of the platform.
    pub(crate) fn platform(&mut self, delivery: &str, kind: &str, data: &Value) -> Result<Reply> {
        let rest = format!("'{kind}', {}", quote(&data.to_string()));
        self.agent("platform-webhook", PLATFORM, delivery, &rest)
    }

    /// A report of an agent on a settlement: of success if it names an amount and a currency.
    pub(crate) fn report(
        &mut self,
        function: &str,
        agent: &str,
        kind: &str,
        settlement: &str,
        facility: Uuid,
        amount: Option<(i64, &str)>,
    ) -> Result<Reply> {
        let data = json!({
            "settlement_id": settlement,
            "facility_id": facility,
            "amount_minor": amount.map(|(amount, _)| amount.to_string()),
            "currency": amount.map(|(_, currency)| currency),
            "reason": amount.is_none().then_some("no funds"),
        });
        let rest = format!("'{kind}', {}", quote(&data.to_string()));
        self.agent(function, agent, &idempotency_key(), &rest)
    }
}

/// The call of a gateway function.
pub(crate) fn call(function: &str, arguments: &str) -> String {
    format!(
        "select outcome, status, refusal, body from gateway.{}({arguments})",
        login(function)
    )
}

/// All arguments of a person's mutation.
pub(crate) fn human_arguments(
    fixture: &Fixture,
    person: &str,
    key: &str,
    rest: &str,
) -> Result<String> {
    let token = token(fixture, person)?;
    Ok(format!("{token}, {}, {rest}", claim(key, rest)))
}

/// A claim, as SQL; the arguments stand for the body.
pub(crate) fn claim(client_key: &str, body: &str) -> String {
    let fingerprint = ring::digest::digest(&ring::digest::SHA256, body.as_bytes());
    let claim = json!({
        "attempt": Uuid::new_v4(),
        "client_key": client_key,
        "fingerprint": hex(fingerprint.as_ref()),
    });
    quote(&claim.to_string())
}

fn somebody(name: &str) -> Result<Person> {
    if name == ERIN.name {
        Ok(ERIN)
    } else {
        find_person(name)
    }
}

/// A fresh token of that person, as SQL.
pub(crate) fn token(fixture: &Fixture, person: &str) -> Result<String> {
    Ok(quote(
        &fixture
            .issuer()
            .minter()
            .token(somebody(person)?.sub, person),
    ))
}

/// Wraps the owner's own statements so that they leave a commitment in this person's name.
pub(crate) fn committed(fixture: &Fixture, person: &str, statements: &str) -> Result<String> {
    let (token, claim) = (token(fixture, person)?, claim(&idempotency_key(), ""));
    Ok(format!(
        "select auth.authenticate_member({token});
        select ledger.claim('', {claim});
        {statements};
        select ledger.conclude('accepted', 200, auth.allocator_id(), '{{}}')"
    ))
}

/// The reply in the rows of a call.
pub(crate) fn read(rows: &[SimpleQueryMessage]) -> Result<Reply> {
    let row = rows
        .iter()
        .find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        })
        .context("a gateway function returns one row")?;
    let column = |name| row.get(name).context("a gateway function returns no null");
    Ok(Reply {
        outcome: column("outcome")?.to_owned(),
        status: row.get("status").map(str::parse).transpose()?,
        refusal: row.get("refusal").map(str::to_owned),
        body: serde_json::from_str(column("body")?)?,
    })
}

/// A text as an SQL literal.
pub(crate) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The barrier that stopped a statement: the SQLSTATE with the constraint's name or else the message; `nothing` if the
/// statement succeeded.
pub(crate) fn barrier<T>(result: Result<T, Error>) -> String {
    let Err(error) = result else {
        return "nothing".to_owned();
    };
    error.as_db_error().map_or_else(
        || error.to_string(),
        |error| {
            format!(
                "{} {}",
                error.code().code(),
                error.constraint().unwrap_or_else(|| error.message())
            )
        },
    )
}

/// Runs statements as one transaction and tries to commit it; returns the barrier that stopped it.
pub(crate) fn attempt(client: &mut Client, statements: &str) -> Result<String> {
    let result = client.batch_execute(&format!(
        "begin isolation level serializable; {statements}; commit"
    ));
    client.batch_execute("rollback")?;
    Ok(barrier(result))
}
