create or replace function gateway.list_risk_runs(
    _token text,
    _page_size int4,
    _cursor_created_at timestamptz,
    _cursor_id uuid
)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    allocator uuid := auth.authenticate_member(_token);
    page risk.run[];
    last_one risk.run;
    next_page jsonb;
    people jsonb;
begin
    -- One more than asked for tells whether there is another page.
    page := array(
        select r
        from risk.run as r
        where r.allocator_id = allocator
            and (_cursor_id is null or (r.created_at, r.run_id) < (_cursor_created_at, _cursor_id))
        order by r.created_at desc, r.run_id desc
        limit ledger.page_size(_page_size) + 1
    );
    if cardinality(page) > ledger.page_size(_page_size) then
        page := trim_array(page, 1);
        last_one := page[cardinality(page)];
        next_page := jsonb_build_object('created_at', ledger.rfc3339(last_one.created_at), 'id', last_one.run_id);
    end if;

    people := capital.names_of_people(array(select distinct r.created_by::text from unnest(page) as r));
    return ledger.ok(jsonb_build_object(
        'data', (
            select coalesce(jsonb_agg(risk.run_summary(r, people) order by r.created_at desc, r.run_id desc), '[]')
            from unnest(page) as r
        ),
        'final_through', ledger.rfc3339(tlog.final_through()),
        'next', next_page
    ));
end
$$;
comment on function gateway.list_risk_runs is
    'GET /v1/risk-runs: the allocator''s own, newest first, a page at a time.';

grant execute on function gateway.list_risk_runs to list_risk_runs;
