create or replace function gateway.get_commitment(_token text, _key bytea)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    allocator uuid := auth.present_member(_token);
    entry jsonb;
begin
    select jsonb_build_object(
        'idempotency_key', encode(l.key, 'hex'),
        'fingerprint', encode(l.fingerprint, 'hex'),
        'principal', jsonb_build_object('kind', l.principal_kind, 'id', l.principal_id),
        'operation', l.operation,
        'resource', nullif(l.resource, ''),
        'outcome', o.outcome,
        'status', o.status,
        'body', o.body,
        'claimed_at', ledger.rfc3339(l.claimed_at),
        'committed_at', ledger.rfc3339(o.committed_at)
    )
    into entry
    from ledger.commitment_outcome as o
    join ledger.commitment_ledger as l on l.key = o.key
    where o.key = _key and o.allocator_id = allocator;
    if not found then
        return ledger.unrecorded('not-found');
    end if;
    return row('ok', 200, entry)::ledger.reply;
end
$$;
comment on function gateway.get_commitment is
    'GET /v1/commitments/{key}: the ledger entry of one of the allocator''s own commitments.';

grant usage on schema gateway to get_commitment;
grant execute on function gateway.get_commitment to get_commitment;
