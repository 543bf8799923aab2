-- The book of a risk run: an allocator's positions of one currency, rendered to the byte as the engine reads them. A
-- book with a gap is refused; nothing is assumed.

create or replace function risk.cover_of(_facility_id uuid)
returns risk.cover
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    today constant date := ledger.today();
    rules collateral.rules;
    figures collateral.figures;
begin
    if collateral.set_facility(_facility_id) is not true then
        return null;
    end if;
    rules := collateral.rules_in_force(_facility_id);
    if rules.version is null
        or collateral.cover_problems(_facility_id, rules.lapse_guard_days, today) is distinct from '[]'
        or collateral.stale_problems(_facility_id, rules) is distinct from '[]'
    then
        return null;
    end if;
    figures := collateral.borrowing_base_from_kept_sums(_facility_id, rules);
    return row(figures.rules_version, figures.eligible_minor, figures.excess_minor, figures.drawn_minor)::risk.cover;
end
$$;
comment on function risk.cover_of(uuid) is
    'What a secured facility''s collateral comes to after haircuts and concentration. Null if a settlement could not '
    'rest on it today: it would not cover a default either.';

create or replace function risk.names(_allocator_id uuid, _currency text)
returns risk.name[]
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    matrix constant int4 := risk.matrix_in_force();
begin
    -- An allocator has one account for its position in a facility, and a facility one currency.
    return array(
        select row(
            a.facility_id, a.version, a.balance_minor, f.secured, p.version,
            -- A rated name without a probability of its own has that of its rating, the last in the matrix row.
            coalesce(p.pd_ppb, r.probabilities_ppb[cardinality(r.probabilities_ppb)]),
            p.lgd_mean_ppb, p.lgd_deviation_ppb, p.loadings_ppb, p.rating, r.place, null
        )::risk.name
        from capital.account as a
        join capital.facility as f on f.facility_id = a.facility_id
        left join lateral (
            select n.*
            from risk.profile as n
            where n.facility_id = a.facility_id
            order by n.version desc
            limit 1
        ) as p on true
        left join risk.matrix_row as r on r.version = matrix and r.rating = p.rating
        where a.allocator_id = _allocator_id
            and a.currency = _currency
            and a.kind = 'position'
            and a.balance_minor > 0
        order by a.facility_id
    );
end
$$;
comment on function risk.names(uuid, text) is
    'The allocator''s positions of one currency, in the order of their facilities.';

create or replace function risk.require_complete(_names risk.name[])
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    factors constant int4 := (select max(cardinality(n.loadings_ppb)) from unnest(_names) as n);
    missing jsonb;
begin
    if (cardinality(_names) > 0) is not true then
        perform ledger.refuse('no-positions');
    end if;
    if (cardinality(_names) <= 10000) is not true or (
        select sum(n.exposure_minor) <= 1000000000000000 from unnest(_names) as n
    ) is not true then
        perform ledger.refuse('portfolio-limit');
    end if;
    select jsonb_agg(jsonb_build_object('facility_id', m.facility_id, 'missing', m.missing) order by m.facility_id)
    into missing
    from (
        select n.facility_id, case
            when n.profile_version is null then '["pd", "lgd", "loadings"]'::jsonb
            else case when n.rating is not null and n.place is null then '["rating"]'::jsonb else '[]' end
                || case when cardinality(n.loadings_ppb) = factors then '[]' else '["loadings"]'::jsonb end
        end as missing
        from unnest(_names) as n
    ) as m
    where m.missing is distinct from '[]';
    if missing is not null then
        perform ledger.refuse('risk-inputs-missing', jsonb_build_object(
            -- A reply has room for so many.
            'facilities', (
                select jsonb_agg(f.value order by f.place)
                from jsonb_array_elements(missing) with ordinality as f (value, place)
                where f.place <= 1000
            ),
            'facilities_count', jsonb_array_length(missing)
        ));
    end if;
end
$$;
comment on function risk.require_complete(risk.name[]) is 'Refuses a book with a gap, and names the facilities.';

create or replace function risk.collateral_minor(_exposure_minor bigint, _cover risk.cover)
returns bigint
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    return coalesce(least(
        _exposure_minor,
        div((_cover.eligible_minor - _cover.excess_minor) * _exposure_minor, nullif(_cover.drawn_minor, 0))
    ), 0);
end
$$;
comment on function risk.collateral_minor(bigint, risk.cover) is
    'A position''s share of what stands behind all that is drawn. It is rounded down, and at most the position.';

create or replace function risk.name_line(_name risk.name)
returns text
-- Not SQL, which would be planned for each line.
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    return 'name ' || _name.facility_id
        || ' ' || _name.exposure_minor
        || ' ' || case when _name.cover is null then 0 else risk.collateral_minor(_name.exposure_minor, _name.cover) end
        || ' ' || _name.pd_ppb
        || case when _name.lgd_deviation_ppb is null then ' fixed ' || _name.lgd_mean_ppb
            else ' beta ' || _name.lgd_mean_ppb || ' ' || _name.lgd_deviation_ppb end
        || ' ' || coalesce(_name.place::text, '-')
        || ' ' || array_to_string(_name.loadings_ppb, ' ')
        || E'\n';
end
$$;
comment on function risk.name_line(risk.name) is 'The line of one name in the snapshot.';

create or replace function risk.book_of(_allocator_id uuid, _currency text)
returns risk.book
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    names risk.name[] := risk.names(_allocator_id, _currency);
    matrix int4;
    lines text;
    ratings int4 := 0;
    forgotten text;
    book risk.book;
begin
    perform risk.require_complete(names);
    -- Nothing may be refused below.

    for place in 1 .. cardinality(names) loop
        if names[place].secured then
            names[place].cover := risk.cover_of(names[place].facility_id);
        end if;
    end loop;
    forgotten := set_config('optkas.facility', '', true);

    -- The matrix belongs to the inputs only if a name is rated.
    if exists (select from unnest(names) as n where n.place is not null) then
        matrix := risk.matrix_in_force();
        select
            count(*),
            string_agg(
                'migrate ' || array_to_string(r.probabilities_ppb, ' ')
                    || ' ' || array_to_string(r.losses_ppb, ' ') || E'\n',
                '' order by r.place)
        into ratings, lines
        from risk.matrix_row as r
        where r.version = matrix;
    end if;
    select
        E'optkas-risk-snapshot/1\ncurrency ' || _currency
        || E'\nfactors ' || cardinality(names[1].loadings_ppb)
        || E'\nratings ' || ratings || E'\n' || coalesce(lines, '')
        || 'names ' || cardinality(names) || E'\n'
        || string_agg(risk.name_line(n), '' order by n.facility_id),
        jsonb_build_object(
            'matrix_version', matrix,
            'positions', jsonb_agg(
                jsonb_build_object(
                    'facility_id', n.facility_id,
                    'account_version', n.account_version,
                    'profile_version', n.profile_version
                ) || case when n.cover is null then '{}' else jsonb_build_object('cover', jsonb_build_object(
                    'rules_version', (n.cover).rules_version,
                    'eligible_minor', (n.cover).eligible_minor::text,
                    'excess_minor', (n.cover).excess_minor::text,
                    'drawn_minor', (n.cover).drawn_minor::text
                )) end
                order by n.facility_id
            )
        )
    into book.snapshot, book.inputs
    from unnest(names) as n;
    return book;
end
$$;
comment on function risk.book_of(uuid, text) is
    'The allocator''s positions of one currency as the engine reads them, and the rows that they come from.';
