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
        'principal', capital.actor_json(l.principal_kind, l.principal_id, case l.principal_kind
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
    return entry || jsonb_build_object('receipt', jsonb_build_object(
        'leaf', leaf,
        'leaf_hash', encode(sha256('\x00'::bytea || convert_to(leaf, 'UTF8')), 'hex'),
        'index', place,
        'checkpoint_size', case when place < latest.size then latest.size end,
        'proof', case when place < latest.size then tlog.proof(leaf, place, latest) end
    ));
end
$$;
comment on function ledger.entry_json(bytea, uuid) is
    'A commitment of that allocator''s, with its receipt. Null for any other.';
