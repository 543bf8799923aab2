create or replace function gateway.list_warnings(
    _token text,
    _page_size int4,
    _cursor_opened_at timestamptz,
    _cursor_id uuid,
    _statuses text[],
    _facility_id uuid,
    _kinds text[]
)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    allocator uuid := auth.authenticate_member(_token);
    page collateral.warning[];
    facilities jsonb;
    last_one collateral.warning;
    next_page jsonb;
begin
    -- One more than asked for tells whether there is another page.
    page := array(
        select w
        -- The policy shows those that the allocator takes part in.
        from capital.facility as f
        cross join lateral collateral.newest_warnings(
            f.facility_id, _cursor_opened_at, _cursor_id, _statuses, _kinds, ledger.page_size(_page_size) + 1
        ) as w
        where f.secured and (_facility_id is null or f.facility_id = _facility_id)
        order by w.opened_at desc, w.warning_id desc
        limit ledger.page_size(_page_size) + 1
    );
    if cardinality(page) > ledger.page_size(_page_size) then
        page := trim_array(page, 1);
        last_one := page[cardinality(page)];
        next_page := jsonb_build_object(
            'created_at', ledger.rfc3339(last_one.opened_at), 'id', last_one.warning_id
        );
    end if;

    facilities := capital.names_of_facilities(array(select distinct w.facility_id from unnest(page) as w));
    return ledger.ok(jsonb_build_object(
        'data', (
            select coalesce(jsonb_agg(
                collateral.warning_json(w)
                    || jsonb_build_object('facility_name', facilities -> w.facility_id::text)
                order by w.opened_at desc, w.warning_id desc
            ), '[]')
            from unnest(page) as w
        ),
        'final_through', ledger.rfc3339(tlog.final_through()),
        'next', next_page
    ));
end
$$;
comment on function gateway.list_warnings is
    'GET /v1/warnings: of all facilities that the allocator takes part in, newest first, a page at a time.';

grant execute on function gateway.list_warnings to list_warnings;
