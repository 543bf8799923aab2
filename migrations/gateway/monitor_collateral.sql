create or replace function gateway.next_secured_facility(_after_facility_id uuid)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform auth.authenticate_system('monitor-collateral');
    return ledger.ok(jsonb_build_object('facility_id', (
        select f.facility_id
        from capital.facility as f
        where f.secured and (_after_facility_id is null or f.facility_id > _after_facility_id)
        order by f.facility_id
        limit 1
    )));
end
$$;
comment on function gateway.next_secured_facility is
    'Scheduled: the secured facility after that one, or the first; null after the last.';

create or replace function gateway.monitor_facility(_attempt text, _facility_id uuid)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform auth.authenticate_system('monitor-collateral');
    perform ledger.require_arguments(num_nulls(_attempt));
    if not exists (
        select from capital.facility as f where f.facility_id = _facility_id and f.secured
    ) then
        raise exception using errcode = 'OPK04', message = 'not-a-secured-facility';
    end if;
    perform collateral.set_facility(_facility_id);
    return ledger.ok(collateral.update_warnings(_attempt, _facility_id));
end
$$;
comment on function gateway.monitor_facility is
    'Scheduled: opens and closes one facility''s warnings, in a transaction that holds up no other''s settlements.';

grant execute on function gateway.next_secured_facility to monitor_collateral;
grant execute on function gateway.monitor_facility to monitor_collateral;
