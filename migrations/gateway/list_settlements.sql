create or replace function gateway.list_settlements(
    _token text,
    _page_size int4,
    _cursor_created_at timestamptz,
    _cursor_id uuid,
    _status text,
    _facility_id uuid,
    _created_after timestamptz,
    _created_before timestamptz
)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    allocator uuid := auth.authenticate_member(_token);
    page capital.settlement[];
    last_one capital.settlement;
    next_page jsonb;
begin
    -- One more than asked for tells whether there is another page.
    page := array(
        select s
        from capital.settlement as s
        where s.allocator_id = allocator
            and (_cursor_id is null or (s.created_at, s.settlement_id) < (_cursor_created_at, _cursor_id))
            and (_status is null or s.status = _status)
            and (_facility_id is null or s.facility_id = _facility_id)
            and (_created_after is null or s.created_at > _created_after)
            and (_created_before is null or s.created_at < _created_before)
        order by s.created_at desc, s.settlement_id desc
        limit ledger.page_size(_page_size) + 1
    );
    if cardinality(page) > ledger.page_size(_page_size) then
        page := trim_array(page, 1);
        last_one := page[cardinality(page)];
        next_page := jsonb_build_object(
            'created_at', ledger.rfc3339(last_one.created_at), 'id', last_one.settlement_id
        );
    end if;

    return ledger.ok(jsonb_build_object(
        'data', (
            select coalesce(jsonb_agg(capital.settlement_json(page[position]) order by position), '[]')
            from generate_subscripts(page, 1) as position
        ),
        'final_through', ledger.rfc3339(tlog.final_through()),
        'next', next_page
    ));
end
$$;
comment on function gateway.list_settlements is
    'GET /v1/settlements: the allocator''s own, newest first, a page at a time.';

grant execute on function gateway.list_settlements to list_settlements;
