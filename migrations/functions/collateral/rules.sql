-- Eligibility rules: the versions that the platform records for a facility, and the one in force.

create or replace function collateral.rules_in_force(_facility_id uuid)
returns collateral.rules
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select r
        from collateral.rules as r
        where r.facility_id = _facility_id
        order by r.version desc
        limit 1
    );
end
$$;
comment on function collateral.rules_in_force(uuid) is
    'The latest version of a facility''s rules; null before the first.';

create or replace function collateral.kind_rules(_rules collateral.rules)
returns collateral.rule_kind[]
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return array(
        select k
        from collateral.rule_kind as k
        where k.facility_id = _rules.facility_id and k.version = _rules.version
    );
end
$$;
comment on function collateral.kind_rules(collateral.rules) is 'The rules of each kind of assets, in that version.';

create or replace function collateral.record_rules(_data jsonb)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    facility constant uuid := (_data ->> 'facility_id')::uuid;
    next_version int4;
begin
    perform collateral.set_secured_facility(facility);
    next_version := coalesce((collateral.rules_in_force(facility)).version, 0) + 1;
    insert into collateral.rules
        (facility_id, version, concentration_cap_bp, coverage_floor_bp, valuation_age_max_days, receipt_age_max_days,
         lapse_guard_days, reserves_minor)
    values
        (facility, next_version, (_data ->> 'concentration_cap_bp')::int4, (_data ->> 'coverage_floor_bp')::int4,
         (_data ->> 'valuation_age_max_days')::int4, (_data ->> 'receipt_age_max_days')::int4,
         (_data ->> 'lapse_guard_days')::int4, (_data ->> 'reserves_minor')::bigint);
    insert into collateral.rule_kind (facility_id, version, asset_kind, advance_rate_bp, haircut_bp)
    select facility, next_version, k.asset_kind, k.advance_rate_bp, k.haircut_bp
    from jsonb_to_recordset(_data -> 'kinds') as k (asset_kind text, advance_rate_bp int4, haircut_bp int4);
end
$$;
comment on function collateral.record_rules(jsonb) is
    'rules.recorded: the next version of a facility''s eligibility rules.';

create or replace function collateral.rules_json(_rules collateral.rules)
returns jsonb
language sql
stable
return case when (_rules).version is not null then jsonb_build_object(
    'version', (_rules).version,
    'concentration_cap_bp', (_rules).concentration_cap_bp,
    'coverage_floor_bp', (_rules).coverage_floor_bp,
    'valuation_age_max_days', (_rules).valuation_age_max_days,
    'receipt_age_max_days', (_rules).receipt_age_max_days,
    'lapse_guard_days', (_rules).lapse_guard_days,
    'reserves_minor', (_rules).reserves_minor::text,
    'kinds', (
        select coalesce(jsonb_agg(jsonb_build_object(
            'asset_kind', k.asset_kind, 'advance_rate_bp', k.advance_rate_bp, 'haircut_bp', k.haircut_bp
        ) order by k.asset_kind), '[]')
        from collateral.rule_kind as k
        where k.facility_id = (_rules).facility_id and k.version = (_rules).version
    )
) end;
comment on function collateral.rules_json(collateral.rules) is
    'Eligibility rules as replies show them; null without any.';
