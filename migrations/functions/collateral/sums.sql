-- The sums of what counts, by obligor and kind. They are kept as holdings change, so that a settlement reads sums and
-- not holdings; added up anew they come to the same.

create or replace function collateral.add_to_sums(_facility_id uuid, _changes collateral.sum[])
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    update collateral.obligor_kind_sum as s
    set holdings = s.holdings + c.holdings, value_minor = s.value_minor + c.value_minor
    from unnest(_changes) as c
    where s.facility_id = _facility_id and s.obligor = c.obligor and s.asset_kind = c.asset_kind;
    insert into collateral.obligor_kind_sum (facility_id, obligor, asset_kind, holdings, value_minor)
    select _facility_id, c.obligor, c.asset_kind, c.holdings, c.value_minor
    from unnest(_changes) as c
    where not exists (
        select
        from collateral.obligor_kind_sum as s
        where s.facility_id = _facility_id and s.obligor = c.obligor and s.asset_kind = c.asset_kind
    );

    update collateral.obligor_sum as s
    set holdings = s.holdings + c.holdings, value_minor = s.value_minor + c.value_minor
    from (
        select u.obligor, sum(u.holdings) as holdings, sum(u.value_minor) as value_minor
        from unnest(_changes) as u
        group by u.obligor
    ) as c
    where s.facility_id = _facility_id and s.obligor = c.obligor;
    insert into collateral.obligor_sum (facility_id, obligor, holdings, value_minor)
    select _facility_id, c.obligor, sum(c.holdings), sum(c.value_minor)
    from unnest(_changes) as c
    where not exists (
        select from collateral.obligor_sum as s where s.facility_id = _facility_id and s.obligor = c.obligor
    )
    group by c.obligor;

    update collateral.kind_sum as s
    set holdings = s.holdings + c.holdings, value_minor = s.value_minor + c.value_minor
    from (
        select u.asset_kind, sum(u.holdings) as holdings, sum(u.value_minor) as value_minor
        from unnest(_changes) as u
        group by u.asset_kind
    ) as c
    where s.facility_id = _facility_id and s.asset_kind = c.asset_kind;
    insert into collateral.kind_sum (facility_id, asset_kind, holdings, value_minor)
    select _facility_id, c.asset_kind, sum(c.holdings), sum(c.value_minor)
    from unnest(_changes) as c
    where not exists (
        select from collateral.kind_sum as s where s.facility_id = _facility_id and s.asset_kind = c.asset_kind
    )
    group by c.asset_kind;
exception
    when numeric_value_out_of_range then
        perform ledger.refuse('value-limit');
end
$$;
comment on function collateral.add_to_sums(uuid, collateral.sum[]) is
    'Adds changes to the three sums, one element for each obligor and kind. Refuses value-limit where a sum would '
    'exceed a bigint.';

create or replace function collateral.recount_holdings(_facility_id uuid, _asset_ids uuid[])
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    changes collateral.sum[];
begin
    with before as (
        select h.*, collateral.comes_first(_facility_id, 'asset', h.asset_id) as first
        from collateral.holding as h
        where h.facility_id = _facility_id and h.asset_id = any (_asset_ids)
    ),
    latest as (
        select
            b.pledge_id, b.obligor, b.asset_kind, b.counts as counted, b.value_minor as value_before_minor,
            v.valued_on, v.value_minor, r.held_on,
            b.first is not true as contested, v.valued_on is not null and r.held_on is not null and b.first as counts
        from before as b
        left join lateral (
            select n.valued_on, n.value_minor
            from collateral.valuation as n
            where n.facility_id = _facility_id and n.asset_id = b.asset_id
            order by n.valued_on desc, n.recorded_at desc
            limit 1
        ) as v on true
        left join lateral (
            select n.held_on
            from collateral.custody_receipt as n
            where n.facility_id = _facility_id and n.asset_id = b.asset_id
            order by n.held_on desc, n.recorded_at desc
            limit 1
        ) as r on true
        where (b.valued_on, b.value_minor, b.held_on, b.contested)
            is distinct from (v.valued_on, v.value_minor, r.held_on, b.first is not true)
    ),
    changed as (
        update collateral.holding as h
        set valued_on = l.valued_on, value_minor = l.value_minor, held_on = l.held_on, contested = l.contested
        from latest as l
        where h.facility_id = _facility_id and h.pledge_id = l.pledge_id
    )
    select array_agg(row(c.obligor, c.asset_kind, c.holdings, c.value_minor)::collateral.sum)
    into changes
    from (
        select
            l.obligor,
            l.asset_kind,
            sum(l.counts::int4 - l.counted::int4) as holdings,
            sum(
                case when l.counts then l.value_minor else 0 end
                - case when l.counted then l.value_before_minor else 0 end
            ) as value_minor
        from latest as l
        group by l.obligor, l.asset_kind
    ) as c
    where c.holdings is distinct from 0 or c.value_minor is distinct from 0;
    if changes is not null then
        perform collateral.add_to_sums(_facility_id, changes);
    end if;
end
$$;
comment on function collateral.recount_holdings(uuid, uuid[]) is
    'Brings the holdings of these assets, and the sums with them, up to their latest valuations and receipts.';

create or replace function collateral.sums_recomputed(
    _facility_id uuid,
    _valued_from date default '-infinity',
    _held_from date default '-infinity',
    _without uuid[] default '{}'
)
returns collateral.sum[]
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return coalesce((
        select array_agg(
            row(s.obligor, s.asset_kind, s.holdings, s.value_minor)::collateral.sum order by s.obligor, s.asset_kind
        )
        from (
            select h.obligor, h.asset_kind, count(*) as holdings, sum(h.value_minor) as value_minor
            from collateral.holding as h
            where h.facility_id = _facility_id
                and h.counts
                and h.valued_on >= _valued_from
                and h.held_on >= _held_from
                and (h.pledge_id = any (_without)) is not true
            group by h.obligor, h.asset_kind
        ) as s
    ), '{}');
end
$$;
comment on function collateral.sums_recomputed(uuid, date, date, uuid[]) is
    'The sums by obligor and kind, added up from the holdings. What was valued or received before a date can be left '
    'out, and so can some pledges.';
