//! What a reply names can be read by whoever got it: every path, every commitment, every page, each as documented.

use std::collections::{BTreeSet, VecDeque};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::http::{Request, Response, Transport as _};
use tests::sample_data::{AURORA, BOREALIS, PLATFORM, delivery};
use uuid::Uuid;

use super::jobs;
use super::openapi::OpenApi;
use super::schema::list;
use super::words::texts;
use crate::collateral::warnings;
use crate::expiry::expired;
use crate::mutations::{accepted, admission, refused};

/// Where a reader begins.
const LISTS: [&str; 9] = [
    "/v1/settlements?limit=100",
    "/v1/facilities?limit=100",
    "/v1/settlements?limit=5&updated_after=2020-01-01T00:00:00Z",
    "/v1/releases?limit=2",
    "/v1/warnings?limit=10&status=open&status=closed",
    "/v1/risk-runs?limit=100",
    "/v1/audit?limit=100",
    "/v1/positions?limit=1",
    "/v1/checkpoint",
];

struct Crawl<'a> {
    fixture: &'a Fixture,
    api: OpenApi,
    read: usize,
    operations: BTreeSet<String>,
    /// Of the warnings that were read.
    kinds: BTreeSet<String>,
    /// The lists of which a second page was read.
    turned: BTreeSet<String>,
}

#[test]
fn whatever_a_reply_names_can_be_read_by_whoever_got_it() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut crawl = Crawl {
        fixture: &fixture,
        api: OpenApi::load()?,
        read: 0,
        operations: BTreeSet::new(),
        kinds: BTreeSet::new(),
        turned: BTreeSet::new(),
    };
    let mut of_replies = Vec::new();
    for mutation in accepted(&fixture)?.into_iter().chain(refused(&fixture)?) {
        for request in [&mutation.request, &mutation.request] {
            let answer = fixture.send(request)?;
            // Agents have no route to read by.
            if let Some(token) = bearer(request) {
                of_replies.extend(
                    links("", &answer)
                        .into_iter()
                        .map(|link| (token.clone(), link)),
                );
            }
        }
    }
    // A lender who is not the lead sees the lead's facilities.
    let led = fixture.person("alice").get(LISTS[1])?.json();
    for facility in list(&led["data"]) {
        let id = facility["id"].as_str().context("an id")?;
        let admitted = delivery("facility.admitted", &admission(id, BOREALIS));
        fixture.agent(PLATFORM).deliver(&admitted)?;
    }
    warnings::opened_and_closed(&fixture)?;
    expired(&fixture)?;
    fixture.seal()?;
    for (token, link) in of_replies {
        crawl.follow(&token, &link)?;
    }
    for person in ["alice", "mallory"] {
        let mut seen = BTreeSet::new();
        let mut waiting: VecDeque<String> = LISTS.map(str::to_owned).into();
        while let Some(link) = waiting.pop_front() {
            if seen.insert(link.clone()) {
                let token = format!("Bearer {}", fixture.person(person).token());
                waiting.extend(crawl.follow(&token, &link)?);
            }
        }
        let filings = seen.iter().filter(|link| link.contains("/filings/"));
        assert!(filings.count() > 0, "{person} has read no filing");
    }
    // No reply names what a job has committed. It is its allocator's to read all the same.
    let of_allocators = "select l.operation, encode(l.key, 'hex'), o.allocator_id from ledger.commitment_ledger as l
        join ledger.commitment_outcome as o on o.key = l.key where o.allocator_id is not null";
    let rows = fixture.admin()?.query(of_allocators, &[])?;
    let operations: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    for row in rows {
        let (operation, id, allocator): (String, String, Uuid) =
            (row.get(0), row.get(1), row.get(2));
        if jobs().any(|job| job == operation) {
            let reader = if allocator == AURORA.id {
                "alice"
            } else {
                "mallory"
            };
            let token = format!("Bearer {}", fixture.person(reader).token());
            crawl.follow(&token, &format!("/v1/commitments/{id}"))?;
        }
    }
    // Of every operation that is documented, a job's too; and none that an allocator has is left out.
    let schemas = &crawl.api.0["components"]["schemas"];
    let documented = &schemas["LedgerEntry"]["properties"]["operation"]["enum"];
    assert_eq!(crawl.operations, texts(documented));
    assert_eq!(operations, texts(documented));
    assert_eq!(crawl.kinds, texts(&schemas["WarningKind"]["enum"]));
    for path in LISTS.iter().filter_map(|list| list.split('&').next()) {
        let one_page = path.ends_with("checkpoint")
            || path.starts_with("/v1/positions")
            || path.ends_with("limit=100");
        assert!(one_page || crawl.turned.contains(path), "{path}");
    }
    assert!(crawl.read > 200, "{} replies", crawl.read);
    Ok(())
}

impl Crawl<'_> {
    /// What the reply names in turn.
    fn follow(&mut self, token: &str, link: &str) -> Result<Vec<String>> {
        let request = Request::new("GET", link).header("authorization", token);
        let (route, _) = self
            .fixture
            .routes()
            .find("GET", request.path())
            .with_context(|| format!("no route for {link}"))?;
        // A client that validates sends nothing else.
        let asked = self.api.check_query(&route.function, request.query());
        assert!(asked.is_ok(), "{link}: {asked:?}");
        let answer = self.fixture.send(&request)?;
        assert_eq!(answer.status, 200, "{link}: {}", answer.text());
        let verdict = self.api.check(&route.function, &answer);
        assert!(verdict.is_ok(), "{link}: {verdict:?}: {}", answer.text());
        self.read += 1;
        if link.starts_with("/v1/commitments/") && !link.ends_with("/proof") {
            let operation = answer.json()["operation"].as_str().map(str::to_owned);
            self.operations.extend(operation);
        }
        if link.starts_with("/v1/warnings") {
            let body = answer.json();
            let kinds = list(&body["data"]).map(|warning| texts(&json!([warning["kind"]])));
            self.kinds.extend(kinds.flatten());
        }
        if link.contains("cursor=") {
            let list = link.split('&').next().unwrap_or_default();
            self.turned.insert(list.to_owned());
        }
        Ok(links(link, &answer))
    }
}

fn bearer(request: &Request) -> Option<String> {
    let mut headers = request.headers.iter();
    headers
        .find(|(name, _)| name == "authorization")
        .map(|(_, value)| value.clone())
}

/// The targets that a reply to this one names.
fn links(target: &str, answer: &Response) -> Vec<String> {
    let mut all: Vec<String> = answer
        .header("location")
        .map(str::to_owned)
        .into_iter()
        .collect();
    let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else {
        return all;
    };
    named(&body, &mut all);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if let Some(cursor) = body["next_cursor"].as_str() {
        let same = query.split('&').filter(|part| !part.starts_with("cursor="));
        let same: Vec<_> = same.collect();
        all.push(format!("{path}?{}&cursor={cursor}", same.join("&")));
    }
    let ids = |list: &str, id: &str| -> Vec<String> {
        let rows = body[list].as_array().into_iter().flatten();
        rows.filter_map(|row| row[id].as_str().map(str::to_owned))
            .collect()
    };
    match path {
        "/v1/settlements" | "/v1/risk-runs" | "/v1/releases" => {
            all.extend(ids("data", "id").iter().map(|id| format!("{path}/{id}")));
        }
        "/v1/facilities" => {
            for id in ids("data", "id") {
                all.extend([
                    format!("{path}/{id}"),
                    format!("{path}/{id}/collateral?limit=1"),
                ]);
            }
        }
        _ => {}
    }
    if let Some(facility) = path.strip_suffix("/collateral") {
        let filings = ids("filings", "id");
        let releases = ids("releases", "id");
        all.extend(filings.iter().map(|id| format!("{facility}/filings/{id}")));
        all.extend(releases.iter().map(|id| format!("/v1/releases/{id}")));
    }
    all
}

/// The commitments and paths that a value names, at any depth.
fn named(value: &Value, all: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, inner) in members {
                match (name.as_str(), inner) {
                    ("commitment_id", Value::String(id)) => all.extend(of_commitment(id)),
                    ("commitment", Value::Object(inner)) => {
                        all.extend(of_commitment(inner["id"].as_str().unwrap_or_default()));
                    }
                    ("commitment_path", Value::String(path)) => all.push(path.clone()),
                    _ => named(inner, all),
                }
            }
        }
        Value::Array(elements) => elements.iter().for_each(|inner| named(inner, all)),
        _ => {}
    }
}

fn of_commitment(id: &str) -> [String; 2] {
    let path = format!("/v1/commitments/{id}");
    [format!("{path}/proof"), path]
}
