create or replace function gateway.monitor_collateral(
    _attempt text,
    _after_facility_id uuid,
    _name_only boolean default false
)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    facility uuid;
begin
    perform auth.authenticate_system('monitor-collateral');
    select f.facility_id into facility
    from capital.facility as f
    where f.secured and (_after_facility_id is null or f.facility_id > _after_facility_id)
    order by f.facility_id
    limit 1;
    if not found or _name_only then
        return ledger.ok(jsonb_build_object('facility_id', facility));
    end if;
    perform collateral.set_facility(facility);
    return ledger.ok(collateral.update_warnings(_attempt, facility));
end
$$;
comment on function gateway.monitor_collateral is
    'Scheduled: opens and closes the warnings of the next secured facility after that one. One facility a transaction: it holds up no other''s settlements. One that fails can be named, and passed over.';

grant execute on function gateway.monitor_collateral to monitor_collateral;
