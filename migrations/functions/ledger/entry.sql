-- Entries of the ledger, as replies show them.

create or replace function ledger.entry_json(_key bytea, _allocator_id uuid)
returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    entry jsonb;
    leaf text;
    place bigint := (select e.index from tlog.entry as e where e.key = _key);
    latest tlog.checkpoint := tlog.latest_checkpoint();
begin
    select jsonb_build_object(
        'id', encode(l.key, 'hex'),
        'fingerprint', encode(l.fingerprint, 'hex'),
        'actor', capital.actor_json(l.principal_kind, l.principal_id, case l.principal_kind
            when 'human' then capital.names_of_people(array[l.principal_id]) end),
        'operation', l.operation,
        'resource_id', nullif(l.resource, ''),
        'created_id', case o.status when 201 then o.body ->> 'id' end,
        'outcome', o.outcome,
        'status', o.status,
        'refusal', o.refusal,
        'body', o.body,
        'claimed_at', ledger.rfc3339(l.claimed_at),
        'committed_at', ledger.rfc3339(o.committed_at)
    ), o.leaf
    into entry, leaf
    from ledger.commitment_outcome as o
    join ledger.commitment_ledger as l on l.key = o.key
    where o.key = _key and o.allocator_id = _allocator_id;
    if not found then
        return null;
    end if;
    return entry || jsonb_build_object('log_entry', jsonb_build_object(
        'leaf', leaf,
        'leaf_hash', encode(sha256('\x00'::bytea || convert_to(leaf, 'UTF8')), 'hex'),
        'index', place,
        'checkpoint_size', case when place < latest.size then latest.size end,
        'proof', case when place < latest.size then tlog.proof(leaf, place, latest) end
    ));
end
$$;
comment on function ledger.entry_json(bytea, uuid) is
    'A commitment of that allocator''s, with its entry in the log. Null for any other.';

create or replace function ledger.refusals_max()
returns int4
language sql
immutable
parallel safe
return 20;
comment on function ledger.refusals_max() is 'How many refusals a reply shows, the newest.';

create or replace function ledger.refusals_json(_resource text, _allocator_id uuid)
returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    refused constant text[] := array(
        select case o.principal_kind when 'human' then o.principal_id end
        from ledger.commitment_outcome as o
        where o.allocator_id = _allocator_id and o.refused_resource = _resource
        order by o.committed_at desc
        limit ledger.refusals_max()
    );
    people jsonb;
begin
    if refused = '{}' then
        return '[]';
    end if;
    people := capital.names_of_people(refused);
    return (
        select coalesce(jsonb_agg(jsonb_build_object(
            'commitment_id', encode(a.key, 'hex'),
            'operation', l.operation,
            'actor', capital.actor_json(a.principal_kind, a.principal_id, people),
            'at', ledger.rfc3339(a.committed_at),
            'problem', jsonb_build_object('refusal', a.refusal) || (a.body - 'commitment')
        ) order by a.committed_at desc, a.key), '[]')
        from (
            select
                n.*,
                sum(octet_length(n.body::text)) over (
                    order by n.committed_at desc, n.key rows between unbounded preceding and 1 preceding
                ) as octets_before
            from (
                select o.key, o.principal_kind, o.principal_id, o.refusal, o.body, o.committed_at
                from ledger.commitment_outcome as o
                where o.allocator_id = _allocator_id and o.refused_resource = _resource
                order by o.committed_at desc
                limit ledger.refusals_max()
            ) as n
        ) as a
        join ledger.commitment_ledger as l on l.key = a.key
        -- A refusal is of any length, and a reply is not; the newest is always there.
        where coalesce(a.octets_before, 0) <= ledger.list_octets_max()
    );
end
$$;
comment on function ledger.refusals_json(text, uuid) is
    'The newest refused mutations of an allocator''s members that named this id, as many as a reply has room for.';

create or replace function ledger.readable_id(_key bytea)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
return (select encode(o.key, 'hex') from ledger.commitment_outcome as o where o.key = _key);
comment on function ledger.readable_id(bytea) is
    'The id of a commitment that the caller may read; null for any other. No reply names what its reader '
    'cannot follow.';
