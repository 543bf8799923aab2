create or replace function gateway.get_release(_token text, _facility_id uuid, _release_id uuid)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    allocator uuid := auth.authenticate_member(_token);
    reply jsonb;
begin
    if collateral.set_facility(_facility_id) is not true then
        return ledger.unrecorded('not-found');
    end if;
    select collateral.releases_json(array[r]) -> 0 into reply
    from collateral.release as r
    where r.facility_id = _facility_id and r.release_id = _release_id;
    if not found then
        return ledger.unrecorded('not-found');
    end if;
    return ledger.ok(reply);
end
$$;
comment on function gateway.get_release is
    'GET /v1/facilities/{id}/releases/{release_id}: one, whatever became of it.';

grant execute on function gateway.get_release to get_release;
