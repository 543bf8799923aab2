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
        'principal', jsonb_build_object('kind', l.principal_kind, 'id', l.principal_id),
        'operation', l.operation,
        'resource', nullif(l.resource, ''),
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

create or replace function ledger.readable_id(_key bytea)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
return (select encode(o.key, 'hex') from ledger.commitment_outcome as o where o.key = _key);
comment on function ledger.readable_id(bytea) is
    'The id of a commitment that the caller may read; null for any other. No reply names what its reader '
    'cannot follow.';
