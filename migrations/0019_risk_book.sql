-- From the ledger to a run: the platform's two events, the book of an allocator, and what a known key answers.

-- ---------------------------------------------------------------------------------------------
-- A key that is known. What takes long to compute must not be computed only to find the key taken.

create function ledger.recall(
    _attempt text,
    _operation text,
    _resource text,
    _client_key text,
    _key bytea,
    _fingerprint bytea
)
returns ledger.reply
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    who auth.principal_name := auth.principal();
    first record;
    commitment jsonb;
begin
    if _key is distinct from ledger.idempotency_key(
        who.kind, who.id, _operation, _resource, _client_key
    ) then
        raise exception using errcode = 'OPK04', message = 'idempotency-key-not-derived';
    end if;

    select l.fingerprint, l.attempt, o.outcome, o.status, o.body, o.committed_at
    into first
    from ledger.commitment_ledger as l
    join ledger.commitment_outcome as o on o.key = l.key
    where l.key = _key;
    if not found then
        return null;
    end if;

    commitment := ledger.commitment_json(_key, first.outcome, first.committed_at);
    if first.fingerprint <> _fingerprint then
        return row('reused', 422, jsonb_build_object('commitment', commitment))::ledger.reply;
    end if;
    if first.attempt = _attempt then
        return row('replayed', first.status, first.body)::ledger.reply;
    end if;
    return row('duplicate', 409, jsonb_build_object(
        'commitment', commitment,
        'original', jsonb_build_object(
            'outcome', first.outcome,
            'status', first.status,
            'body', first.body,
            'committed_at', ledger.rfc3339(first.committed_at)
        )
    ))::ledger.reply;
end
$$;
comment on function ledger.recall(text, text, text, text, bytea, bytea) is
    'The reply due to a key that is known; null for one that is free, which stays free.';

create or replace function ledger.claim(
    _attempt text,
    _operation text,
    _resource text,
    _client_key text,
    _key bytea,
    _fingerprint bytea
)
returns ledger.reply
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    who auth.principal_name := auth.principal();
    claimed ledger.commitment_ledger;
    put text;
begin
    -- The function in front computed the key; it is not believed. A caller can claim only what
    -- follows from the principal that was presented.
    if _key is distinct from ledger.idempotency_key(
        who.kind, who.id, _operation, _resource, _client_key
    ) then
        raise exception using errcode = 'OPK04', message = 'idempotency-key-not-derived';
    end if;

    -- The insert comes first, with no look before it. Of two racing claims one waits here; when the
    -- other has committed it fails with 40001, and the next try, with a new snapshot, finds the row.
    claimed.key := _key;
    claimed.fingerprint := _fingerprint;
    claimed.principal_kind := who.kind;
    claimed.principal_id := who.id;
    claimed.operation := _operation;
    claimed.resource := _resource;
    claimed.attempt := _attempt;
    claimed.claimed_at := clock_timestamp();
    insert into ledger.commitment_ledger
        (key, fingerprint, principal_kind, principal_id, operation, resource, attempt, claimed_at)
    values
        (claimed.key, claimed.fingerprint, claimed.principal_kind, claimed.principal_id, claimed.operation,
         claimed.resource, claimed.attempt, claimed.claimed_at)
    on conflict on constraint commitment_ledger_pkey do nothing;
    if found then
        put := set_config('optkas.commitment', encode(_key, 'hex'), true)
            || set_config('optkas.mutations', '', true)
            || set_config('optkas.leaf', ledger.leaf_head(claimed), true);
        return null;
    end if;
    return ledger.recall(_attempt, _operation, _resource, _client_key, _key, _fingerprint);
end
$$;

-- ---------------------------------------------------------------------------------------------
-- The platform.

create function risk.matrix_in_force()
returns int4
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (select m.version from risk.matrix as m order by m.version desc limit 1);
end
$$;
comment on function risk.matrix_in_force() is 'The latest version; null before the first.';

create function risk.record_profile(_data jsonb)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    facility constant uuid := (_data ->> 'facility_id')::uuid;
begin
    if not exists (select from capital.facility as f where f.facility_id = facility) then
        perform ledger.refuse('not-found', '{"resource": "facility"}');
    end if;
    if _data ->> 'rating' is not null and not exists (
        select
        from risk.matrix_row as r
        where r.version = risk.matrix_in_force() and r.rating = _data ->> 'rating'
    ) then
        perform ledger.refuse('rating-unknown');
    end if;
    insert into risk.profile
        (facility_id, version, pd_ppb, lgd_mean_ppb, lgd_deviation_ppb, loadings_ppb, rating)
    values (
        facility,
        1 + coalesce((
            select p.version from risk.profile as p where p.facility_id = facility order by p.version desc limit 1
        ), 0),
        (_data ->> 'pd_ppb')::int4,
        (_data #>> '{lgd,mean_ppb}')::int4,
        (_data #>> '{lgd,deviation_ppb}')::int4,
        array(
            select l.ppb::int4
            from jsonb_array_elements_text(_data -> 'loadings_ppb') with ordinality as l (ppb, place)
            order by l.place
        ),
        _data ->> 'rating'
    );
end
$$;
comment on function risk.record_profile(jsonb) is 'facility.risk_updated: the next version of what is known of a facility''s credit.';

create function risk.record_matrix(_data jsonb)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    ratings constant int4 := jsonb_array_length(_data -> 'ratings');
    next_version constant int4 := coalesce(risk.matrix_in_force(), 0) + 1;
begin
    insert into risk.matrix (version) values (next_version);
    insert into risk.matrix_row (version, place, rating, probabilities_ppb, losses_ppb)
    select
        next_version, r.place - 1, r.entry ->> 'rating',
        array(
            select p.ppb::int4
            from jsonb_array_elements_text(r.entry -> 'probabilities_ppb') with ordinality as p (ppb, place)
            order by p.place
        ),
        array(
            select l.ppb::int4
            from jsonb_array_elements_text(r.entry -> 'losses_ppb') with ordinality as l (ppb, place)
            order by l.place
        )
    from jsonb_array_elements(_data -> 'ratings') with ordinality as r (entry, place);
    if exists (
        select
        from risk.matrix_row as r
        where r.version = next_version and cardinality(r.losses_ppb) <> ratings
    ) then
        raise exception using errcode = 'OPK04', message = 'a matrix has a row a rating, and a column more';
    end if;
end
$$;
comment on function risk.record_matrix(jsonb) is 'ratings.recorded: the next version of the migration matrix.';

-- ---------------------------------------------------------------------------------------------
-- The book.

create type risk.cover as (
    rules_version int4,
    eligible_minor numeric,
    excess_minor numeric,
    drawn_minor numeric
);
comment on type risk.cover is 'What stands behind all that is drawn in a facility.';

create function risk.cover_of(_facility_id uuid)
returns risk.cover
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    today constant date := (now() at time zone 'UTC')::date;
    rules collateral.rules;
    figures collateral.figures;
begin
    if not collateral.enter(_facility_id) then
        return null;
    end if;
    rules := collateral.rules_in_force(_facility_id);
    if rules.version is null
        or collateral.cover_problems(_facility_id, rules.lapse_guard_days, today) <> '[]'
        or collateral.stale_problems(_facility_id, rules) <> '[]'
    then
        return null;
    end if;
    figures := collateral.base_kept(_facility_id, rules);
    return row(figures.rules_version, figures.eligible_minor, figures.excess_minor, figures.drawn_minor)::risk.cover;
end
$$;
comment on function risk.cover_of(uuid) is
    'What a secured facility''s collateral comes to after haircuts and concentration; null where a settlement could not rest on it today: then a default is not covered either.';

create type risk.name as (
    facility_id uuid,
    account_version bigint,
    exposure_minor bigint,
    secured boolean,
    profile_version int4,
    pd_ppb int4,
    lgd_mean_ppb int4,
    lgd_deviation_ppb int4,
    loadings_ppb int4[],
    rating text,
    place int4,
    cover risk.cover
);
comment on type risk.name is 'One position, with what is known of its facility. place: of its rating in the matrix.';

create function risk.names(_allocator_id uuid, _currency text)
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
            -- A rated name without a probability of its own has its rating's: the matrix row's last.
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
comment on function risk.names(uuid, text) is 'The allocator''s positions of one currency, in the order of their facilities.';

create function risk.require_complete(_names risk.name[])
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    factors constant int4 := (select max(cardinality(n.loadings_ppb)) from unnest(_names) as n);
    missing jsonb;
begin
    if cardinality(_names) = 0 then
        perform ledger.refuse('no-positions');
    end if;
    if cardinality(_names) > 10000 or (
        select sum(n.exposure_minor) > 1000000000000000 from unnest(_names) as n
    ) then
        perform ledger.refuse('portfolio-limit');
    end if;
    select jsonb_agg(jsonb_build_object('facility_id', m.facility_id, 'missing', m.missing) order by m.facility_id)
    into missing
    from (
        select n.facility_id, case
            when n.profile_version is null then '["pd", "lgd", "loadings"]'::jsonb
            else case when n.rating is not null and n.place is null then '["rating"]'::jsonb else '[]' end
                || case when cardinality(n.loadings_ppb) <> factors then '["loadings"]'::jsonb else '[]' end
        end as missing
        from unnest(_names) as n
    ) as m
    where m.missing <> '[]';
    if missing is not null then
        perform ledger.refuse('risk-inputs-missing', jsonb_build_object(
            -- As many as a reply has room for.
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
comment on function risk.require_complete(risk.name[]) is
    'Refuses a book with a gap, and names the facilities: nothing is assumed for what was never recorded.';

create function risk.collateral_minor(_exposure_minor bigint, _cover risk.cover)
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
    'A position''s share of what stands behind all that is drawn, rounded down; at most the position.';

create function risk.name_line(_name risk.name)
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
comment on function risk.name_line(risk.name) is 'A name of the snapshot.';

create type risk.book as (
    snapshot text,
    inputs jsonb
);
comment on type risk.book is 'The engine''s inputs, and what they were rendered from.';

create function risk.book_of(_allocator_id uuid, _currency text)
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

    -- The matrix belongs to the inputs only where somebody is rated.
    if exists (select from unnest(names) as n where n.place is not null) then
        matrix := risk.matrix_in_force();
        select
            count(*),
            string_agg(
                'migrate ' || array_to_string(r.probabilities_ppb, ' ') || ' ' || array_to_string(r.losses_ppb, ' ') || E'\n',
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
    'The allocator''s positions of one currency as the engine reads them, and from which rows.';

-- ---------------------------------------------------------------------------------------------
-- Reading.

create function risk.run_json(_run risk.run)
returns jsonb
language sql
stable
return jsonb_build_object(
    'id', (_run).run_id,
    'allocator_id', (_run).allocator_id,
    'requested_by', (_run).requested_by,
    'as_of', ledger.rfc3339((_run).as_of),
    'log_size', (_run).log_size,
    'result', (_run).result
);
comment on function risk.run_json(risk.run) is 'A run as replies show it.';

create function risk.run_summary(_run risk.run)
returns jsonb
language sql
stable
return risk.run_json(_run) || jsonb_build_object('result', (_run).result - 'names' - 'histogram' || jsonb_build_object(
    'levels', (
        select jsonb_agg(l.level - 'contributions_minor' order by l.place)
        from jsonb_array_elements((_run).result -> 'levels') with ordinality as l (level, place)
    )
));
comment on function risk.run_summary(risk.run) is 'A run in a list: without what grows with the names.';
