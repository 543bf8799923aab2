-- The facility that this transaction is about. The setting `optkas.facility` is not believed: each function below asks
-- whether the presented principal has its part in that facility. Policies call them.

-- Those who take part in a facility:
-- - an agent that it names, and the platform;
-- - monitor-collateral;
-- - a member of an allocator that takes part in it, whom alone the policy of capital.facility shows it.
create or replace function collateral.facility_id()
returns uuid
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    facility capital.facility;
begin
    select * into facility
    from capital.facility as f
    where f.facility_id = nullif(current_setting('optkas.facility', true), '')::uuid;
    case (auth.principal()).kind
        when 'agent' then
            if auth.is_platform() or auth.agent_id() in (
                facility.collateral_agent_id, facility.escrow_agent_id, facility.settlement_agent_id
            ) then
                return facility.facility_id;
            end if;
        when 'system' then
            if auth.is_system('monitor-collateral') then
                return facility.facility_id;
            end if;
        when 'human' then
            return facility.facility_id;
        else
            null;
    end case;
    return null;
end
$$;
comment on function collateral.facility_id() is
    'The facility that is set, if the principal takes part in it. Policies read it as (select …), once a query.';

create or replace function collateral.set_facility(_facility_id uuid)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    perform set_config('optkas.facility', _facility_id::text, true);
    return collateral.facility_id() is not null;
end
$$;
comment on function collateral.set_facility(uuid) is
    'Sets the transaction''s facility. False if the principal takes no part in it.';

create or replace function collateral.set_secured_facility(_facility_id uuid)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if collateral.set_facility(_facility_id) is not true then
        perform ledger.refuse('not-found', '{"resource": "facility"}');
    end if;
    if (select f.secured from capital.facility as f where f.facility_id = _facility_id) is not true then
        perform ledger.refuse('unsecured');
    end if;
end
$$;
comment on function collateral.set_secured_facility(uuid) is
    'Sets the transaction''s facility. Refuses not-found, or unsecured.';

create or replace function collateral.lead_allocator_id()
returns uuid
-- Not SQL, whose body would be planned at each call.
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (select f.lead_allocator_id from capital.facility as f where f.facility_id = collateral.facility_id());
end
$$;
comment on function collateral.lead_allocator_id() is
    'The lead allocator of the facility that is set: its collateral is that allocator''s affair.';

create or replace function collateral.reported_facility_id()
returns uuid
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select f.facility_id
        from capital.facility as f
        where f.facility_id = nullif(current_setting('optkas.facility', true), '')::uuid
            and f.collateral_agent_id = auth.agent_id()
    );
end
$$;
comment on function collateral.reported_facility_id() is
    'The facility that is set, if its collateral agent is presented.';

create or replace function collateral.led_facility_id()
returns uuid
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select f.facility_id
        from capital.facility as f
        where f.facility_id = nullif(current_setting('optkas.facility', true), '')::uuid
            and f.lead_allocator_id = auth.allocator_id()
            and (auth.principal()).kind = 'human'
    );
end
$$;
comment on function collateral.led_facility_id() is
    'The facility that is set, if a member of its lead allocator is presented.';

create or replace function collateral.summed_facility_id()
returns uuid
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return case (auth.principal()).kind
        when 'agent' then coalesce(collateral.reported_facility_id(), collateral.platform_facility_id())
        when 'human' then collateral.led_facility_id()
    end;
end
$$;
comment on function collateral.summed_facility_id() is
    'The facility that is set, for those who move its sums: its collateral agent with a report, its lead allocator '
    'with a release, the platform with the decision of a dispute.';

create or replace function collateral.platform_facility_id()
returns uuid
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return case when auth.is_platform() then nullif(current_setting('optkas.facility', true), '')::uuid end;
end
$$;
comment on function collateral.platform_facility_id() is 'The facility that is set, if the platform is presented.';

create or replace function collateral.monitored_facility_id()
returns uuid
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return case
        when auth.is_system('monitor-collateral') then nullif(current_setting('optkas.facility', true), '')::uuid
    end;
end
$$;
comment on function collateral.monitored_facility_id() is
    'The facility that is set, if monitor-collateral is presented.';
