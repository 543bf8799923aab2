-- The monitor: what there is to warn of in a facility, and its open warnings. Each opening and each closing is a
-- commitment of its own.

create or replace function collateral.findings(_facility_id uuid)
returns setof collateral.finding
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    rules collateral.rules := collateral.rules_in_force(_facility_id);
    base collateral.figures;
    problem jsonb;
begin
    return query
    select k.kind, s.filing_id::text, k.figures
    from collateral.filing_standing as s
    join collateral.filing as f on f.facility_id = s.facility_id and f.filing_id = s.filing_id
    cross join lateral (select collateral.office_today(f.office) as today) as o
    cross join lateral (
        values
            ('continuation-open', s.terminated_on is null
                and o.today between collateral.continuation_opens(s.lapse_on) and s.lapse_on,
                jsonb_build_object('lapse_on', s.lapse_on)),
            ('continuation-closing', s.terminated_on is null and o.today between s.lapse_on - 30 and s.lapse_on,
                jsonb_build_object('lapse_on', s.lapse_on)),
            ('filing-lapsed', s.terminated_on is null and s.lapse_on < o.today,
                jsonb_build_object('lapse_on', s.lapse_on)),
            ('filing-terminated', s.terminated_on is not null,
                jsonb_build_object('terminated_on', s.terminated_on)),
            ('filing-disputed', s.disputed, '{}'::jsonb)
    ) as k (kind, due, figures)
    where s.facility_id = _facility_id
        and k.due
        and exists (
            select
            from collateral.cover as c
            where c.facility_id = _facility_id and c.filing_id = s.filing_id and c.pledges > 0
        );

    return query
    select p.subject_kind || '-contested', p.subject_id::text, '{}'::jsonb
    from collateral.precedence as p
    where p.facility_id = _facility_id
        and exists (
            select
            from collateral.precedence as o
            where o.subject_kind = p.subject_kind
                and o.fingerprint = p.fingerprint
                and o.facility_id is distinct from p.facility_id
        );

    for problem in
        select p.value
        from jsonb_array_elements(collateral.cover_problems(_facility_id, 0, ledger.today())) as p
        where p.value ->> 'refusal' = 'search-adverse'
    loop
        return query
        select distinct 'search-adverse', s.value ->> 'filing_id', s.value
        from jsonb_array_elements(problem -> 'subjects') as s;
    end loop;

    if rules.version is null then
        return;
    end if;
    return query
    select p.value ->> 'refusal', '', jsonb_build_object('oldest', p.value -> 'oldest')
    from jsonb_array_elements(collateral.stale_problems(_facility_id, rules)) as p;
    base := collateral.borrowing_base_recomputed(_facility_id, rules);
    if base.availability_minor < 0 then
        return next row('base-short', '', jsonb_build_object(
            'availability_minor', base.availability_minor::text))::collateral.finding;
    end if;
    if base.coverage_bp < rules.coverage_floor_bp then
        return next row('coverage-short', '', jsonb_build_object(
            'coverage_bp', base.coverage_bp, 'floor_bp', rules.coverage_floor_bp))::collateral.finding;
    end if;
end
$$;
comment on function collateral.findings(uuid) is 'All reasons to warn in a facility now.';

create or replace function collateral.warning_changes_max()
returns int4
language sql
immutable
parallel safe
return 2000;
comment on function collateral.warning_changes_max() is
    'How many warnings one run opens, and closes. Each takes some 1 ms, of the 20 s that the monitor has; what is left '
    'over waits for the next run.';

create or replace function collateral.claim_warning(
    _attempt text,
    _facility_id uuid,
    _change text,
    _warning collateral.warning
)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    client_key text := concat_ws(':', _change, _warning.kind, _warning.subject, _warning.occurrence);
    known ledger.reply := ledger.claim_system(_facility_id::text, jsonb_build_object(
        'attempt', _attempt, 'client_key', client_key, 'body', client_key
    ));
begin
    return known.outcome is null;
end
$$;
comment on function collateral.claim_warning(text, uuid, text, collateral.warning) is
    'Claims the commitment of one warning''s opening or closing, under a key that follows from the warning. False if '
    'it was claimed before.';

create or replace function collateral.update_warnings(_attempt text, _facility_id uuid)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    lead uuid := collateral.lead_allocator_id();
    found_now constant collateral.finding[] := array(select f from collateral.findings(_facility_id) as f);
    warning collateral.warning;
    one collateral.finding;
    opened int4 := 0;
    closed int4 := 0;
begin
    for warning in
        select w.*
        from collateral.warning as w
        where w.facility_id = _facility_id
            and w.closed_at is null
            -- One join, not a search through all findings for each warning.
            and (w.kind, w.subject) in (
                select o.kind, o.subject
                from collateral.warning as o
                where o.facility_id = _facility_id and o.closed_at is null
                except
                select f.kind, f.subject
                from unnest(found_now) as f
            )
        order by w.kind, w.subject
        limit collateral.warning_changes_max()
    loop
        continue when collateral.claim_warning(_attempt, _facility_id, 'closed', warning) is not true;
        update collateral.warning as w
        set closed_at = clock_timestamp()
        where (w.facility_id, w.kind, w.subject, w.occurrence)
            = (_facility_id, warning.kind, warning.subject, warning.occurrence);
        perform ledger.conclude('accepted', 200, lead, jsonb_build_object(
            'kind', warning.kind, 'facility_id', _facility_id, 'subject', nullif(warning.subject, ''),
            'change', 'closed'));
        closed := closed + 1;
    end loop;

    for one in
        select f.*
        from unnest(found_now) as f
        where not exists (
            select
            from collateral.warning as w
            where w.facility_id = _facility_id and w.kind = f.kind and w.subject = f.subject and w.closed_at is null
        )
        limit collateral.warning_changes_max()
    loop
        warning := null;
        warning.kind := one.kind;
        warning.subject := one.subject;
        warning.occurrence := 1 + (
            select coalesce(max(w.occurrence), 0)
            from collateral.warning as w
            where w.facility_id = _facility_id and w.kind = one.kind and w.subject = one.subject
        );
        continue when collateral.claim_warning(_attempt, _facility_id, 'opened', warning) is not true;
        insert into collateral.warning (facility_id, kind, subject, occurrence, figures)
        values (_facility_id, one.kind, one.subject, warning.occurrence, one.figures);
        perform ledger.conclude('accepted', 200, lead, jsonb_build_object(
            'kind', one.kind, 'facility_id', _facility_id, 'subject', nullif(one.subject, ''), 'change', 'opened',
            'figures', one.figures));
        opened := opened + 1;
    end loop;

    return jsonb_build_object(
        'facility_id', _facility_id,
        'opened', opened,
        'closed', closed,
        'open', (
            select coalesce(jsonb_object_agg(k.kind, k.number), '{}')
            from (
                select w.kind, count(*) as number
                from collateral.warning as w
                where w.facility_id = _facility_id and w.closed_at is null
                group by w.kind
            ) as k
        )
    );
end
$$;
comment on function collateral.update_warnings(text, uuid) is
    'Opens a warning for each finding, and closes those whose reason has gone: each once, also if two monitors run at '
    'once.';

create or replace function collateral.warning_json(_warning collateral.warning)
returns jsonb
language sql
stable
return jsonb_build_object(
    'id', (_warning).warning_id,
    'facility_id', (_warning).facility_id,
    'kind', (_warning).kind,
    'subject', nullif((_warning).subject, ''),
    'status', case when (_warning).closed_at is null then 'open' else 'closed' end,
    'opened_at', ledger.rfc3339((_warning).opened_at),
    'closed_at', ledger.rfc3339((_warning).closed_at),
    'figures', (_warning).figures
);
comment on function collateral.warning_json(collateral.warning) is 'A warning as replies show it.';

create or replace function collateral.newest_warnings(
    _facility_id uuid,
    _cursor_opened_at timestamptz,
    _cursor_id uuid,
    _statuses text[],
    _kinds text[],
    _limit int4
)
returns setof collateral.warning
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if collateral.set_facility(_facility_id) is not true then
        return;
    end if;
    return query
    (
        select w.*
        from collateral.warning as w
        where w.facility_id = _facility_id
            and w.closed_at is null
            and (_statuses is null or 'open' = any (_statuses))
            and (_cursor_id is null or (w.opened_at, w.warning_id) < (_cursor_opened_at, _cursor_id))
            and (_kinds is null or w.kind = any (_kinds))
        order by w.opened_at desc, w.warning_id desc
        limit _limit
    )
    union all
    (
        select w.*
        from collateral.warning as w
        where w.facility_id = _facility_id
            and w.closed_at is not null
            and (_statuses is null or 'closed' = any (_statuses))
            and (_cursor_id is null or (w.opened_at, w.warning_id) < (_cursor_opened_at, _cursor_id))
            and (_kinds is null or w.kind = any (_kinds))
        order by w.opened_at desc, w.warning_id desc
        limit _limit
    );
end
$$;
comment on function collateral.newest_warnings is
    'A facility''s newest warnings before a place, open or closed ones or both. None, if the principal takes no part '
    'in the facility.';

create or replace function collateral.warnings_json(_facility_id uuid)
returns jsonb
language sql
stable
return (
    select jsonb_build_object(
        'warnings', coalesce(jsonb_agg(
            collateral.warning_json(w.warning)
            order by (w.warning).opened_at, (w.warning).kind, (w.warning).subject
        ) filter (where w.place <= 1000), '[]'),
        'warnings_left_out', count(*) filter (where w.place > 1000)
    )
    from (
        select o as warning, row_number() over (order by o.opened_at desc, o.kind, o.subject) as place
        from collateral.warning as o
        where o.facility_id = _facility_id and o.closed_at is null
    ) as w
);
comment on function collateral.warnings_json(uuid) is
    'The facility''s open warnings, as replies show them: the newest thousand, and how many more there are. '
    'list-warnings has them all.';
