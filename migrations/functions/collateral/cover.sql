-- May a settlement rest on its facility's collateral? The answer is every reason against it, not only the first: the
-- conditions of filings, agreements and searches; the age of the evidence; the room in the borrowing base.

create or replace function collateral.notice()
returns text
language sql
immutable
parallel safe
return 'The log proves that this record is unchanged. It does not prove title, attachment, or that an office accepted '
    'a filing.';
comment on function collateral.notice() is 'What every reply about collateral says of its limits.';

-- The conditions, all of which must hold:
--   sufficient   debtor, secured party and an indication of collateral are of record (9-502)
--   in_office    the filing is in the office of the debtor's state (9-301, 9-307, 9-501)
--   named        it gives the debtor its name on the public organic record (9-503)
--   lasting      it lapses after the value date and the guard days (9-515)
--   in_effect    it is not terminated (9-513)
--   uncontested  no other facility has the filing before this one
--   undisputed   no amendment takes cover away without authority (9-509, 9-510)
--   agreed       the debtor's agreement covers the kind, today and on the value date (9-203)
--   searched     a search under that name goes beyond the date of filing
--   first        no search shows an earlier filing of another that does not stand back (9-322, 9-339)
--
-- The functions that return tables are SQL, to be inlined into the query of cover_problems.

create or replace function collateral.adverse_findings(_facility_id uuid, _office text, _party_id uuid, _name text)
returns table (filed_at timestamptz)
language sql
stable
begin atomic
    select n.filed_at
    from collateral.search as h
    join collateral.search_finding as n on n.facility_id = h.facility_id and n.search_id = h.search_id
    where h.facility_id = _facility_id
        and h.office = _office
        and h.party_id = _party_id
        and h.searched_name = _name
        and n.subordination_sha256 is null
        and not exists (
            select
            from collateral.search as later
            where later.facility_id = _facility_id
                and later.office = _office
                and later.party_id = _party_id
                and later.searched_name = _name
                and later.through_on >= h.through_on
                and later.recorded_at > h.recorded_at
        );
end;
comment on function collateral.adverse_findings(uuid, text, uuid, text) is
    'When others filed against the debtor, as searches of the office show. A finding stays until a later search covers '
    'the same date and no longer lists it. A party that stands back by agreement is left out.';

create or replace function collateral.cover_conditions(_facility_id uuid, _guard_days int4, _value_date date)
returns table (
    filing_id uuid,
    agreement_id uuid,
    debtor_party_id uuid,
    lapse_on date,
    sufficient boolean,
    in_office boolean,
    named boolean,
    lasting boolean,
    in_effect boolean,
    uncontested boolean,
    undisputed boolean,
    agreed boolean,
    searched boolean,
    first boolean
)
language sql
stable
begin atomic
    select
        c.filing_id,
        c.agreement_id,
        c.debtor_party_id,
        s.lapse_on,
        coalesce((
            s.secured_parties is distinct from '[]' and s.descriptions is distinct from '[]'
            and s.debtors @> jsonb_build_array(
                jsonb_build_object('party_id', c.debtor_party_id))
        ), false),
        collateral.office_today(f.office) is not null and p.jurisdiction = f.office,
        coalesce(s.debtors @> jsonb_build_array(
            jsonb_build_object('party_id', c.debtor_party_id, 'name', p.organic_name)), false),
        coalesce(s.lapse_on > greatest(_value_date, collateral.office_today(f.office)) + _guard_days, true),
        s.terminated_on is null,
        collateral.comes_first(c.facility_id, 'filing', c.filing_id),
        s.disputed is false,
        a.debtor_party_id = c.debtor_party_id
            and c.asset_kind = any (a.asset_kinds)
            -- The debtor is located where the office is.
            and coalesce(a.ends_on > greatest(_value_date, collateral.office_today(f.office)), true),
        coalesce(r.through_on > f.filed_on, false),
        not exists (
            select
            from collateral.adverse_findings(c.facility_id, f.office, c.debtor_party_id, p.organic_name) as n
            where n.filed_at < f.filed_at
        )
    from collateral.cover as c
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
    where c.facility_id = _facility_id and c.pledges > 0;
end;
comment on function collateral.cover_conditions(uuid, int4, date) is
    'Which conditions hold, for a settlement of that value date. One row for each filing, agreement, debtor and kind '
    'of assets that pledges in force rely on.';

create or replace function collateral.code_point(_character text)
returns text
language sql
immutable
parallel safe
return 'U+' || (
    select lpad(h.digits, greatest(4, length(h.digits)), '0')
    from upper(to_hex(ascii(_character))) as h (digits)
);
comment on function collateral.code_point(text) is
    'A character as Unicode writes its code point: U+0053. Null for none.';

create or replace function collateral.name_difference(_organic_name text, _name text)
returns jsonb
language sql
immutable
parallel safe
return (
    select jsonb_build_object(
        'character', d.place,
        'organic', collateral.code_point(d.organic),
        'given', collateral.code_point(d.given)
    )
    from unnest(string_to_array(_organic_name, null), string_to_array(_name, null))
        with ordinality as d (organic, given, place)
    where _name is not null and d.organic is distinct from d.given
    order by d.place
    limit 1
);
comment on function collateral.name_difference(text, text) is
    'Where a name differs first from the one on the public organic record, and the two characters by their code '
    'points: letters that look alike differ there. A character is null where its name has ended. Null without a name.';

create or replace function collateral.filed_difference(_facility_id uuid, _filing_id uuid, _party_id uuid)
returns jsonb
language sql
stable
return (
    select collateral.name_difference(p.organic_name, d.value ->> 'name')
    from collateral.filing_standing as s
    join collateral.party as p on p.facility_id = s.facility_id and p.party_id = _party_id
    cross join jsonb_array_elements(s.debtors) as d
    where s.facility_id = _facility_id and s.filing_id = _filing_id and (d.value ->> 'party_id')::uuid = _party_id
    limit 1
);
comment on function collateral.filed_difference(uuid, uuid, uuid) is
    'How a filing''s name of its debtor differs from the organic one.';

create or replace function collateral.searched_difference(_facility_id uuid, _filing_id uuid, _party_id uuid)
returns jsonb
language sql
stable
return (
    select collateral.name_difference(p.organic_name, h.searched_name)
    from collateral.filing as f
    join collateral.party as p on p.facility_id = f.facility_id and p.party_id = _party_id
    join collateral.search as h
        on h.facility_id = f.facility_id and h.office = f.office and h.party_id = _party_id
            and h.through_on > f.filed_on
    where f.facility_id = _facility_id and f.filing_id = _filing_id
    order by h.through_on desc, h.recorded_at desc
    limit 1
);
comment on function collateral.searched_difference(uuid, uuid, uuid) is
    'How the name of the latest search beyond a filing differs from the debtor''s organic one. Null without a search.';

create or replace function collateral.cover_problems(_facility_id uuid, _guard_days int4, _value_date date)
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
        select r.* from collateral.cover_conditions(_facility_id, _guard_days, _value_date) as r
    ),
    -- Many pledges may rely on one filing: each subject once, before more is asked of it.
    failed as (
        select distinct k.place, k.name, k.subject
        from relied as r
        cross join lateral (
            values
                (1, 'filing-insufficient', r.sufficient, jsonb_build_object('filing_id', r.filing_id)),
                (2, 'filing-office', r.in_office, jsonb_build_object('filing_id', r.filing_id)),
                (3, 'filing-name', r.named or r.sufficient is not true,
                    jsonb_build_object('filing_id', r.filing_id, 'party_id', r.debtor_party_id)),
                (4, 'filing-lapsing', r.lasting,
                    jsonb_build_object('filing_id', r.filing_id, 'lapse_on', r.lapse_on)),
                (5, 'filing-terminated', r.in_effect, jsonb_build_object('filing_id', r.filing_id)),
                (6, 'filing-disputed', r.undisputed, jsonb_build_object('filing_id', r.filing_id)),
                (7, 'filing-contested', r.uncontested, jsonb_build_object('filing_id', r.filing_id)),
                (8, 'agreement-missing', r.agreed,
                    jsonb_build_object('filing_id', r.filing_id, 'agreement_id', r.agreement_id)),
                (9, 'search-missing', r.searched,
                    jsonb_build_object('filing_id', r.filing_id, 'party_id', r.debtor_party_id)),
                (10, 'search-adverse', r.first,
                    jsonb_build_object('filing_id', r.filing_id, 'party_id', r.debtor_party_id))
        ) as k (place, name, held, subject)
        where k.held is not true
    ),
    told as (
        select f.place, f.name, jsonb_agg(f.subject || case f.name
            when 'filing-name' then jsonb_build_object('difference', collateral.filed_difference(
                _facility_id, (f.subject ->> 'filing_id')::uuid, (f.subject ->> 'party_id')::uuid))
            when 'search-missing' then jsonb_build_object('difference', collateral.searched_difference(
                _facility_id, (f.subject ->> 'filing_id')::uuid, (f.subject ->> 'party_id')::uuid))
            else '{}'
        end order by f.subject) as subjects
        from failed as f
        group by f.place, f.name
    )
    select coalesce(
        jsonb_agg(ledger.reason(t.name, jsonb_build_object('subjects', t.subjects)) order by t.place), '[]'
    )
    || case
        when exists (select from relied) then '[]'::jsonb
        else jsonb_build_array(ledger.reason('filing-missing'))
    end
    into problems
    from told as t;
    return problems;
end
$$;
comment on function collateral.cover_problems(uuid, int4, date) is
    'The conditions that do not hold, each as a reason with its subjects.';

create or replace function collateral.stale_problems(_facility_id uuid, _rules collateral.rules)
returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    today constant date := ledger.today();
    problems jsonb := '[]';
    oldest date;
begin
    select min(h.valued_on) into oldest
    from collateral.holding as h
    where h.facility_id = _facility_id and h.counts;
    -- known: where no pledge counts, nothing is stale
    if oldest < today - _rules.valuation_age_max_days then
        problems := problems || ledger.reason('valuation-stale', jsonb_build_object('oldest', oldest));
    end if;
    select min(h.held_on) into oldest
    from collateral.holding as h
    where h.facility_id = _facility_id and h.counts;
    -- known: the same
    if oldest < today - _rules.receipt_age_max_days then
        problems := problems || ledger.reason('custody-stale', jsonb_build_object('oldest', oldest));
    end if;
    return problems;
end
$$;
comment on function collateral.stale_problems(uuid, collateral.rules) is
    'The evidence that is older today than the rules allow: valuations and receipts of pledges that count.';

create or replace function collateral.base_problems(
    _figures collateral.figures,
    _rules collateral.rules,
    _facility_id uuid,
    _more_minor numeric
)
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
    if (_figures.availability_minor >= _more_minor) is not true then
        select
            count(*) filter (where h.valued_on is null) as valuations,
            count(*) filter (where h.held_on is null) as receipts
        into missing
        from collateral.holding as h
        where h.facility_id = _facility_id;
        -- known: counts
        if missing.valuations > 0 then
            problems := problems || ledger.reason(
                'valuation-missing', jsonb_build_object('pledges_count', missing.valuations));
        end if;
        -- known: a count
        if missing.receipts > 0 then
            problems := problems || ledger.reason(
                'custody-missing', jsonb_build_object('pledges_count', missing.receipts));
        end if;
        problems := problems || ledger.reason('availability-short', jsonb_build_object(
            'availability_minor', _figures.availability_minor::text, 'required_minor', _more_minor::text));
    end if;
    if ((_figures.eligible_minor - _figures.excess_minor) * 10000 >= after_minor * _rules.coverage_floor_bp) is not true
    then
        problems := problems || ledger.reason('coverage-short', jsonb_build_object(
            'coverage_bp', div((_figures.eligible_minor - _figures.excess_minor) * 10000, nullif(after_minor, 0)),
            'floor_bp', _rules.coverage_floor_bp));
    end if;
    return problems;
end
$$;
comment on function collateral.base_problems(collateral.figures, collateral.rules, uuid, numeric) is
    'What the base lacks: room for so much more, or coverage of what would be drawn then.';

create or replace function collateral.cover_verdict(
    _settlement capital.settlement,
    out reason jsonb,
    out figures collateral.figures
)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    facility constant uuid := _settlement.facility_id;
    rules collateral.rules;
    problems jsonb;
begin
    if _settlement.secured is false then
        return;
    end if;
    if collateral.set_facility(facility) is not true then
        reason := ledger.reason('not-found');
        return;
    end if;
    rules := collateral.rules_in_force(facility);
    if rules.version is null then
        problems := jsonb_build_array(ledger.reason('rules-missing'));
        reason := ledger.reason('collateral-deficient', jsonb_build_object(
            'problems', problems, 'notice', collateral.notice()));
        return;
    end if;
    figures := collateral.borrowing_base_from_kept_sums(facility, rules);
    problems := collateral.cover_problems(facility, rules.lapse_guard_days, _settlement.value_date)
        || collateral.stale_problems(facility, rules)
        -- From VERIFIED on the settlement's amount is drawn already.
        || collateral.base_problems(
            figures, rules, facility,
            case when _settlement.status = 'PENDING' then _settlement.amount_minor else 0 end
        );
    if problems is distinct from '[]' then
        reason := ledger.reason('collateral-deficient', jsonb_build_object(
            'problems', problems, 'borrowing_base', collateral.figures_json(figures), 'notice', collateral.notice()));
    end if;
end
$$;
comment on function collateral.cover_verdict(capital.settlement) is
    'Whether the collateral bears the settlement''s next step: collateral-deficient with every reason, or null; and '
    'the base that was asked. In an unsecured facility nothing is asked.';

create or replace function collateral.rest_on(_settlement capital.settlement, _figures collateral.figures)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if _settlement.secured is false then
        return '{}';
    end if;
    insert into collateral.borrowing_base
        (facility_id, settlement_id, version, inputs, base_minor, drawn_minor, coverage_bp)
    values
        (_settlement.facility_id, _settlement.settlement_id, _settlement.version, _figures.inputs,
         _figures.base_minor, _figures.drawn_minor, _figures.coverage_bp);
    return jsonb_build_object(
        'borrowing_base', collateral.figures_json(_figures), 'notice', collateral.notice());
end
$$;
comment on function collateral.rest_on(capital.settlement, collateral.figures) is
    'Records the base that a settlement''s next step rests on, and returns it for the reply.';

create or replace function collateral.require_cover(_settlement capital.settlement)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    verdict record;
begin
    select v.reason, v.figures into strict verdict from collateral.cover_verdict(_settlement) as v;
    if verdict.reason is not null then
        perform ledger.refuse_for(verdict.reason);
    end if;
    return collateral.rest_on(_settlement, verdict.figures);
end
$$;
comment on function collateral.require_cover(capital.settlement) is
    'Refuses collateral-deficient, with every reason, unless the collateral bears the settlement''s next step. '
    'Otherwise records the base that the step rests on.';
