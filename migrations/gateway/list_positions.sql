create or replace function gateway.list_positions(
    _token text,
    _as_of timestamptz,
    _page_size int4 default 100,
    _cursor_id uuid default null
)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    allocator uuid := auth.authenticate_member(_token);
    as_of timestamptz := coalesce(_as_of, clock_timestamp());
    balances jsonb;
begin
    -- The present from the accounts; a past instant from the last posting up to it. The two legs of a
    -- journal bear one time, so that every answer adds up.
    with balance as (
        select a.kind, a.currency, a.facility_id, coalesce(past.balance_minor, 0) as balance_minor
        from capital.account as a
        left join lateral (
            select a.balance_minor
            where _as_of is null
            union all
            (
                select p.balance_after_minor
                from capital.posting as p
                where _as_of is not null
                    and p.account_id = a.account_id
                    and p.posted_at <= _as_of
                order by p.posted_at desc, p.account_version desc
                limit 1
            )
        ) as past on true
        where a.allocator_id = allocator
            and (a.kind is distinct from 'position' or _cursor_id is null or a.facility_id > _cursor_id)
    ),
    position as (
        select b.facility_id, b.currency, b.balance_minor, row_number() over (order by b.facility_id) as nth
        from balance as b
        where b.kind = 'position'
        order by b.facility_id
        limit ledger.page_size(_page_size) + 1
    ),
    by_currency as (
        select
            b.currency,
            coalesce(sum(b.balance_minor) filter (where b.kind = 'available'), 0) as available,
            coalesce(sum(b.balance_minor) filter (where b.kind = 'reserved'), 0) as reserved,
            coalesce(sum(b.balance_minor) filter (where b.kind = 'escrowed'), 0) as escrowed
        from balance as b
        group by b.currency
    )
    select jsonb_build_object(
        'as_of', ledger.rfc3339(as_of),
        'final_through', ledger.rfc3339(tlog.final_through()),
        'currencies', (
            select coalesce(jsonb_agg(
                jsonb_build_object(
                    'currency', c.currency,
                    'available_minor', c.available::text,
                    'reserved_minor', c.reserved::text,
                    'escrowed_minor', c.escrowed::text
                )
                order by c.currency
            ), '[]')
            from by_currency as c
        ),
        'data', (
            select coalesce(jsonb_agg(
                jsonb_build_object(
                    'facility_id', p.facility_id,
                    'facility_name', names.by_id -> p.facility_id::text,
                    'currency', p.currency,
                    'position_minor', p.balance_minor::text
                )
                order by p.nth
            ), '[]')
            from position as p
            cross join (
                select capital.names_of_facilities(array(select n.facility_id from position as n)) as by_id
            ) as names
            where p.nth <= ledger.page_size(_page_size)
        ),
        'next', (
            select p.facility_id
            from position as p
            where p.nth = ledger.page_size(_page_size)
                and exists (select from position as q where q.nth > p.nth)
        )
    )
    into balances;
    return ledger.ok(balances);
end
$$;
comment on function gateway.list_positions is
    'GET /v1/positions: where the allocator''s capital is, now or at a past instant: the currencies, and the positions '
    'by facility, a page at a time.';

grant execute on function gateway.list_positions to list_positions;
