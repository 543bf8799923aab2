create or replace function gateway.find_commitment(
    _token text,
    _operation text,
    _resource text,
    _client_key text
)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    allocator uuid := auth.authenticate_member(_token);
    -- The key contains the person: nobody finds what somebody else sent.
    entry constant jsonb := ledger.entry_json(
        ledger.commitment_id('human', auth.sub()::text, _operation, _resource, _client_key), allocator);
begin
    return case when entry is null then ledger.unrecorded('not-found') else ledger.ok(entry) end;
end
$$;
comment on function gateway.find_commitment is
    'GET /v1/commitments: the member''s own ledger entry, by what the member sent.';

grant execute on function gateway.find_commitment to find_commitment;
