//! Shared by several modules: the rules that hold after every test, and concurrent threads.

use std::sync::Barrier;
use std::thread;

use anyhow::{Context, Result, ensure};
use postgres::{Client, GenericClient};
use serde_json::{Map, Value, json};
use shared::http::problem::REFUSALS;
use tests::deployment::SCHEMAS;

/// Every rule beside the rows that break it, as the superuser sees them.
const BROKEN_RULES: &str = r"
    select 'a journal sums to zero in each currency' as rule, journal_id::text as broken_by
    from capital.posting group by journal_id, currency having sum(amount_minor) <> 0
union all
    select 'a journal has postings', journal_id::text
    from capital.journal as j
    where not exists (select from capital.posting as p where p.journal_id = j.journal_id)
union all
    select 'a balance is the sum of its postings', a.account_id::text
    from capital.account as a left join capital.posting as p using (account_id)
    group by a.account_id having a.balance_minor <> coalesce(sum(p.amount_minor), 0)
union all
    select 'no balance is negative', account_id::text
    from capital.account
    where (kind = 'external' and balance_minor > 0) or (kind <> 'external' and balance_minor < 0)
union all
    select 'what is reserved, escrowed or a position is what the settlements say', a.account_id::text
    from capital.account as a
    where a.kind in ('reserved', 'escrowed', 'position')
        and a.balance_minor <> (
            select coalesce(sum(s.amount_minor), 0)
            from capital.settlement as s
            where s.allocator_id = a.allocator_id and s.currency = a.currency
                and s.status = case a.kind
                    when 'reserved' then 'VERIFIED' when 'escrowed' then 'ESCROWED' else 'SETTLED' end
                and s.facility_id = coalesce(a.facility_id, s.facility_id)
        )
union all
    select 'a facility has committed what its settlements say, within its limit', f.facility_id::text
    from capital.facility as f
    cross join lateral (
        select sum(u.utilised_minor) as utilised_minor, sum(u.limit_minor) as limit_minor
        from capital.facility_slot as u where u.facility_id = f.facility_id
    ) as u
    where (u.limit_minor = f.limit_minor and u.utilised_minor <= f.limit_minor) is not true
        or u.utilised_minor <> (
            select coalesce(sum(s.amount_minor), 0)
            from capital.settlement as s
            where s.facility_id = f.facility_id and s.status in ('VERIFIED', 'ESCROWED', 'SETTLED')
        )
union all
    select 'a slot has what settlements took from it', concat(u.facility_id, ' ', u.slot)
    from capital.facility_slot as u
    where u.utilised_minor <> (
        select coalesce(sum(t.amount_minor), 0)
        from capital.settlement as s
        cross join unnest(s.room_slots, s.room_taken) as t (slot, amount_minor)
        where s.facility_id = u.facility_id and t.slot = u.slot and s.status in ('VERIFIED', 'ESCROWED', 'SETTLED')
    )
union all
    select 'a holding is a pledge in force', coalesce(h.pledge_id, p.pledge_id)::text
    from collateral.holding as h
    full join (select * from collateral.pledge where released_on is null) as p using (facility_id, pledge_id, asset_id)
    where h.pledge_id is null or p.pledge_id is null
union all
    select 'a holding has the latest papers of its asset', h.pledge_id::text
    from collateral.holding as h
    left join lateral (
        select v.valued_on, v.value_minor from collateral.valuation as v
        where (v.facility_id, v.asset_id) = (h.facility_id, h.asset_id)
        order by v.valued_on desc, v.recorded_at desc limit 1
    ) as v on true
    where h.valued_on is distinct from v.valued_on or h.value_minor is distinct from v.value_minor
        or h.held_on is distinct from (
            select max(r.held_on) from collateral.custody_receipt as r
            where (r.facility_id, r.asset_id) = (h.facility_id, h.asset_id))
union all
    select 'the sums are those of the holdings', concat_ws(' ', facility_id, obligor, asset_kind)
    from (
        select facility_id, null as obligor, asset_kind, holdings, value_minor::numeric from collateral.kind_sum
        union all
        select facility_id, obligor, null, holdings, value_minor from collateral.obligor_sum
        union all
        select facility_id, obligor, asset_kind, holdings, value_minor from collateral.obligor_kind_sum
        union all
        select facility_id, obligor, asset_kind, -count(*), -sum(value_minor) from collateral.holding where counts
        group by facility_id, grouping sets ((asset_kind), (obligor), (obligor, asset_kind))
    ) as kept
    group by facility_id, obligor, asset_kind
    having sum(holdings) <> 0 or sum(value_minor) <> 0
union all
    select 'cover counts the pledges in force', coalesce(c.filing_id, p.filing_id)::text
    from (select * from collateral.cover where pledges > 0) as c
    full join (
        select p.facility_id, p.filing_id, p.agreement_id, p.debtor_party_id, a.kind as asset_kind, count(*) as pledges
        from collateral.pledge as p join collateral.asset as a using (facility_id, asset_id)
        where p.released_on is null
        group by 1, 2, 3, 4, 5
    ) as p using (facility_id, filing_id, agreement_id, debtor_party_id, asset_kind)
    where c.pledges is distinct from p.pledges
union all
    select 'one thing is pledged once at a time', encode(p.fingerprint, 'hex')
    from collateral.pledge as p join collateral.pledge as q
        on q.facility_id = p.facility_id and q.fingerprint = p.fingerprint and q.pledge_id <> p.pledge_id
        and daterange(q.pledged_on, q.released_on) && daterange(p.pledged_on, p.released_on)
union all
    select 'one thing counts in one facility', encode(p.fingerprint, 'hex')
    from collateral.holding as h join collateral.pledge as p using (facility_id, pledge_id)
    where not h.contested
    group by p.fingerprint
    having count(*) > 1
union all
    select 'a pledge ended by a release that two people made', p.pledge_id::text
    from collateral.pledge as p
    where p.released_on is not null and not exists (
        select from collateral.release as r join collateral.release_pledge as n using (facility_id, release_id)
        where r.release_id = p.release_id and n.pledge_id = p.pledge_id
            and r.status = 'APPROVED' and r.approved_by <> r.created_by
    )
union all
    select 'a step in a secured facility rests on a base that bore it', s.settlement_id::text
    from capital.settlement as s join capital.settlement_transition as t using (settlement_id)
    left join collateral.borrowing_base as b on b.settlement_id = t.settlement_id and b.version = t.seq - 1
    where s.secured and t.to_status in ('VERIFIED', 'ESCROWED', 'SETTLED')
        and (b.settlement_id is null or b.availability_minor
            < case t.to_status when 'VERIFIED' then s.amount_minor else 0 end)
union all
    select 'a claim has an outcome of its own transaction', encode(l.key, 'hex')
    from ledger.commitment_ledger as l
    where not exists (
        select from ledger.commitment_outcome as o where o.key = l.key and o.xid = l.xid
    )
union all
    select 'an outcome has a claim', encode(o.key, 'hex')
    from ledger.commitment_outcome as o
    where not exists (select from ledger.commitment_ledger as l where l.key = o.key)
union all
    select 'a settlement is where its last transition led', s.settlement_id::text
    from capital.settlement as s
    where (s.version, s.status, s.updated_at) is distinct from (
        select (t.seq, t.to_status, t.at)
        from capital.settlement_transition as t
        where t.settlement_id = s.settlement_id
        order by t.seq desc limit 1
    )
union all
    select 'transitions are numbered without a gap', settlement_id::text
    from capital.settlement_transition
    group by settlement_id having count(*) <> max(seq) or min(seq) <> 1
union all
    select 'a commitment makes one transition', encode(commitment_key, 'hex')
    from capital.settlement_transition group by commitment_key having count(*) > 1
union all
    select 'a commitment makes one journal', encode(commitment_key, 'hex')
    from capital.journal group by commitment_key having count(*) > 1
union all
    select 'an audit row has a commitment of its own transaction', l.id::text
    from audit.trail as l
    where not exists (
        select from ledger.commitment_ledger as c where c.key = l.commitment_key and c.xid = l.xid
    )
union all
    select 'an audit row has the hash of what it says', l.id::text
    from audit.trail as l where l.mutation_hash <> audit.mutation_hash(l)
union all
    select 'a refused commitment changed nothing', encode(o.key, 'hex')
    from ledger.commitment_outcome as o
    where o.outcome = 'refused'
        and exists (select from audit.trail as l where l.commitment_key = o.key)
union all
    select 'an accepted commitment changed something', encode(o.key, 'hex')
    from ledger.commitment_outcome as o
    where o.outcome = 'accepted' and o.principal_id <> 'migrate'
        and not exists (select from audit.trail as l where l.commitment_key = o.key)
";

/// Checks that the books balance, and that every claim has its outcome, every state its transition and every change its
/// audit row.
pub(crate) fn assert_books(admin: &mut Client) -> Result<()> {
    let broken = broken_rules(admin)?;
    assert!(broken.is_empty(), "broken rules: {broken:#?}");
    Ok(())
}

/// The rules that do not hold, each with a row that breaks it.
pub(crate) fn broken_rules(admin: &mut impl GenericClient) -> Result<Vec<(String, String)>> {
    let rows = admin
        .query(BROKEN_RULES, &[])
        .context("the rules cannot be checked")?;
    Ok(rows
        .iter()
        .map(|row| (row.get("rule"), row.get("broken_by")))
        .collect())
}

/// A statement that turns off every trigger and foreign key of our tables, as only a superuser can.
pub(crate) fn all_triggers_off() -> String {
    format!(
        "do $$ declare name regclass; begin
            for name in
                select c.oid from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
                where c.relkind = 'r' and n.nspname in {SCHEMAS}
            loop
                execute format('alter table %s disable trigger all', name);
            end loop;
        end $$"
    )
}

/// Executes a statement on a table as a superuser with the table's triggers off; they are on again afterwards.
pub(crate) fn without_triggers(admin: &mut Client, table: &str, statement: &str) -> Result<()> {
    admin
        .batch_execute(&format!(
            "begin;
             alter table {table} disable trigger user;
             {statement};
             do $$ declare name text; begin
                 for name in select tgname from pg_trigger where tgrelid = '{table}'::regclass and not tgisinternal loop
                     execute format('alter table {table} enable always trigger %I', name);
                 end loop;
             end $$;
             commit"
        ))
        .with_context(|| statement.to_owned())
}

/// The one number that a query gives.
pub(crate) fn count(admin: &mut Client, sql: &str) -> Result<i64> {
    Ok(admin
        .query_one(sql, &[])
        .with_context(|| sql.to_owned())?
        .try_get(0)?)
}

/// Runs the closure this number of times at once, and returns the results in the order of the numbers.
pub(crate) fn together<T: Send>(
    times: usize,
    act: impl Fn(usize) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let start = Barrier::new(times);
    thread::scope(|scope| {
        let (start, act) = (&start, &act);
        let threads: Vec<_> = (0..times)
            .map(|number| {
                scope.spawn(move || {
                    start.wait();
                    act(number)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a thread that fails has said why"))
            .collect()
    })
}

/// The problem document of a refusal, from what the ledger recorded of it: its name and its members.
pub(crate) fn recorded_refusal(admin: &mut Client, key: &str) -> Result<Value> {
    let row = admin.query_one(
        "select refusal, body from ledger.commitment_outcome
        where outcome = 'refused' and status is null and key = decode($1, 'hex')",
        &[&key],
    )?;
    let name: String = row.try_get(0)?;
    let mut document: Map<String, Value> = serde_json::from_value(row.try_get(1)?)?;
    let refusal = REFUSALS
        .iter()
        .find(|refusal| refusal.name == name)
        .with_context(|| format!("{name} has no words"))?;
    for (member, value) in [
        ("type", json!(format!("urn:optkas:problem:{name}"))),
        ("title", json!(refusal.title)),
        ("status", json!(refusal.status)),
        ("detail", json!(refusal.detail)),
    ] {
        let recorded = document.insert(member.to_owned(), value);
        ensure!(recorded.is_none(), "{member} is recorded");
    }
    Ok(document.into())
}
