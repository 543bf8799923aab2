create or replace function gateway.list_audit(_token text, _page_size int4, _cursor_id bigint)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    allocator uuid := auth.authenticate_member(_token);
    page audit.trail[];
    fitting int4;
    next_page text;
    people jsonb;
begin
    page := array(
        select l
        from audit.trail as l
        where l.allocator_id = allocator
            and (_cursor_id is null or l.id < _cursor_id)
        order by l.id desc
        limit ledger.page_size(_page_size) + 1
    );
    if cardinality(page) > ledger.page_size(_page_size) then
        page := trim_array(page, 1);
        next_page := page[cardinality(page)].id::text;
    end if;
    -- Rows are of any length, a reply is not: a page ends where it would be longer than that.
    fitting := greatest(1, (
        select count(*)
        from (
            select
                sum(octet_length(e.old_row::text)) over newer
                    + sum(octet_length(e.new_row::text)) over newer as octets
            from (
                select l.id, coalesce(l.old_row, 'null') as old_row, coalesce(l.new_row, 'null') as new_row
                from unnest(page) as l
            ) as e
            window newer as (order by e.id desc)
        ) as sized
        where sized.octets <= ledger.list_octets_max()
    ));
    if fitting < cardinality(page) then
        page := page[:fitting];
        next_page := page[fitting].id::text;
    end if;

    people := capital.names_of_people(array(
        select distinct entry.actor_id from unnest(page) as entry where entry.actor_kind = 'human'
    ));
    return ledger.ok(jsonb_build_object(
        'data', (
            select coalesce(jsonb_agg(
                jsonb_build_object(
                    'id', entry.id::text,
                    'table', entry.table_name,
                    'row_key', audit.row_json(entry.table_name, entry.row_key),
                    'operation', entry.operation,
                    'old', audit.row_json(entry.table_name, entry.old_row),
                    'new', audit.row_json(entry.table_name, entry.new_row),
                    'actor', capital.actor_json(entry.actor_kind, entry.actor_id, people),
                    'commitment_id', encode(entry.commitment_key, 'hex'),
                    'at', ledger.rfc3339(entry.at),
                    'mutation_hash', encode(entry.mutation_hash, 'hex')
                )
                order by entry.id desc
            ), '[]')
            from unnest(page) as entry
        ),
        'final_through', ledger.rfc3339(tlog.final_through()),
        'next', next_page
    ));
end
$$;
comment on function gateway.list_audit is
    'GET /v1/audit: the allocator''s own audit trail, newest first, a page at a time.';

grant execute on function gateway.list_audit to list_audit;
