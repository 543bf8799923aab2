create or replace function gateway.get_facility(_token text, _facility_id uuid)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    allocator uuid := auth.authenticate_member(_token);
    facility capital.facility;
begin
    if collateral.set_facility(_facility_id) is not true then
        return ledger.unrecorded('not-found');
    end if;
    select * into strict facility from capital.facility as f where f.facility_id = _facility_id;
    return ledger.ok(capital.facility_json(facility) || case when facility.secured then jsonb_build_object(
        'rules', collateral.rules_json(collateral.rules_in_force(_facility_id)),
        'notice', collateral.notice()
    ) || collateral.warnings_json(_facility_id) else '{}' end);
end
$$;
comment on function gateway.get_facility is
    'GET /v1/facilities/{id}: one the allocator takes part in, with its rules and open warnings.';

grant execute on function gateway.get_facility to get_facility;
