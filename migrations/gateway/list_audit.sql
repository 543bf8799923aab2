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
            select sum(octet_length(l.changes::text)) over (order by l.id desc) as octets
            from unnest(page) as l
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
                    'changes', (
                        select jsonb_agg(
                            jsonb_build_object(
                                'table', c.table_name,
                                'row_key', audit.row_json(c.table_name, c.row_key),
                                'command', c.command,
                                'old', audit.row_json(c.table_name, c.old_row),
                                'new', audit.row_json(c.table_name, c.new_row)
                            )
                            order by c.place
                        )
                        from audit.changes(entry) as c
                    ),
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
