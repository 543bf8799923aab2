create or replace function gateway.get_commitment_proof(_token text, _key bytea)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    allocator uuid := auth.authenticate_member(_token);
    leaf text;
    place bigint := (select e.index from tlog.entry as e where e.key = _key);
    latest tlog.checkpoint := tlog.latest_checkpoint();
begin
    select o.leaf into leaf
    from ledger.commitment_outcome as o
    where o.key = _key and o.allocator_id = allocator;
    if not found then
        return ledger.unrecorded('not-found');
    end if;
    if (place < latest.size) is not true then
        return ledger.unrecorded('not-published');
    end if;
    return ledger.ok(jsonb_build_object('proof', tlog.proof(leaf, place, latest)));
end
$$;
comment on function gateway.get_commitment_proof is
    'GET /v1/commitments/{id}/proof: the receipt of one of the allocator''s own commitments, as a C2SP tlog-proof.';

grant execute on function gateway.get_commitment_proof to get_commitment_proof;
