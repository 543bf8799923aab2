-- Reconciliation: the rules that sound books hold to, and where they do not. docs/OPERATIONS.md says what each rule
-- means.

create or replace function capital.imbalances_of_allocator(_allocator_id uuid)
returns setof jsonb
language sql
stable
begin atomic
    with account as (
        select a.account_id, a.currency, a.kind, a.facility_id, a.version, a.balance_minor
        from capital.account as a
        where a.allocator_id = _allocator_id
    ),
    settled as (
        select
            s.currency,
            case s.status when 'VERIFIED' then 'reserved' when 'ESCROWED' then 'escrowed' else 'position' end as kind,
            case s.status when 'SETTLED' then s.facility_id end as facility_id,
            sum(s.amount_minor) as amount_minor
        from capital.settlement as s
        where s.allocator_id = _allocator_id and s.status in ('VERIFIED', 'ESCROWED', 'SETTLED')
        group by 1, 2, 3
    )
    select jsonb_build_object('rule', 'accounts-sum-to-zero', 'allocator_id', _allocator_id, 'currency', a.currency)
    from account as a
    group by a.currency
    having sum(a.balance_minor) is distinct from 0
    union all
    select jsonb_build_object(
        'rule', 'balance-is-of-last-posting', 'allocator_id', _allocator_id, 'account_id', a.account_id
    )
    from account as a
    left join lateral (
        select p.account_version, p.balance_after_minor
        from capital.posting as p
        where p.account_id = a.account_id
        order by p.account_version desc
        limit 1
    ) as p on true
    where (a.version, a.balance_minor)
        is distinct from (coalesce(p.account_version, 0), coalesce(p.balance_after_minor, 0))
    union all
    select jsonb_build_object(
        'rule', 'balance-is-of-settlements', 'allocator_id', _allocator_id,
        'currency', coalesce(a.currency, s.currency), 'kind', coalesce(a.kind, s.kind)
    )
    from (select * from account where kind in ('reserved', 'escrowed', 'position')) as a
    full join settled as s
        on s.currency = a.currency and s.kind = a.kind
            and coalesce(s.facility_id, _allocator_id) = coalesce(a.facility_id, _allocator_id)
    where coalesce(a.balance_minor, 0) is distinct from coalesce(s.amount_minor, 0);
end;
comment on function capital.imbalances_of_allocator(uuid) is
    'Where an allocator''s books do not add up: its accounts, the ends of their postings, its settlements. Sound books '
    'give no row.';

create or replace function capital.imbalances_of_facility(_facility_id uuid)
returns setof jsonb
language sql
stable
begin atomic
    with slot as (
        select s.slot, s.limit_minor, s.utilised_minor
        from capital.facility_slot as s
        where s.facility_id = _facility_id
    ),
    taken as (
        select t.slot, sum(t.amount_minor) as amount_minor
        from capital.settlement as s
        cross join lateral unnest(s.room_slots, s.room_taken) as t (slot, amount_minor)
        where s.facility_id = _facility_id and s.status in ('VERIFIED', 'ESCROWED', 'SETTLED')
        group by t.slot
    )
    select jsonb_build_object('rule', 'slots-make-the-limit', 'facility_id', _facility_id)
    from capital.facility as f
    where f.facility_id = _facility_id
        and f.limit_minor is distinct from (select sum(s.limit_minor) from slot as s)
    union all
    select jsonb_build_object(
        'rule', 'utilisation-is-of-settlements', 'facility_id', _facility_id, 'slot', coalesce(s.slot, t.slot)
    )
    from slot as s
    full join taken as t on t.slot = s.slot
    where coalesce(s.utilised_minor, 0) is distinct from coalesce(t.amount_minor, 0)
    union all
    -- What is utilised in all is what settlements say, also where they say nothing of slots.
    select jsonb_build_object('rule', 'utilisation-is-of-settlements', 'facility_id', _facility_id)
    where (select coalesce(sum(s.utilised_minor), 0) from slot as s) is distinct from (
        select coalesce(sum(s.amount_minor), 0)
        from capital.settlement as s
        where s.facility_id = _facility_id and s.status in ('VERIFIED', 'ESCROWED', 'SETTLED')
    );
end;
comment on function capital.imbalances_of_facility(uuid) is
    'Where the slots of a facility do not make up its limit, or where what is utilised of one is not what settlements '
    'have taken from it.';
