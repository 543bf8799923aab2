//! The attacker and the attacked, and the tokens that an attacker may have found.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use postgres::Client;
use serde_json::json;
use tests::deployment::functions;
use tests::fixture::Fixture;
use tests::issuer::{Algorithm, Key, unsigned};
use tests::sample_data::{AURORA, USD_FACILITY};

use crate::collateral::secured_facility::SecuredFacility;
use crate::direct::{Direct, call, quote};
use crate::isolation::proposed;

/// A gateway function that forgot to ask for a token: behind it, the policies are the only barrier. It
/// exists on this fixture alone.
const UNGUARDED: &str = "
    create function gateway.unguarded() returns setof uuid
    language plpgsql security definer set search_path = pg_catalog, pg_temp
    as $$ begin
        return query select distinct s.allocator_id from capital.settlement as s
            union select a.allocator_id from capital.account as a
            union select a.allocator_id from capital.allocator as a
            union select m.sub from capital.member as m
            union select r.sub from capital.member_role as r
            union select r.allocator_id from collateral.release as r
            union select p.facility_id from collateral.pledge as p;
    end $$";

/// The sample data with a settlement of each allocator. Mallory holds the logins and a token of her own;
/// alice is attacked.
pub(super) struct AttackFixture {
    pub(super) base: Fixture,
    /// Alice's settlement, PENDING.
    pub(super) theirs: String,
    /// The facility that alice's allocator leads, and the release that waits there.
    pub(super) their_facility: String,
    pub(super) their_filing: String,
    pub(super) their_release: String,
    /// Tokens that must be of no use, and how mallory came by them.
    pub(super) useless: Vec<(&'static str, String)>,
}

impl AttackFixture {
    pub(super) fn new() -> Result<Self> {
        let base = Fixture::new()?;
        let mut direct = Direct::new(&base);
        let theirs = proposed(&mut direct, "alice", USD_FACILITY)?;
        proposed(&mut direct, "mallory", USD_FACILITY)?;
        let (their_facility, their_filing, their_release) = {
            let facility = SecuredFacility::good(&base, &[1_000])?;
            let release = facility.requested(&facility.release(&facility.pledged))?;
            let id = release["id"].as_str().context("a release has an id")?;
            (
                facility.terms.facility.to_string(),
                facility.filing.to_string(),
                id.to_owned(),
            )
        };
        let mut owner = base.owner()?;
        owner.batch_execute(UNGUARDED)?;
        for function in endpoints()? {
            let login = tests::deployment::login(&function);
            owner.batch_execute(&format!(
                "grant execute on function gateway.unguarded to {login}"
            ))?;
        }
        let useless = useless(&base)?;
        Ok(Self {
            base,
            theirs,
            their_facility,
            their_filing,
            their_release,
            useless,
        })
    }

    /// A fresh token of mallory's own, as SQL.
    pub(super) fn own(&self) -> String {
        quote(&self.base.person("mallory").token())
    }
}

/// All logins but the deployment's, which owns the database by design.
pub(super) fn endpoints() -> Result<Vec<String>> {
    let all = functions()?.into_iter();
    Ok(all.filter(|function| function != "migrate").collect())
}

/// Rows that the forgetful function shows after these statements in the same transaction.
pub(super) fn seen(client: &mut Client, before: &str) -> Result<Vec<String>> {
    client.batch_execute(&format!("begin; {before}"))?;
    let rows = shown(client)?;
    client.batch_execute("rollback")?;
    Ok(rows)
}

/// Rows that the forgetful function shows now.
pub(super) fn shown(client: &mut Client) -> Result<Vec<String>> {
    let sql = "select id::pg_catalog.text from gateway.unguarded() as id order by 1";
    let rows = client.query(sql, &[])?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Everything that is Aurora's, table by table, condensed.
pub(super) fn fingerprint(base: &Fixture) -> Result<Vec<String>> {
    let mut admin = base.admin()?;
    let tables = admin.query(
        "select attrelid::regclass::text from pg_attribute join pg_class on pg_class.oid = attrelid
         where attname = 'allocator_id' and relkind = 'r' and relnamespace::regnamespace::text !~ '^pg_'
         order by 1",
        &[],
    )?;
    let mut all = Vec::new();
    for table in &tables {
        let table: String = table.get(0);
        let sql = format!(
            "select coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from {table} as t
             where t.allocator_id = '{}'",
            AURORA.id
        );
        let digest: String = admin.query_one(&sql, &[])?.get(0);
        all.push(format!("{table} {digest}"));
    }
    ensure!(all.len() > 5, "too few tables to be all of them");
    Ok(all)
}

fn useless(base: &Fixture) -> Result<Vec<(&'static str, String)>> {
    let (alice, mallory) = (base.person("alice"), base.person("mallory"));
    let retired = base.issuer().key();
    let now = alice.claims()["iat"].as_i64().context("an instant")?;
    let ending = |mut claims: serde_json::Value| {
        (claims["iat"], claims["exp"]) = (json!(now - 600), json!(now - 2));
        retired.sign(&retired.header(), &claims)
    };
    let (expired, own_expired) = (ending(alice.claims()), ending(mallory.claims()));
    let of_retired = alice.token();
    let mut login = base.login("list-positions")?;
    for token in [&expired, &own_expired, &of_retired] {
        // Good for now, by the leeway of the clocks: the memo has all three.
        login
            .simple_query(&positions(token))
            .context("a good token")?;
    }
    let key = Key::generate(Algorithm::Es256)?;
    base.rotate(key)?;
    base.issuer().drop_old_keys();
    base.sync_keys()?;

    let current = base.issuer().key();
    let claims = base.person("alice").claims();
    let mine = Key::generate(Algorithm::Es256)?;
    let header = json!({ "alg": "none", "kid": current.kid() });
    let named = json!({ "alg": "ES256", "kid": current.kid() });
    await_refusal(&mut login, &expired)?;
    await_refusal(&mut login, &own_expired)?;
    Ok(vec![
        ("no token", "null".to_owned()),
        ("an empty token", "''".to_owned()),
        ("alice's id", quote(&alice.person.sub.to_string())),
        ("her expired token, which the memo knows", quote(&expired)),
        ("one's own expired token", quote(&own_expired)),
        (
            "her token of a retired key, which the memo knows",
            quote(&of_retired),
        ),
        (
            "a token of one's own key",
            quote(&mine.sign(&mine.header(), &claims)),
        ),
        (
            "a token of one's own key under the issuer's name",
            quote(&mine.sign(&named, &claims)),
        ),
        ("an unsigned token", quote(&unsigned(&header, &claims))),
        (
            "the digest of a token that the memo knows",
            format!("encode(sha256({}), 'hex')", quote(&of_retired)),
        ),
    ])
}

fn positions(token: &str) -> String {
    call("list-positions", &format!("{}, null", quote(token)))
}

fn await_refusal(login: &mut Client, token: &str) -> Result<()> {
    let start = Instant::now();
    while login.simple_query(&positions(token)).is_ok() {
        ensure!(
            start.elapsed() < Duration::from_secs(30),
            "it never expires"
        );
        sleep(Duration::from_millis(100));
    }
    Ok(())
}
