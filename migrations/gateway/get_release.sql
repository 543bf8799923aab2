create or replace function gateway.get_release(_token text, _release_id uuid)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    allocator uuid := auth.authenticate_member(_token);
    release collateral.release;
begin
    -- The policies show those of facilities that the allocator takes part in.
    select * into release from collateral.release as r where r.release_id = _release_id;
    if not found then
        return ledger.unrecorded('not-found');
    end if;
    return ledger.ok(collateral.releases_json(array[release]) -> 0);
end
$$;
comment on function gateway.get_release is
    'GET /v1/releases/{id}: one, whatever became of it.';

grant execute on function gateway.get_release to get_release;
