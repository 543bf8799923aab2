-- The borrowing base: what may be drawn on a facility's collateral. Amounts are whole minor units; each product is
-- rounded down.
--
-- One formula (borrowing_base_from_sums) serves twice: a settlement uses the sums that are kept; replies and releases
-- use sums that are added up anew.

create or replace function collateral.by_kind(_sums collateral.sum[])
returns collateral.sum[]
language sql
immutable
return coalesce((
    select array_agg(row(null, s.asset_kind, s.holdings, s.value_minor)::collateral.sum order by s.asset_kind)
    from (
        select u.asset_kind, sum(u.holdings)::bigint as holdings, sum(u.value_minor) as value_minor
        from unnest(_sums) as u
        group by u.asset_kind
    ) as s
), '{}');
comment on function collateral.by_kind(collateral.sum[]) is 'Sums of obligors and kinds, added up by kind.';

create or replace function collateral.eligible_minor(_kind_rules collateral.rule_kind[], _kinds collateral.sum[])
returns numeric
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return coalesce((
        select sum(div(k.value_minor * (10000 - r.haircut_bp), 10000))
        from unnest(_kinds) as k
        join unnest(_kind_rules) as r on r.asset_kind = k.asset_kind
    ), 0);
end
$$;
comment on function collateral.eligible_minor(collateral.rule_kind[], collateral.sum[]) is
    'The eligible amount: what is left after haircuts. A kind without a rule counts nothing.';

create or replace function collateral.base_inputs(
    _figures collateral.figures,
    _rules collateral.rules,
    _kind_rules collateral.rule_kind[],
    _kinds collateral.sum[],
    _obligors collateral.sum[],
    _cap_minor numeric
)
returns text
-- Not SQL, which would be planned at each call.
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    return jsonb_build_object(
        'facility_id', _rules.facility_id,
        'computed_on', _figures.computed_on,
        'rules', jsonb_build_object(
            'version', _rules.version,
            'concentration_cap_bp', _rules.concentration_cap_bp,
            'coverage_floor_bp', _rules.coverage_floor_bp,
            'reserves_minor', _figures.reserves_minor::text,
            'kinds', (
                select jsonb_object_agg(r.asset_kind, jsonb_build_array(r.advance_rate_bp, r.haircut_bp))
                from unnest(_kind_rules) as r
            )
        ),
        'drawn_minor', _figures.drawn_minor::text,
        'kinds', (
            select coalesce(jsonb_object_agg(k.asset_kind, jsonb_build_array(k.holdings, k.value_minor::text)), '{}')
            from unnest(_kinds) as k
        ),
        'obligors_over_cap', (
            select coalesce(jsonb_agg(
                jsonb_build_array(o.obligor, o.asset_kind, o.value_minor::text) order by o.obligor, o.asset_kind
            ), '[]')
            from unnest(_obligors) as o
            where o.obligor in (
                select c.obligor
                from unnest(_obligors) as c
                group by c.obligor
                having sum(c.value_minor) > _cap_minor
            )
        )
    )::text;
end
$$;
comment on function collateral.base_inputs is
    'All that a borrowing base follows from, as text: the rules, what is drawn, the sums of kinds, and the obligors '
    'over the cap.';

create or replace function collateral.borrowing_base_from_sums(
    _rules collateral.rules,
    _kind_rules collateral.rule_kind[],
    _kinds collateral.sum[],
    _obligors collateral.sum[],
    _drawn_minor numeric
)
returns collateral.figures
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    figures collateral.figures;
    cap_minor numeric;
begin
    figures.rules_version := _rules.version;
    figures.computed_on := ledger.today();
    figures.eligible_minor := collateral.eligible_minor(_kind_rules, _kinds);
    figures.reserves_minor := coalesce(_rules.reserves_minor, 0);
    figures.drawn_minor := _drawn_minor;
    figures.holdings := (select coalesce(sum(k.holdings), 0) from unnest(_kinds) as k);
    cap_minor := div(figures.eligible_minor * _rules.concentration_cap_bp, 10000);

    with debt as (
        select
            o.obligor, o.asset_kind, r.advance_rate_bp,
            div(o.value_minor * (10000 - r.haircut_bp), 10000) as eligible_minor
        from unnest(_obligors) as o
        join unnest(_kind_rules) as r on r.asset_kind = o.asset_kind
    ),
    -- The excess over the cap is taken from the kind with the highest advance rate first.
    ranked as (
        select
            d.*,
            sum(d.eligible_minor) over (partition by d.obligor) - cap_minor as over_minor,
            sum(d.eligible_minor) over (
                partition by d.obligor order by d.advance_rate_bp desc, d.asset_kind
            ) - d.eligible_minor as before_minor
        from debt as d
    ),
    excess as (
        select r.asset_kind, sum(least(r.eligible_minor, greatest(r.over_minor - r.before_minor, 0))) as minor
        from ranked as r
        where r.over_minor > 0
        group by r.asset_kind
    ),
    kind as (
        select
            coalesce(e.minor, 0) as excess_minor,
            div(
                greatest(div(k.value_minor * (10000 - r.haircut_bp), 10000) - coalesce(e.minor, 0), 0)
                * r.advance_rate_bp, 10000
            ) as advance_minor
        from unnest(_kinds) as k
        join unnest(_kind_rules) as r on r.asset_kind = k.asset_kind
        left join excess as e on e.asset_kind = k.asset_kind
    )
    select
        coalesce(sum(k.excess_minor), 0),
        greatest(coalesce(sum(k.advance_minor), 0) - figures.reserves_minor, 0)
    into figures.excess_minor, figures.base_minor
    from kind as k;

    figures.availability_minor := figures.base_minor - _drawn_minor;
    figures.coverage_bp := case when _drawn_minor > 0
        then div((figures.eligible_minor - figures.excess_minor) * 10000, _drawn_minor) end;
    figures.inputs := collateral.base_inputs(figures, _rules, _kind_rules, _kinds, _obligors, cap_minor);
    return figures;
end
$$;
comment on function collateral.borrowing_base_from_sums is
    'The borrowing base: value less haircut, less what obligors owe over the cap, times the advance rate, less '
    'reserves. Obligors that cannot be over the cap may be left out.';

create or replace function collateral.borrowing_base_from_kept_sums(_facility_id uuid, _rules collateral.rules)
returns collateral.figures
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    kind_rules constant collateral.rule_kind[] := collateral.kind_rules(_rules);
    kinds collateral.sum[];
    cap_minor bigint;
    obligors collateral.sum[];
begin
    kinds := array(
        select row(null, s.asset_kind, s.holdings, s.value_minor)::collateral.sum
        from collateral.kind_sum as s
        where s.facility_id = _facility_id and s.holdings > 0
    );
    -- An obligor owes no more after haircuts than before: if its value is within the cap, it is not over the cap. Few
    -- obligors can be over, and their number does not grow with the facility.
    cap_minor := least(
        div(collateral.eligible_minor(kind_rules, kinds) * _rules.concentration_cap_bp, 10000),
        -- The largest value that an obligor's sum can have.
        9223372036854775807
    );
    obligors := array(
        select row(k.obligor, k.asset_kind, k.holdings, k.value_minor)::collateral.sum
        from collateral.obligor_sum as o
        join collateral.obligor_kind_sum as k on k.facility_id = o.facility_id and k.obligor = o.obligor
        where o.facility_id = _facility_id and o.value_minor > cap_minor and k.holdings > 0
    );
    return collateral.borrowing_base_from_sums(
        _rules, kind_rules, kinds, obligors, capital.utilised_minor(_facility_id));
end
$$;
comment on function collateral.borrowing_base_from_kept_sums(uuid, collateral.rules) is
    'The base from the sums that are kept. A settlement is held against it.';

create or replace function collateral.borrowing_base_recomputed(
    _facility_id uuid,
    _rules collateral.rules,
    _without uuid[] default '{}'
)
returns collateral.figures
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    today constant date := ledger.today();
    sums collateral.sum[] := collateral.sums_recomputed(
        _facility_id, today - _rules.valuation_age_max_days, today - _rules.receipt_age_max_days, _without
    );
begin
    return collateral.borrowing_base_from_sums(
        _rules, collateral.kind_rules(_rules), collateral.by_kind(sums), sums, capital.utilised_minor(_facility_id));
end
$$;
comment on function collateral.borrowing_base_recomputed(uuid, collateral.rules, uuid[]) is
    'The base added up anew from what is fresh today, with or without some pledges. Replies show it, and what a '
    'release would leave.';

create or replace function collateral.figures_json(_figures collateral.figures)
returns jsonb
language sql
stable
return jsonb_build_object(
    'rules_version', (_figures).rules_version,
    'computed_on', (_figures).computed_on,
    'holdings', (_figures).holdings,
    'eligible_minor', (_figures).eligible_minor::text,
    'excess_minor', (_figures).excess_minor::text,
    'reserves_minor', (_figures).reserves_minor::text,
    'base_minor', (_figures).base_minor::text,
    'drawn_minor', (_figures).drawn_minor::text,
    'availability_minor', (_figures).availability_minor::text,
    'coverage_bp', (_figures).coverage_bp,
    'inputs_sha256', encode(fixed.text_sha256((_figures).inputs), 'hex')
);
comment on function collateral.figures_json(collateral.figures) is 'A borrowing base as replies show it.';
