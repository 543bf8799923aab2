-- $names facilities like $like, each with a profile, in each of which $allocator holds a little. By the superuser,
-- behind all checks: no transition, no posting, no commitment but a borrowed one. For what only size can show.
begin;
set local session_replication_role = replica;
create temp table borrowed on commit drop as
    select key from ledger.commitment_ledger order by key limit 1;
create temp table made on commit drop as
    select gen_random_uuid() as facility_id, n from generate_series(1, $names) as n;
do $$
declare
    watched record;
begin
    for watched in
        select c.oid::regclass as name, t.tgname
        from pg_trigger as t join pg_class as c on c.oid = t.tgrelid
        where c.oid in (
            'capital.facility'::regclass, 'capital.admission'::regclass, 'capital.facility_slot'::regclass,
            'capital.account'::regclass, 'risk.profile'::regclass
        ) and t.tgenabled = 'A'
    loop
        execute format('alter table %s disable trigger %I', watched.name, watched.tgname);
    end loop;
end
$$;
insert into capital.facility (facility_id, name, currency, escrow_agent_id, settlement_agent_id, secured, limit_minor)
    select m.facility_id, 'Facility ' || m.n, f.currency, f.escrow_agent_id, f.settlement_agent_id, false, 1000000000
    from made as m cross join capital.facility as f where f.facility_id = '$like';
insert into capital.admission (facility_id, allocator_id)
    select m.facility_id, '$allocator' from made as m;
insert into capital.facility_slot (facility_id, slot, secured, facility_limit_minor, utilised_minor)
    select f.facility_id, s, f.secured, f.limit_minor,
        fixed.slot_share(1000000 + m.n, fixed.slots(f.secured), s)
    from made as m
    join capital.facility as f on f.facility_id = m.facility_id
    cross join generate_series(0, fixed.slots(f.secured) - 1) as s;
insert into capital.account (allocator_id, currency, kind, facility_id, version, balance_minor, last_posted_at)
    select '$allocator', f.currency, 'position', m.facility_id, 1, 1000000 + m.n, now()
    from made as m join capital.facility as f on f.facility_id = m.facility_id;
-- PD 0.2% to 1.8%, all different.
insert into risk.profile (facility_id, version, pd_ppb, lgd_mean_ppb, loadings_ppb, commitment_key)
    select m.facility_id, 1, 2000000 + (m.n * 16000000::bigint / $names)::int4, 400000000, array[450000000], b.key
    from made as m cross join borrowed as b;
do $$
declare
    watched record;
begin
    for watched in
        select c.oid::regclass as name, t.tgname
        from pg_trigger as t join pg_class as c on c.oid = t.tgrelid
        where c.oid in (
            'capital.facility'::regclass, 'capital.admission'::regclass, 'capital.facility_slot'::regclass,
            'capital.account'::regclass, 'risk.profile'::regclass
        ) and t.tgenabled = 'D' and not t.tgisinternal
    loop
        execute format('alter table %s enable always trigger %I', watched.name, watched.tgname);
    end loop;
end
$$;
commit;
analyze capital.facility, capital.admission, capital.account, risk.profile;
