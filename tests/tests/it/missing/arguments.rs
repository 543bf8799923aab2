use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::deployment::login;
use tests::fixture::Fixture;
use tests::sample_data::{COLLATERAL_AGENT, PLATFORM, USD_FACILITY, idempotency_key};

use super::{Fate, domain, fate, lacking};
use crate::collateral::secured_facility::SecuredFacility;
use crate::direct::{Direct, claim, quote, token};
use crate::endpoints::TABLE;
use crate::risk_runs::fixture::{held, profile, quick, record};
use crate::settlements::{escrowed, pending, proposal, verified};

/// Arguments that may be null, and members that a record may lack; and what that means.
const OPTIONAL: [(&str, &str, &str); 48] = [
    ("cancel_settlement", "_reason", "no reason is given"),
    (
        "create_risk_run",
        "_claim fingerprint",
        "the database computes it from the request",
    ),
    ("create_risk_run", "_request scenarios", "the default"),
    (
        "create_risk_run",
        "_result",
        "the book is asked for, and nothing recorded",
    ),
    ("create_settlement", "_expires_at", "it does not expire"),
    ("create_settlement", "_reference", "it has none"),
    ("create_settlement", "_uetr", "it has none"),
    ("get_facility_collateral", "_cursor_id", "the first page"),
    ("get_facility_collateral", "_page_size", "the largest page"),
    ("list_audit", "_cursor_id", "the first page"),
    ("list_audit", "_page_size", "the largest page"),
    ("list_facilities", "_cursor_id", "the first page"),
    ("list_facilities", "_page_size", "the largest page"),
    ("list_positions", "_as_of", "now"),
    ("list_positions", "_cursor_id", "the first page"),
    ("list_positions", "_page_size", "the largest page"),
    ("list_releases", "_cursor_id", "the first page"),
    ("list_releases", "_cursor_created_at", "the first page"),
    ("list_releases", "_facility_id", "no such filter"),
    ("list_releases", "_page_size", "the largest page"),
    ("list_releases", "_statuses", "no such filter"),
    ("list_risk_runs", "_cursor_created_at", "the first page"),
    ("list_risk_runs", "_cursor_id", "the first page"),
    ("list_risk_runs", "_page_size", "the largest page"),
    ("list_settlements", "_created_after", "no such filter"),
    ("list_settlements", "_created_before", "no such filter"),
    ("list_settlements", "_created_by", "no such filter"),
    ("list_settlements", "_currency", "no such filter"),
    ("list_settlements", "_cursor_at", "the first page"),
    ("list_settlements", "_cursor_id", "the first page"),
    ("list_settlements", "_facility_id", "no such filter"),
    ("list_settlements", "_not_created_by", "no such filter"),
    ("list_settlements", "_page_size", "the largest page"),
    ("list_settlements", "_reference", "no such filter"),
    ("list_settlements", "_statuses", "no such filter"),
    ("list_settlements", "_uetr", "no such filter"),
    ("list_settlements", "_updated_after", "the newest first"),
    ("list_settlements", "_value_date", "no such filter"),
    ("list_warnings", "_cursor_id", "the first page"),
    ("list_warnings", "_cursor_opened_at", "the first page"),
    ("list_warnings", "_facility_id", "no such filter"),
    ("list_warnings", "_kinds", "no such filter"),
    ("list_warnings", "_page_size", "the largest page"),
    ("list_warnings", "_statuses", "no such filter"),
    ("next_secured_facility", "_after_facility_id", "the first"),
    ("reconcile_books", "_after_id", "from the first on"),
    ("request_release", "_amendment", "a termination has none"),
    ("request_release", "_pledge_ids", "a termination names none"),
];

#[test]
fn a_call_without_one_of_its_arguments_is_not_accepted() -> Result<()> {
    let fixture = Fixture::new()?;
    let calls = Calls::new(&fixture)?;
    let before = domain(&fixture)?;
    let mut direct = Direct::new(&fixture);
    let mut taken = BTreeSet::new();
    for (function, arguments) in catalogue(&fixture)? {
        let owner = owner(&function)?;
        let call = |arguments: &[String]| {
            format!(
                "select outcome, status, refusal, body from gateway.{function}({})",
                arguments.join(", ")
            )
        };
        let good = calls.good(&function)?;
        assert_eq!(good.len(), arguments.len(), "{function}");
        let session = direct.client(&owner)?;
        assert_eq!(fate(session, &call(&good))?, Fate::Taken, "{function}");
        for (place, argument) in arguments.iter().enumerate() {
            let mut less = calls.good(&function)?;
            "null".clone_into(&mut less[place]);
            if fate(session, &call(&less))? == Fate::Taken {
                taken.insert((function.clone(), argument.clone()));
            }
            // A claim, settings or another record, without each of its members.
            let good = calls.good(&function)?;
            let Some(record) = read_object(&good[place]) else {
                continue;
            };
            for (name, absent) in record
                .as_object()
                .into_iter()
                .flatten()
                .flat_map(|(name, _)| [(name, true), (name, false)])
            {
                // Events have a test of their own.
                if argument == "_data" {
                    continue;
                }
                let mut less = calls.good(&function)?;
                let record = read_object(&less[place]).context("a record")?;
                less[place] = quote(&lacking(&record, &format!("/{name}"), absent).to_string());
                if fate(session, &call(&less))? == Fate::Taken {
                    taken.insert((function.clone(), format!("{argument} {name}")));
                }
            }
        }
    }
    let optional: BTreeSet<_> = OPTIONAL
        .iter()
        .map(|(function, argument, _)| ((*function).to_owned(), (*argument).to_owned()))
        .collect();
    assert_eq!(taken, optional);
    assert_eq!(domain(&fixture)?, before);
    Ok(())
}

/// A text literal that is a JSON object.
fn read_object(sql: &str) -> Option<Value> {
    let text = sql.strip_prefix('\'')?.strip_suffix('\'')?;
    let value: Value = serde_json::from_str(&text.replace("''", "'")).ok()?;
    value.is_object().then_some(value)
}

/// Each gateway function with the names of its arguments.
fn catalogue(fixture: &Fixture) -> Result<BTreeMap<String, Vec<String>>> {
    let rows = fixture.admin()?.query(
        "select proname::text, coalesce(proargnames, '{}')::text[] from pg_proc
         where pronamespace = 'gateway'::regnamespace",
        &[],
    )?;
    let all: BTreeMap<_, _> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    ensure!(all.len() >= TABLE.functions.len(), "too few functions");
    Ok(all)
}

/// The function whose login calls this gateway function.
fn owner(gateway_function: &str) -> Result<String> {
    let sorted = TABLE.sorted();
    let function = sorted.iter().find(|function| {
        let own = function.gateway_functions();
        own.iter().any(|own| login(own) == gateway_function)
    });
    Ok(function.context(gateway_function.to_owned())?.name.clone())
}

/// What calls that are accepted refer to.
struct Calls<'a> {
    fixture: &'a Fixture,
    facility: SecuredFacility<'a>,
    release: Value,
    pending: String,
    verified: String,
    escrowed: String,
    run: String,
    client_key: String,
    commitment: String,
    keys: String,
    root: String,
    size: i64,
    sealed: i64,
}

impl<'a> Calls<'a> {
    fn new(fixture: &'a Fixture) -> Result<Self> {
        let facility = SecuredFacility::good(fixture, &[1_000])?;
        let release = facility.requested(&facility.release(&facility.pledged))?;
        record(fixture, "facility.risk_updated", &profile(USD_FACILITY.id))?;
        held(fixture, 1_000)?;
        let run = crate::risk_runs::fixture::ran(fixture)?;
        let client_key = idempotency_key();
        fixture
            .person("alice")
            .post("/v1/settlements", &client_key, &proposal(100))?;
        let sealed = fixture.seal()?;
        let (pending, verified) = (pending(fixture, 100)?, verified(fixture, 100)?);
        let escrowed = escrowed(fixture, 100)?;
        fixture.function("sequence-tlog")?.call(&Value::Null)?;
        let mut admin = fixture.admin_as_login()?;
        let row = admin.query_one(
            r"select tlog.size(), '\x' || encode(tlog.root(tlog.size()), 'hex'),
                (select '\x' || encode(e.key, 'hex') from tlog.entry as e
                 join ledger.commitment_outcome as o on o.key = e.key
                 where o.allocator_id = $1 and e.index < $2 limit 1),
                (select jsonb_agg(jsonb_build_object('kid', k.kid, 'algorithm', k.algorithm,
                    'x', encode(k.x, 'hex'), 'y', encode(k.y, 'hex')))::text from auth.signing_key as k)",
            &[&facility.terms.lead, &i64::try_from(sealed)?],
        )?;
        Ok(Self {
            fixture,
            release,
            pending,
            verified,
            escrowed,
            client_key,
            run: run["id"].as_str().context("an id")?.to_owned(),
            size: row.get(0),
            root: row.get(1),
            commitment: row.get(2),
            keys: row.get(3),
            sealed: sealed.try_into()?,
            facility,
        })
    }

    /// The SQL of all arguments of a call that is accepted, under a key of its own.
    fn good(&self, function: &str) -> Result<Vec<String>> {
        let fixture = self.fixture;
        let text = |text: &str| quote(text);
        let one = |person: &str, rest: &[String]| -> Result<Vec<String>> {
            Ok([&[token(fixture, person)?], rest].concat())
        };
        let claimed = || claim(&idempotency_key(), "");
        let mutation = |person: &str, rest: &[String]| one(person, &[&[claimed()], rest].concat());
        let event = |agent: &str, kind: &str, data: &Value| {
            vec![text(agent), claimed(), text(kind), text(&data.to_string())]
        };
        let report = |id: &str| {
            let facility = USD_FACILITY.id;
            json!({"settlement_id": id, "facility_id": facility, "amount_minor": "100", "currency": "USD"})
        };
        let secured = text(&self.facility.terms.facility.to_string());
        let null = || "null".to_owned();
        let number = |number: i64| number.to_string();
        Ok(match function {
            "create_settlement" => mutation(
                "alice",
                &[
                    text(&USD_FACILITY.id.to_string()),
                    number(100),
                    text("USD"),
                    text("2099-01-02"),
                    text("0f6c2b9e-8d41-4a77-b5e3-92c1d07f4a36"),
                    text("reference"),
                    text("2098-01-02T00:00:00Z"),
                ],
            )?,
            "verify_settlement" => mutation("bob", &[text(&self.pending)])?,
            "cancel_settlement" => mutation("alice", &[text(&self.pending), text("why")])?,
            "request_release" => mutation(
                self.facility.maker,
                &[
                    secured,
                    text("termination"),
                    text(&self.facility.filing.to_string()),
                    text("{}"),
                    null(),
                    text("paid"),
                ],
            )?,
            "approve_release" => {
                let hash = self.release["content_sha256"].as_str().context("a hash")?;
                let id = self.release["id"].as_str().context("an id")?;
                mutation(
                    self.facility.checker,
                    &[text(id), text(&format!(r"\x{hash}"))],
                )?
            }
            "create_risk_run" => {
                // Results of another book: they are not recorded, and the book is answered again.
                mutation("carol", &[text(&quick().to_string()), text("[]")])?
            }
            "escrow_webhook" => event("escrow-one", "escrow.funded", &report(&self.verified)),
            "settlement_webhook" => event(
                "settle-one",
                "settlement.completed",
                &report(&self.escrowed),
            ),
            "collateral_webhook" => {
                let search = self.facility.terms.search(self.facility.day(-1));
                event(COLLATERAL_AGENT, search.kind, &search.data)
            }
            "platform_webhook" => {
                let agent = json!({"agent_id": "escrow-two", "kind": "escrow", "name": "Second"});
                event(PLATFORM, "agent.registered", &agent)
            }
            "get_checkpoint" | "get_me" => one("alice", &[])?,
            "get_commitment" | "get_commitment_proof" => one("alice", &[text(&self.commitment)])?,
            "find_commitment" => one(
                "alice",
                &[text("create-settlement"), text(""), text(&self.client_key)],
            )?,
            "get_facility" => one("alice", &[secured])?,
            "get_facility_collateral" => one("alice", &[secured, number(10), null()])?,
            "get_filing" => one("alice", &[secured, text(&self.facility.filing.to_string())])?,
            "get_release" => {
                let id = self.release["id"].as_str().context("an id")?;
                one("alice", &[text(id)])?
            }
            "get_settlement" | "get_verification" => one("alice", &[text(&self.pending)])?,
            "get_risk_chart" | "get_risk_run" => one("carol", &[text(&self.run)])?,
            list if list.starts_with("list_") => one("alice", &Self::page(list))?,
            _ => self.job(function)?,
        })
    }

    /// The first page of a list, whatever its filters.
    fn page(function: &str) -> Vec<String> {
        let ten = || "10".to_owned();
        let nulls = |count| std::iter::repeat_n("null".to_owned(), count);
        match function {
            "list_positions" => ["null".to_owned(), ten()]
                .into_iter()
                .chain(nulls(1))
                .collect(),
            "list_warnings" => {
                let open = [quote("{open}")];
                let before = std::iter::once(ten()).chain(nulls(2));
                before.chain(open).chain(nulls(2)).collect()
            }
            _ => {
                let others = match function {
                    "list_audit" | "list_facilities" => 1,
                    "list_risk_runs" => 2,
                    "list_releases" => 4,
                    _ => 13,
                };
                std::iter::once(ten()).chain(nulls(others)).collect()
            }
        }
    }

    fn job(&self, function: &str) -> Result<Vec<String>> {
        let Self { sealed, size, .. } = self;
        let text = |text: &str| quote(text);
        let number = |number: i64| number.to_string();
        Ok(match function {
            "expire_settlements" => vec![text("attempt"), number(10)],
            "prune_tokens" | "sequence_tlog" => vec![number(10)],
            "reconcile_books" => vec![text("allocators"), "null".to_owned(), number(10)],
            "next_secured_facility" => vec!["null".to_owned()],
            "monitor_facility" => vec![
                text("attempt"),
                text(&self.facility.terms.facility.to_string()),
            ],
            "sync_jwks" => vec![text("attempt"), text(&self.keys)],
            "retire_key" => vec![
                text("attempt"),
                text(&format!(r"\x{}", "ab".repeat(32))),
                text("operator"),
            ],
            "watch_database" => Vec::new(),
            "migrate" => {
                let settings = json!({
                    "issuer": "https://other.example/auth/v1", "audience": "a", "client_ids": [],
                    "platform_agent_id": PLATFORM,
                });
                vec![text("attempt"), text(&settings.to_string())]
            }
            "next_entries" => vec![number(0), number(10)],
            "record_checkpoint" => vec![number(*size), text(&self.root), text("note")],
            "next_anchor" => vec![number(1)],
            "record_anchor_transaction" => {
                let transaction = json!({
                    "size": sealed.to_string(), "address": format!("0x{}", "ab".repeat(20)), "nonce": "0",
                    "transaction_hash": format!("0x{}", "cd".repeat(32)), "raw_transaction": "0x01",
                });
                vec![number(1), text(&transaction.to_string())]
            }
            "record_anchor" => {
                let anchor = json!({
                    "transaction_hash": format!("0x{}", "cd".repeat(32)), "block_number": "7",
                    "block_hash": format!("0x{}", "ef".repeat(32)),
                });
                vec![number(1), text(&anchor.to_string())]
            }
            other => anyhow::bail!("{other} is new: say how to call it"),
        })
    }
}
