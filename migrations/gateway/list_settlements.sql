create or replace function gateway.list_settlements(
    _token text,
    _page_size int4,
    _cursor_at timestamptz,
    _cursor_id uuid,
    _statuses text[],
    _facility_id uuid,
    _currency text,
    _value_date date,
    _uetr uuid,
    _reference text,
    _created_by uuid,
    _not_created_by uuid,
    _created_after timestamptz,
    _created_before timestamptz,
    _updated_after timestamptz
)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
-- Each plan is for the filters that are given. One for any filters would read all settlements of the allocator.
set plan_cache_mode = force_custom_plan
as $$
declare
    allocator uuid := auth.authenticate_member(_token);
    final_through constant timestamptz := tlog.final_through();
    page capital.settlement[];
    last_one capital.settlement;
    next_page jsonb;
begin
    -- One more than asked for tells whether there is another page.
    if _updated_after is null then
        page := array(
            select s
            from capital.settlements_where(
                allocator, _statuses, _facility_id, _currency, _value_date, _uetr, _reference, _created_by,
                _not_created_by, _created_after, _created_before
            ) as s
            where _cursor_id is null or (s.created_at, s.settlement_id) < (_cursor_at, _cursor_id)
            order by s.created_at desc, s.settlement_id desc
            limit ledger.page_size(_page_size) + 1
        );
    else
        -- Up to the final instant: what comes later is listed when it is final, and then nothing comes before it any
        -- more. So who remembers the instant up to which it was told is told everything, and once.
        page := array(
            select s
            from capital.settlements_where(
                allocator, _statuses, _facility_id, _currency, _value_date, _uetr, _reference, _created_by,
                _not_created_by, _created_after, _created_before
            ) as s
            where s.updated_at > _updated_after
                and s.updated_at <= final_through
                and (_cursor_id is null or (s.updated_at, s.settlement_id) > (_cursor_at, _cursor_id))
            order by s.updated_at, s.settlement_id
            limit ledger.page_size(_page_size) + 1
        );
    end if;
    if cardinality(page) > ledger.page_size(_page_size) then
        page := trim_array(page, 1);
        last_one := page[cardinality(page)];
        next_page := jsonb_build_object('id', last_one.settlement_id) || case
            when _updated_after is null then jsonb_build_object('created_at', ledger.rfc3339(last_one.created_at))
            else jsonb_build_object('updated_at', ledger.rfc3339(last_one.updated_at))
        end;
    end if;

    return ledger.ok(jsonb_build_object(
        'data', capital.settlements_json(page),
        'final_through', ledger.rfc3339(final_through),
        'next', next_page
    ));
end
$$;
comment on function gateway.list_settlements is
    'GET /v1/settlements: the allocator''s own, a page at a time. Newest first; with _updated_after those that changed, '
    'in the order of their changes.';

grant execute on function gateway.list_settlements to list_settlements;
