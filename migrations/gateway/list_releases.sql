create or replace function gateway.list_releases(
    _token text,
    _page_size int4,
    _cursor_created_at timestamptz,
    _cursor_id uuid,
    _statuses text[],
    _facility_id uuid
)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    allocator uuid := auth.authenticate_member(_token);
    page uuid[];
    facilities jsonb;
    people jsonb;
    next_page jsonb;
begin
    -- Ids alone: a release's content may be long. One more than asked for tells whether there is another page.
    page := array(
        select r.release_id
        from collateral.release as r
        where r.allocator_id = allocator
            and (_cursor_id is null or (r.created_at, r.release_id) < (_cursor_created_at, _cursor_id))
            and (_statuses is null or collateral.release_status(r.status, r.created_at) = any (_statuses))
            and (_facility_id is null or r.facility_id = _facility_id)
        order by r.created_at desc, r.release_id desc
        limit ledger.page_size(_page_size) + 1
    );
    if cardinality(page) > ledger.page_size(_page_size) then
        page := trim_array(page, 1);
        select jsonb_build_object('created_at', ledger.rfc3339(r.created_at), 'id', r.release_id)
        into strict next_page
        from collateral.release as r
        where r.release_id = page[cardinality(page)];
    end if;

    facilities := capital.names_of_facilities(
        array(select distinct r.facility_id from collateral.release as r where r.release_id = any (page)));
    people := capital.names_of_people(array(
        select r.created_by::text from collateral.release as r where r.release_id = any (page)
        union
        select r.approved_by::text
        from collateral.release as r
        where r.release_id = any (page) and r.approved_by is not null
    ));
    return ledger.ok(jsonb_build_object(
        'data', (
            select coalesce(jsonb_agg(
                collateral.release_summary(r) || collateral.release_names(r, facilities, people)
                order by r.created_at desc, r.release_id desc
            ), '[]')
            from collateral.release as r
            where r.release_id = any (page)
        ),
        'final_through', ledger.rfc3339(tlog.final_through()),
        'next', next_page
    ));
end
$$;
comment on function gateway.list_releases is
    'GET /v1/releases: those of the facilities that the allocator leads, newest first, a page at a time.';

grant execute on function gateway.list_releases to list_releases;
