create or replace function gateway.list_facilities(_token text, _page_size int4, _cursor_id uuid)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    allocator uuid := auth.authenticate_member(_token);
    page capital.facility[];
    next_page uuid;
begin
    page := array(
        select f
        from capital.facility as f
        -- The policy shows those that the allocator takes part in.
        where _cursor_id is null or f.facility_id > _cursor_id
        order by f.facility_id
        limit ledger.page_size(_page_size) + 1
    );
    if cardinality(page) > ledger.page_size(_page_size) then
        page := trim_array(page, 1);
        next_page := page[cardinality(page)].facility_id;
    end if;

    return ledger.ok(jsonb_build_object(
        'data', (
            select coalesce(jsonb_agg(capital.facility_json(page[position]) order by position), '[]')
            from generate_subscripts(page, 1) as position
        ),
        'next', next_page
    ));
end
$$;
comment on function gateway.list_facilities is
    'GET /v1/facilities: those the allocator takes part in, a page at a time.';

grant execute on function gateway.list_facilities to list_facilities;
