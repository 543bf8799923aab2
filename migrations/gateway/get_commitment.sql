create or replace function gateway.get_commitment(_token text, _key bytea)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    allocator uuid := auth.authenticate_member(_token);
    entry constant jsonb := ledger.entry_json(_key, allocator);
begin
    return case when entry is null then ledger.unrecorded('not-found') else ledger.ok(entry) end;
end
$$;
comment on function gateway.get_commitment is
    'GET /v1/commitments/{id}: the ledger entry of one of the allocator''s own commitments, with the log''s.';

grant execute on function gateway.get_commitment to get_commitment;
