-- What the record comes to: a filing's standing, the borrowing base, and whether a settlement may rest on them.

-- ---------------------------------------------------------------------------------------------
-- A filing and its amendments, by law.

create function collateral.is_authorised(_filing_id uuid, _kind text, _release_id uuid)
returns boolean
language sql
stable
return exists (
    select
    from collateral.release as r
    where r.facility_id = collateral.facility_id()
        and r.filing_id = _filing_id
        and r.status = 'APPROVED'
        and case _kind when 'termination' then r.kind = 'termination' else r.release_id = _release_id end
);
comment on function collateral.is_authorised(uuid, text, uuid) is
    '9-509(d): whether an amendment that takes cover away rests on an approved release. A termination on one of termination; all else on the one it names.';

create function collateral.without_party(_parties jsonb, _party_id uuid)
returns jsonb
language sql
immutable
return coalesce((
    select jsonb_agg(p.party order by p.place)
    from jsonb_array_elements(_parties) with ordinality as p (party, place)
    where p.party ->> 'party_id' <> _party_id::text
), '[]');

create function collateral.fold(_filing collateral.filing)
returns collateral.filing_standing
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    standing collateral.filing_standing;
    amendment collateral.amendment;
    takes_away boolean;
    parties jsonb;
    reason text;
begin
    standing.facility_id := _filing.facility_id;
    standing.filing_id := _filing.filing_id;
    standing.lapse_on := collateral.lapse(_filing.designation, _filing.filed_on);
    standing.disputed := false;
    standing.descriptions := case when _filing.description = '' then '[]' else jsonb_build_array(_filing.description) end;
    standing.effects := '[]';
    select
        coalesce(jsonb_agg(of_record.party order by of_record.party_id) filter (where of_record.role = 'debtor'), '[]'),
        coalesce(jsonb_agg(of_record.party order by of_record.party_id) filter (where of_record.role = 'secured'), '[]')
    into standing.debtors, standing.secured_parties
    from (
        select p.role, p.party_id, jsonb_build_object('party_id', p.party_id, 'name', p.name) as party
        from collateral.filing_party as p
        where p.facility_id = _filing.facility_id and p.filing_id = _filing.filing_id
    ) as of_record;

    -- In the order of filing: an amendment that is reported late changes what came after it.
    for amendment in
        select a.*
        from collateral.amendment as a
        where a.facility_id = _filing.facility_id and a.filing_id = _filing.filing_id
        order by a.filed_at, a.recorded_at, a.amendment_id
    loop
        takes_away := amendment.kind = 'termination'
            or (amendment.kind = 'collateral' and amendment.action in ('delete', 'restate'))
            or (amendment.kind = 'party' and amendment.action = 'delete');
        parties := case amendment.role when 'debtor' then standing.debtors else standing.secured_parties end;
        reason := case
            when amendment.filed_at < _filing.filed_at then 'before-filing'
            when standing.terminated_on is not null then 'after-termination'
            when amendment.filed_on > standing.lapse_on then 'after-lapse'
            when amendment.kind = 'party' and amendment.action <> 'add'
                and collateral.without_party(parties, amendment.party_id) = parties then 'not-of-record'
            when amendment.replaces_party_id is not null
                and collateral.without_party(parties, amendment.replaces_party_id) = parties then 'not-of-record'
            when takes_away
                and not collateral.is_authorised(_filing.filing_id, amendment.kind, amendment.release_id)
                then 'not-authorised'
            when amendment.kind = 'continuation' and standing.lapse_on is null then 'no-lapse'
            when amendment.kind = 'continuation'
                and collateral.continued(standing.lapse_on, amendment.filed_on) is null then 'before-window'
            -- 9-512(e)
            when amendment.kind = 'party' and amendment.action = 'delete'
                and collateral.without_party(parties, amendment.party_id) = '[]' then 'last-party'
        end;
        standing.effects := standing.effects || jsonb_build_object(
            'amendment_id', amendment.amendment_id, 'effective', reason is null, 'reason', reason);
        standing.disputed := standing.disputed or reason is not distinct from 'not-authorised';
        continue when reason is not null;

        if amendment.kind in ('assignment', 'party') then
            parties := collateral.without_party(parties, amendment.party_id);
            if amendment.replaces_party_id is not null then
                parties := collateral.without_party(parties, amendment.replaces_party_id);
            end if;
            if amendment.name is not null then
                parties := parties || jsonb_build_object('party_id', amendment.party_id, 'name', amendment.name);
            end if;
        end if;
        case amendment.kind
            when 'continuation' then
                standing.lapse_on := collateral.continued(standing.lapse_on, amendment.filed_on);
            when 'termination' then
                standing.terminated_on := amendment.filed_on;
            when 'assignment' then
                standing.secured_parties := parties;
            when 'party' then
                if amendment.role = 'debtor' then
                    standing.debtors := parties;
                else
                    standing.secured_parties := parties;
                end if;
            when 'collateral' then
                standing.descriptions := case amendment.action
                    when 'restate' then jsonb_build_array(amendment.description)
                    when 'add' then standing.descriptions || to_jsonb(amendment.description)
                    else standing.descriptions || to_jsonb('deleted: ' || amendment.description)
                end;
        end case;
    end loop;
    return standing;
end
$$;
comment on function collateral.fold(collateral.filing) is
    'What a filing and all its amendments come to (9-509, 9-510, 9-512 to 9-515). Each amendment is recorded as filed, and has the effect that the law gives it.';

create function collateral.stand(_filing_id uuid)
returns collateral.filing_standing
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    standing collateral.filing_standing;
begin
    select (collateral.fold(f)).* into strict standing
    from collateral.filing as f
    where f.facility_id = collateral.facility_id() and f.filing_id = _filing_id;
    update collateral.filing_standing as s
    set lapse_on = standing.lapse_on,
        terminated_on = standing.terminated_on,
        disputed = standing.disputed,
        debtors = standing.debtors,
        secured_parties = standing.secured_parties,
        descriptions = standing.descriptions,
        effects = standing.effects
    where s.facility_id = standing.facility_id and s.filing_id = standing.filing_id;
    if not found then
        insert into collateral.filing_standing
        values (standing.*);
    end if;
    return standing;
end
$$;
comment on function collateral.stand(uuid) is 'Folds a filing of the facility entered, and keeps what it comes to.';

-- ---------------------------------------------------------------------------------------------
-- Keeping the sums.

create type collateral.sum as (
    obligor text,
    asset_kind text,
    holdings bigint,
    value_minor numeric
);
comment on type collateral.sum is 'How many holdings count, and their value: of one obligor''s one kind, or of one kind with no obligor.';

create function collateral.add(_facility_id uuid, _changes collateral.sum[])
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
comment on function collateral.add(uuid, collateral.sum[]) is 'Adds to the three sums what has changed: one element for each obligor and kind.';

create function collateral.recount(_facility_id uuid, _asset_ids uuid[])
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    changes collateral.sum[];
begin
    with before as (
        select h.*
        from collateral.holding as h
        where h.facility_id = _facility_id and h.asset_id = any (_asset_ids)
    ),
    latest as (
        select
            b.pledge_id, b.obligor, b.asset_kind, b.counts as counted, b.value_minor as value_before_minor,
            v.as_of as valued_on, v.value_minor, r.as_of as received_on,
            v.as_of is not null and r.as_of is not null as counts
        from before as b
        left join lateral (
            select n.as_of, n.value_minor
            from collateral.valuation as n
            where n.facility_id = _facility_id and n.asset_id = b.asset_id
            order by n.as_of desc, n.recorded_at desc
            limit 1
        ) as v on true
        left join lateral (
            select n.as_of
            from collateral.custody_receipt as n
            where n.facility_id = _facility_id and n.asset_id = b.asset_id
            order by n.as_of desc, n.recorded_at desc
            limit 1
        ) as r on true
        where (b.valued_on, b.value_minor, b.received_on) is distinct from (v.as_of, v.value_minor, r.as_of)
    ),
    changed as (
        update collateral.holding as h
        set valued_on = l.valued_on, value_minor = l.value_minor, received_on = l.received_on
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
    where c.holdings <> 0 or c.value_minor <> 0;
    if changes is not null then
        perform collateral.add(_facility_id, changes);
    end if;
end
$$;
comment on function collateral.recount(uuid, uuid[]) is
    'Brings the holdings of these assets up to their latest valuations and receipts, and the sums with them.';

create function collateral.sums_again(
    _facility_id uuid,
    _valued_from date default '-infinity',
    _received_from date default '-infinity',
    _without uuid[] default '{}'
)
returns collateral.sum[]
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return coalesce((
        select array_agg(row(s.obligor, s.asset_kind, s.holdings, s.value_minor)::collateral.sum order by s.obligor, s.asset_kind)
        from (
            select h.obligor, h.asset_kind, count(*) as holdings, sum(h.value_minor) as value_minor
            from collateral.holding as h
            where h.facility_id = _facility_id
                and h.counts
                and h.valued_on >= _valued_from
                and h.received_on >= _received_from
                and h.pledge_id <> all (_without)
            group by h.obligor, h.asset_kind
        ) as s
    ), '{}');
end
$$;
comment on function collateral.sums_again(uuid, date, date, uuid[]) is
    'The sums by obligor and kind, added up from the holdings: all, or those valued and received since then, or all but some.';

-- ---------------------------------------------------------------------------------------------
-- The borrowing base. Whole minor units; each product is rounded down.

create function collateral.rules_in_force(_facility_id uuid)
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
comment on function collateral.rules_in_force(uuid) is 'The latest version; null before the first.';

create type collateral.figures as (
    rules_version int4,
    as_of date,
    holdings bigint,
    eligible_minor numeric,
    excess_minor numeric,
    reserves_minor numeric,
    base_minor numeric,
    drawn_minor numeric,
    availability_minor numeric,
    coverage_bp numeric,
    inputs text
);
comment on type collateral.figures is 'A borrowing base with all it follows from.';

create function collateral.kind_rules(_rules collateral.rules)
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
comment on function collateral.kind_rules(collateral.rules) is 'The rules of each kind, in that version.';

create function collateral.eligible_minor(_kind_rules collateral.rule_kind[], _kinds collateral.sum[])
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
    'E: what is left after haircuts; a kind without a rule counts nothing.';

create function collateral.figure(
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
    figures.as_of := (now() at time zone 'UTC')::date;
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
    -- What is over the cap is taken from what would be advanced most.
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
    figures.inputs := jsonb_build_object(
        'facility_id', _rules.facility_id,
        'as_of', figures.as_of,
        'rules', jsonb_build_object(
            'version', _rules.version,
            'concentration_cap_bp', _rules.concentration_cap_bp,
            'coverage_floor_bp', _rules.coverage_floor_bp,
            'reserves_minor', figures.reserves_minor::text,
            'kinds', (
                select jsonb_object_agg(r.asset_kind, jsonb_build_array(r.advance_rate_bp, r.haircut_bp))
                from unnest(_kind_rules) as r
            )
        ),
        'drawn_minor', _drawn_minor::text,
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
                having sum(c.value_minor) > cap_minor
            )
        )
    )::text;
    return figures;
end
$$;
comment on function collateral.figure(collateral.rules, collateral.rule_kind[], collateral.sum[], collateral.sum[], numeric) is
    'The borrowing base: each kind''s value less its haircut, less what obligors owe over the cap, times its rate; less reserves. Obligors that cannot be over the cap may be left out.';

create function collateral.by_kind(_sums collateral.sum[])
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

create function collateral.drawn_minor(_facility_id uuid)
returns numeric
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (select u.utilised_minor from capital.facility_utilisation as u where u.facility_id = _facility_id);
end
$$;
comment on function collateral.drawn_minor(uuid) is 'Capital reserved, escrowed or settled into the facility, by all allocators.';

create function collateral.base_kept(_facility_id uuid, _rules collateral.rules)
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
    -- Nobody owes more after haircuts than before: whose value is within the cap cannot be over it. So few can
    -- be that their number does not grow with the facility's.
    cap_minor := least(
        div(collateral.eligible_minor(kind_rules, kinds) * _rules.concentration_cap_bp, 10000),
        -- All that an obligor's sum can be.
        9223372036854775807
    );
    obligors := array(
        select row(k.obligor, k.asset_kind, k.holdings, k.value_minor)::collateral.sum
        from collateral.obligor_sum as o
        join collateral.obligor_kind_sum as k on k.facility_id = o.facility_id and k.obligor = o.obligor
        where o.facility_id = _facility_id and o.value_minor > cap_minor and k.holdings > 0
    );
    return collateral.figure(_rules, kind_rules, kinds, obligors, collateral.drawn_minor(_facility_id));
end
$$;
comment on function collateral.base_kept(uuid, collateral.rules) is 'The base from the sums that are kept: what a settlement is held against.';

create function collateral.base_again(_facility_id uuid, _rules collateral.rules, _without uuid[] default '{}')
returns collateral.figures
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    today constant date := (now() at time zone 'UTC')::date;
    sums collateral.sum[] := collateral.sums_again(
        _facility_id, today - _rules.valuation_age_max_days, today - _rules.receipt_age_max_days, _without
    );
begin
    return collateral.figure(
        _rules, collateral.kind_rules(_rules), collateral.by_kind(sums), sums, collateral.drawn_minor(_facility_id));
end
$$;
comment on function collateral.base_again(uuid, collateral.rules, uuid[]) is
    'The base added up anew from what is fresh today, with or without some pledges: what is shown, and what a release would leave.';

create function collateral.figures_json(_figures collateral.figures)
returns jsonb
language sql
immutable
return jsonb_build_object(
    'rules_version', (_figures).rules_version,
    'as_of', (_figures).as_of,
    'holdings', (_figures).holdings,
    'eligible_minor', (_figures).eligible_minor::text,
    'excess_minor', (_figures).excess_minor::text,
    'reserves_minor', (_figures).reserves_minor::text,
    'base_minor', (_figures).base_minor::text,
    'drawn_minor', (_figures).drawn_minor::text,
    'availability_minor', (_figures).availability_minor::text,
    'coverage_bp', (_figures).coverage_bp,
    'inputs_sha256', encode(collateral.text_sha256((_figures).inputs), 'hex')
);
comment on function collateral.figures_json(collateral.figures) is 'A borrowing base as replies show it.';

-- ---------------------------------------------------------------------------------------------
-- May a settlement rest on it?

create function collateral.notice()
returns text
language sql
immutable
parallel safe
return 'The log proves that this record is unchanged. It does not prove title, attachment, or that an office accepted a filing.';
comment on function collateral.notice() is 'What every reply about collateral says of itself.';

create function collateral.cover_problems(_facility_id uuid, _guard_days int4, _value_date date)
returns jsonb
-- Not SQL, which would be planned at each call.
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    problems jsonb;
begin
    with relied as (
        select
            c.filing_id, c.agreement_id, c.debtor_party_id,
            coalesce((
                s.secured_parties <> '[]' and s.descriptions <> '[]' and s.debtors @> jsonb_build_array(
                    jsonb_build_object('party_id', c.debtor_party_id))
            ), false) as sufficient,
            p.jurisdiction ~ '^US-[A-Z]{2}$' and p.jurisdiction = f.office as in_office,
            coalesce(s.debtors @> jsonb_build_array(
                jsonb_build_object('party_id', c.debtor_party_id, 'name', p.organic_name)), false) as named,
            coalesce(s.lapse_on > greatest(_value_date, t.today) + _guard_days, true) as lasting,
            s.lapse_on,
            s.terminated_on is null as in_effect,
            not s.disputed as undisputed,
            a.debtor_party_id = c.debtor_party_id
                and c.asset_kind = any (a.asset_kinds)
                and a.dated_on <= t.today
                and coalesce(a.ends_on > greatest(_value_date, t.today), true) as agreed,
            coalesce(r.through_on > f.filed_on, false) as searched,
            -- A finding stands until a later report goes as far and has it no more: two that contradict each other
            -- are not settled by the one that suits.
            not exists (
                select
                from collateral.search as h
                join collateral.search_finding as n
                    on n.facility_id = h.facility_id and n.search_id = h.search_id
                where h.facility_id = c.facility_id
                    and h.office = f.office
                    and h.party_id = c.debtor_party_id
                    and h.searched_name = p.organic_name
                    and n.filed_at < f.filed_at
                    and n.subordination_sha256 is null
                    and not exists (
                        select
                        from collateral.search as later
                        where later.facility_id = c.facility_id
                            and later.office = f.office
                            and later.party_id = c.debtor_party_id
                            and later.searched_name = p.organic_name
                            and later.through_on >= h.through_on
                            and later.recorded_at > h.recorded_at
                    )
            ) as first
        from (select (now() at time zone 'UTC')::date as today) as t
        cross join collateral.cover as c
        join collateral.filing as f on f.facility_id = c.facility_id and f.filing_id = c.filing_id
        join collateral.filing_standing as s on s.facility_id = c.facility_id and s.filing_id = c.filing_id
        join collateral.party as p on p.facility_id = c.facility_id and p.party_id = c.debtor_party_id
        join collateral.agreement as a on a.facility_id = c.facility_id and a.agreement_id = c.agreement_id
        left join lateral (
            select h.through_on
            from collateral.search as h
            where h.facility_id = c.facility_id
                and h.office = f.office
                and h.party_id = c.debtor_party_id
                and h.searched_name = p.organic_name
            order by h.through_on desc
            limit 1
        ) as r on true
        where c.facility_id = _facility_id and c.pledges > 0
    ),
    failed as (
        select k.place, k.name, jsonb_agg(distinct k.subject) as subjects
        from relied as r
        cross join lateral (
            values
                (1, 'filing-insufficient', r.sufficient, jsonb_build_object('filing_id', r.filing_id)),
                (2, 'filing-office', r.in_office, jsonb_build_object('filing_id', r.filing_id)),
                (3, 'filing-name', r.named or not r.sufficient,
                    jsonb_build_object('filing_id', r.filing_id, 'party_id', r.debtor_party_id)),
                (4, 'filing-lapsing', r.lasting,
                    jsonb_build_object('filing_id', r.filing_id, 'lapse_on', r.lapse_on)),
                (5, 'filing-terminated', r.in_effect, jsonb_build_object('filing_id', r.filing_id)),
                (6, 'filing-disputed', r.undisputed, jsonb_build_object('filing_id', r.filing_id)),
                (7, 'agreement-missing', r.agreed,
                    jsonb_build_object('filing_id', r.filing_id, 'agreement_id', r.agreement_id)),
                (8, 'search-missing', r.searched,
                    jsonb_build_object('filing_id', r.filing_id, 'party_id', r.debtor_party_id)),
                (9, 'search-adverse', r.first,
                    jsonb_build_object('filing_id', r.filing_id, 'party_id', r.debtor_party_id))
        ) as k (place, name, held, subject)
        where not k.held
        group by k.place, k.name
    )
    select coalesce(
        jsonb_agg(ledger.problem(f.name, jsonb_build_object('subjects', f.subjects)) order by f.place), '[]'
    )
    || case when exists (select from relied) then '[]'::jsonb else jsonb_build_array(ledger.problem('filing-missing')) end
    into problems
    from failed as f;
    return problems;
end
$$;
comment on function collateral.cover_problems(uuid, int4, date) is
    'Whatever does not hold of the filings, agreements and searches that pledges in force rely on (9-203, 9-301, 9-307, 9-501 to 9-503, 9-509, 9-513, 9-515, 9-322).';

create function collateral.stale_problems(_facility_id uuid, _rules collateral.rules)
returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    today constant date := (now() at time zone 'UTC')::date;
    problems jsonb := '[]';
    oldest date;
begin
    select min(h.valued_on) into oldest
    from collateral.holding as h
    where h.facility_id = _facility_id and h.counts;
    if oldest < today - _rules.valuation_age_max_days then
        problems := problems || ledger.problem('valuation-stale', jsonb_build_object('oldest', oldest));
    end if;
    select min(h.received_on) into oldest
    from collateral.holding as h
    where h.facility_id = _facility_id and h.counts;
    if oldest < today - _rules.receipt_age_max_days then
        problems := problems || ledger.problem('custody-stale', jsonb_build_object('oldest', oldest));
    end if;
    return problems;
end
$$;
comment on function collateral.stale_problems(uuid, collateral.rules) is
    'Valuations and receipts that have counted and are older than the rules allow, today.';

create function collateral.base_problems(_figures collateral.figures, _rules collateral.rules, _facility_id uuid, _more_minor numeric)
returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    problems jsonb := '[]';
    after_minor constant numeric := _figures.drawn_minor + _more_minor;
    missing record;
begin
    if _figures.availability_minor < _more_minor then
        select
            count(*) filter (where h.valued_on is null) as valuations,
            count(*) filter (where h.received_on is null) as receipts
        into missing
        from collateral.holding as h
        where h.facility_id = _facility_id;
        if missing.valuations > 0 then
            problems := problems || ledger.problem(
                'valuation-missing', jsonb_build_object('pledges', missing.valuations));
        end if;
        if missing.receipts > 0 then
            problems := problems || ledger.problem('custody-missing', jsonb_build_object('pledges', missing.receipts));
        end if;
        problems := problems || ledger.problem('availability-short', jsonb_build_object(
            'availability_minor', _figures.availability_minor::text, 'required_minor', _more_minor::text));
    end if;
    if (_figures.eligible_minor - _figures.excess_minor) * 10000 < after_minor * _rules.coverage_floor_bp then
        problems := problems || ledger.problem('coverage-short', jsonb_build_object(
            'coverage_bp', div((_figures.eligible_minor - _figures.excess_minor) * 10000, nullif(after_minor, 0)),
            'floor_bp', _rules.coverage_floor_bp));
    end if;
    return problems;
end
$$;
comment on function collateral.base_problems(collateral.figures, collateral.rules, uuid, numeric) is
    'Whether the base has room for so much more, and covers what would be drawn then.';

create function collateral.require(_settlement capital.settlement)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    facility constant uuid := _settlement.facility_id;
    rules collateral.rules;
    figures collateral.figures;
    problems jsonb;
begin
    if not _settlement.secured then
        return '{}';
    end if;
    if not collateral.enter(facility) then
        perform ledger.refuse('not-found');
    end if;
    rules := collateral.rules_in_force(facility);
    if rules.version is null then
        perform ledger.refuse('collateral-deficient', jsonb_build_object(
            'problems', jsonb_build_array(ledger.problem('rules-missing')), 'notice', collateral.notice()));
    end if;
    figures := collateral.base_kept(facility, rules);
    problems := collateral.cover_problems(facility, rules.lapse_guard_days, _settlement.value_date)
        || collateral.stale_problems(facility, rules)
        -- From VERIFIED on its amount is drawn already.
        || collateral.base_problems(
            figures, rules, facility,
            case when _settlement.status = 'PENDING' then _settlement.amount_minor else 0 end
        );
    if problems <> '[]' then
        perform ledger.refuse('collateral-deficient', jsonb_build_object(
            'problems', problems, 'borrowing_base', collateral.figures_json(figures), 'notice', collateral.notice()));
    end if;
    insert into collateral.borrowing_base
        (facility_id, settlement_id, version, inputs, base_minor, drawn_minor, coverage_bp)
    values
        (facility, _settlement.settlement_id, _settlement.version, figures.inputs, figures.base_minor,
         figures.drawn_minor, figures.coverage_bp);
    return jsonb_build_object(
        'borrowing_base', collateral.figures_json(figures), 'notice', collateral.notice());
end
$$;
comment on function collateral.require(capital.settlement) is
    'Refuses collateral-deficient, with every reason, unless the collateral bears this settlement''s next step; else records the base it rests on. In an unsecured facility nothing is asked.';

create or replace function capital.settlement_json(_settlement capital.settlement)
returns jsonb
language sql
stable
return jsonb_build_object(
    'id', _settlement.settlement_id,
    'allocator_id', _settlement.allocator_id,
    'facility_id', _settlement.facility_id,
    'secured', _settlement.secured,
    'status', _settlement.status,
    'amount_minor', _settlement.amount_minor::text,
    'currency', _settlement.currency,
    'value_date', _settlement.value_date,
    'uetr', _settlement.uetr,
    'reference', _settlement.reference,
    'expires_at', ledger.rfc3339(_settlement.expires_at),
    'created_at', ledger.rfc3339(_settlement.created_at),
    'created_by', _settlement.created_by,
    'version', _settlement.version
);

create or replace function capital.report_on_settlement(
    _agent_kind text,
    _operation text,
    _agent_id text,
    _attempt text,
    _delivery_id text,
    _key bytea,
    _fingerprint bytea,
    _to text,
    _from text,
    _event_type text,
    _settlement_id uuid,
    _facility_id uuid,
    _amount_minor bigint,
    _currency text,
    _reason text
)
returns ledger.reply
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    known ledger.reply;
    allocator uuid;
    settlement capital.settlement;
    rests_on jsonb := '{}';
    refusal text;
    members text;
begin
    if not auth.present_agent(_agent_id, _agent_kind) then
        return ledger.unrecorded('not-found');
    end if;
    if _to is null or (_to <> 'FAILED' and (_amount_minor is null or _currency is null)) then
        raise exception using errcode = 'OPK04', message = 'a report names its event, and one of success its amount';
    end if;
    known := ledger.claim(_attempt, _operation, '', _delivery_id, _key, _fingerprint);
    if known.outcome is not null then
        return known;
    end if;

    begin
        -- Row-level security shows an agent the settlements of the facilities it is named in; here it
        -- must be named for this very task.
        select s.allocator_id into allocator
        from capital.settlement as s
        join capital.facility as f on f.facility_id = s.facility_id
        where s.settlement_id = _settlement_id
            and _agent_id = case _agent_kind
                when 'escrow' then f.escrow_agent_id
                when 'settlement' then f.settlement_agent_id
            end;
        if not found then
            perform ledger.refuse('not-found');
        end if;
        perform auth.scope_to(allocator);
        select * into strict settlement
        from capital.settlement as s
        where s.settlement_id = _settlement_id
        for update;

        if settlement.facility_id <> _facility_id then
            perform ledger.refuse('facility-mismatch');
        end if;
        -- A report of failure names no amount and no currency.
        if settlement.currency <> _currency then
            perform ledger.refuse('currency-mismatch', jsonb_build_object('expected', settlement.currency));
        end if;
        if settlement.amount_minor <> _amount_minor then
            perform ledger.refuse('amount-mismatch', jsonb_build_object('expected_minor', settlement.amount_minor::text));
        end if;
        perform capital.require_state(settlement, _to, _from);
        -- When a settlement's time is over must not depend on when the scheduler comes by.
        if _to = 'ESCROWED' and settlement.expires_at <= now() then
            perform ledger.refuse('expired');
        end if;
        -- What held at VERIFIED must hold still. Capital that goes back needs no cover.
        if _to <> 'FAILED' then
            rests_on := collateral.require(settlement);
        end if;
        settlement := capital.transition(settlement, _to, _reason);
    exception
        when sqlstate 'OPK01' then
            get stacked diagnostics refusal = message_text, members = pg_exception_detail;
            return ledger.conclude_refused(allocator, refusal, members);
    end;
    return ledger.conclude('accepted', 200, allocator, jsonb_build_object(
        'duplicate', false, 'id', _delivery_id, 'type', _event_type,
        'settlement', capital.settlement_json(settlement) || rests_on
    ));
end
$$;
