//! The trail as evidence: it rebuilds every table by itself, and each row's hash follows from its text.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;
use tests::deployment::SCHEMAS;
use tests::fixture::Fixture;
use tests::sample_data::find_person;
use tests::secrets::hex;

use super::{audited, everything};
use crate::keys::tagged_hash;
use crate::support::count;

/// The old and new values of each row lead from nothing to the tables' present content. So no change is missing,
/// invented or altered.
#[test]
fn replaying_the_trail_rebuilds_every_table() -> Result<()> {
    let fixture = Fixture::new()?;
    everything(&fixture)?;
    let mut admin = fixture.admin()?;
    let mut rebuilt: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
    for row in admin.query(
        "select table_name, row_key::text, old_row, new_row from
            (select c.* from audit.trail as t cross join audit.changes(t) as c) as c order by id, place",
        &[],
    )? {
        let (table, key): (String, String) = (row.get(0), row.get(1));
        let (old, new): (Option<Value>, Option<Value>) = (row.get(2), row.get(3));
        let rows = rebuilt.entry(table.clone()).or_default();
        assert_eq!(
            rows.remove(&key),
            old,
            "{table} {key}: what was there before"
        );
        if let Some(new) = new {
            rows.insert(key, new);
        }
    }
    let tables = audited(&mut admin)?;
    assert!(tables.len() >= 12, "the query finds the tables");
    for table in tables {
        // Of one table the trail has large columns by their hash.
        let digested = if table == "collateral.filing_standing" {
            "{debtors, secured_parties, descriptions, effects}"
        } else {
            "{}"
        };
        let sql = format!("select audit.recorded(row_to_json(t), '{digested}') from {table} as t");
        let rows = admin.query(&sql, &[])?;
        let mut actual: Vec<String> = rows
            .iter()
            .map(|row| row.get::<_, Value>(0).to_string())
            .collect();
        let mut expected: Vec<String> = rebuilt
            .remove(&table)
            .unwrap_or_default()
            .values()
            .map(Value::to_string)
            .collect();
        actual.sort_unstable();
        expected.sort_unstable();
        assert!(
            !actual.is_empty(),
            "{table}: nothing to rebuild proves nothing"
        );
        assert_eq!(actual, expected, "{table}");
    }
    assert!(
        rebuilt.is_empty(),
        "rows of tables that are not: {rebuilt:?}"
    );
    Ok(())
}

/// The tables of the domain are those under audit. The trail itself and the ledger are append-only. The memo of
/// verified tokens records nothing that happened. The logins are those of a file. The key of seals is a secret.
/// People's names can be erased; the trail of `capital.member` says when. Lanes have no rows.
#[test]
fn every_domain_table_is_under_audit() -> Result<()> {
    let fixture = Fixture::empty()?;
    let mut admin = fixture.admin()?;
    let rows = admin.query(&format!("
        select n.nspname || '.' || c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
        where n.nspname in {SCHEMAS} and n.nspname not in ('deploy', 'ledger', 'audit', 'tlog', 'lane')
            and c.relkind in ('r', 'p')
            and c.oid not in ('auth.login'::regclass, 'auth.seal_key'::regclass, 'auth.verified_token'::regclass,
                'capital.member_name'::regclass)
        order by 1"), &[])?;
    let tables: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(audited(&mut admin)?, tables);
    let weak = "select count(*) from pg_trigger 
        where tgfoid = 'audit.record'::regproc and (tgenabled <> 'A' or tgtype & 29 <> 29)";
    assert_eq!(
        count(&mut admin, weak)?,
        0,
        "after every insert, update and delete, in replica mode as well"
    );
    Ok(())
}

/// What each operation does to which table. Accounts are opened at their first use, which may be earlier.
const CHANGES: [(&str, &str); 35] = [
    ("create", "settlement INSERT, settlement_transition INSERT"),
    (
        "verify",
        "account UPDATE, account UPDATE, facility_slot UPDATE, journal INSERT, posting INSERT, \
         posting INSERT, settlement UPDATE, settlement_transition INSERT",
    ),
    (
        "cancel PENDING",
        "settlement UPDATE, settlement_transition INSERT",
    ),
    (
        "cancel VERIFIED",
        "account UPDATE, account UPDATE, facility_slot UPDATE, journal INSERT, posting INSERT, \
         posting INSERT, settlement UPDATE, settlement_transition INSERT",
    ),
    (
        "escrow.funded",
        "account UPDATE, account UPDATE, journal INSERT, posting INSERT, posting INSERT, settlement UPDATE, \
         settlement_transition INSERT",
    ),
    (
        "escrow.failed",
        "account UPDATE, account UPDATE, facility_slot UPDATE, journal INSERT, posting INSERT, \
         posting INSERT, settlement UPDATE, settlement_transition INSERT",
    ),
    (
        "settlement.completed",
        "account UPDATE, account UPDATE, journal INSERT, posting INSERT, posting INSERT, settlement UPDATE, \
         settlement_transition INSERT",
    ),
    (
        "settlement.failed",
        "account UPDATE, account UPDATE, facility_slot UPDATE, journal INSERT, posting INSERT, \
         posting INSERT, settlement UPDATE, settlement_transition INSERT",
    ),
    ("allocator.onboarded", "allocator INSERT"),
    (
        "member.granted",
        "member INSERT, member UPDATE, member_role INSERT",
    ),
    ("member.named", "member UPDATE"),
    ("member.name_erased", "member UPDATE"),
    ("member.revoked", "member_role DELETE"),
    ("agent.registered", "agent INSERT"),
    (
        "facility.opened",
        "facility INSERT, 64 facility_slot INSERT",
    ),
    ("facility.admitted", "admission INSERT"),
    ("facility.excluded", "admission DELETE"),
    ("dispute.decided", "precedence UPDATE"),
    (
        "capital.deposited",
        "account UPDATE, account UPDATE, journal INSERT, posting INSERT, posting INSERT",
    ),
    (
        "capital.withdrawn",
        "account UPDATE, account UPDATE, journal INSERT, posting INSERT, posting INSERT",
    ),
    (
        "verify secured",
        "account UPDATE, account UPDATE, borrowing_base INSERT, facility_slot UPDATE, journal INSERT, \
         posting INSERT, posting INSERT, settlement UPDATE, settlement_transition INSERT",
    ),
    ("party.recorded", "party UPDATE"),
    ("rules.recorded", "rule_kind INSERT, rules INSERT"),
    (
        "filing.recorded",
        "filing INSERT, filing_party INSERT, filing_party INSERT, filing_standing INSERT, precedence INSERT",
    ),
    (
        "amendment.recorded",
        "amendment INSERT, filing_standing UPDATE",
    ),
    ("agreement.recorded", "agreement INSERT"),
    (
        "asset.pledged",
        "asset INSERT, cover UPDATE, holding INSERT, pledge INSERT, precedence INSERT",
    ),
    (
        "valuation.recorded",
        "holding UPDATE, kind_sum UPDATE, obligor_kind_sum UPDATE, obligor_sum UPDATE, valuation INSERT",
    ),
    // Held on the same day as before: nothing that is kept follows from it.
    ("custody.confirmed", "custody_receipt INSERT"),
    ("search.reported", "search INSERT, search_finding INSERT"),
    ("request release", "release INSERT, release_pledge INSERT"),
    (
        "approve release",
        "cover UPDATE, holding DELETE, kind_sum UPDATE, obligor_kind_sum UPDATE, \
         obligor_sum UPDATE, pledge UPDATE, precedence DELETE, release UPDATE",
    ),
    ("refused verify secured", ""),
    ("refused create", ""),
    ("refused verify", ""),
];

#[test]
fn each_operation_leaves_its_rows_under_its_commitment_and_its_actor() -> Result<()> {
    let fixture = Fixture::new()?;
    let replies = everything(&fixture)?;
    let mut admin = fixture.admin()?;
    for (operation, expected) in CHANGES {
        let reply = replies
            .get(operation)
            .with_context(|| format!("{operation} was not done"))?;
        let key = reply["commitment"]["id"].as_str().context("a commitment")?;
        let row = admin.query_one(&format!("
            select coalesce(string_agg(case
                when times > 2 then concat(times, ' ', change)
                else concat_ws(', ', change, case times when 2 then change end)
            end, ', ' order by change), '')
            from (
                select split_part(table_name, '.', 2) || ' ' || command as change, count(*) as times
                from (select c.* from audit.trail as t cross join audit.changes(t) as c) as c
                where commitment_key = '\\x{key}' and (table_name, command) <> ('capital.account', 'INSERT')
                group by change
            ) as changes"), &[])?;
        assert_eq!(row.get::<_, String>(0), expected, "{operation}");
    }
    // Each row has the ledger's actor, a time within the claim's transaction, and its commitment's allocator.
    let strange = "
        select count(*) from audit.trail as l
        left join ledger.commitment_ledger as c on c.key = l.commitment_key and c.xid = l.xid
        left join ledger.commitment_outcome as o on o.key = l.commitment_key
        where (l.actor_kind, l.actor_id) is distinct from (c.principal_kind, c.principal_id)
            or (l.at between c.claimed_at and o.committed_at) is not true
            or l.allocator_id <> o.allocator_id";
    assert_eq!(count(&mut admin, strange)?, 0);
    let by_alice = format!(
        "select count(*) from audit.trail where actor_kind = 'human' and actor_id = '{}'",
        find_person("alice")?.sub
    );
    assert!(count(&mut admin, &by_alice)? > 0);
    Ok(())
}

#[test]
fn each_hash_is_derived_from_the_text_of_its_row() -> Result<()> {
    let fixture = Fixture::new()?;
    everything(&fixture)?;
    let mut admin = fixture.admin()?;
    let rows = admin.query(
        "
        select array[coalesce(allocator_id::text, ''), changes::text, actor_kind, actor_id],
            commitment_key,
            to_char(at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),
            mutation_hash, audit.mutation_hash(l)
        from audit.trail as l order by id",
        &[],
    )?;
    assert!(rows.len() > 50);
    let mut hashes = std::collections::BTreeSet::new();
    for row in &rows {
        let (texts, key, at): (Vec<String>, Vec<u8>, String) = (row.get(0), row.get(1), row.get(2));
        let mut fields: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
        fields.extend([&*key, at.as_bytes()]);
        let (stored, derived): (Vec<u8>, Vec<u8>) = (row.get(3), row.get(4));
        assert_eq!(
            hex(&stored),
            tagged_hash("optkas/audit-mutation/v1", &fields),
            "{texts:?}"
        );
        assert_eq!(stored, derived, "{texts:?}");
        assert!(hashes.insert(stored), "the same hash twice: {texts:?}");
    }
    Ok(())
}

/// No word of a row can change without its hash telling.
#[test]
fn an_altered_row_no_longer_matches_its_hash() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    for column in [
        "allocator_id = gen_random_uuid()",
        "changes = '[]'",
        "actor_kind = 'x'",
        "actor_id = 'x'",
        "commitment_key = sha256('')",
        "at = at + interval '1 microsecond'",
    ] {
        let (name, value) = column.split_once(" = ").context("a column and its value")?;
        let fields = [
            "id",
            "xid",
            "commitment_key",
            "allocator_id",
            "changes",
            "actor_kind",
            "actor_id",
            "at",
            "mutation_hash",
        ];
        let altered = fields
            .map(|field| {
                if field == name {
                    value.to_owned()
                } else {
                    format!("l.{field}")
                }
            })
            .join(", ");
        let same = format!(
            "select count(*) from audit.trail as l
            where audit.mutation_hash(row({altered})::audit.trail) = l.mutation_hash"
        );
        assert_eq!(count(&mut admin, &same)?, 0, "{column}");
    }
    Ok(())
}
