-- Facilities: opened by the platform, shown to members.

create or replace function capital.require_agent(_agent_id text, _kind text, _member text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if not exists (
        select from capital.agent as a where a.agent_id = _agent_id and a.kind = _kind
    ) then
        perform ledger.refuse('agent-kind', jsonb_build_object('member', _member, 'required_kind', _kind));
    end if;
end
$$;
comment on function capital.require_agent(text, text, text) is
    'Refuses agent-kind unless the agent is registered with this kind.';

create or replace function capital.open_facility(
    _facility_id uuid,
    _name text,
    _currency text,
    _limit_minor bigint,
    _escrow_agent_id text,
    _settlement_agent_id text,
    _secured boolean,
    _collateral_agent_id text,
    _lead_allocator_id uuid
)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if _secured is null then
        raise exception using
            errcode = 'OPK04',
            message = 'a facility is opened with collateral, or explicitly without';
    end if;
    if exists (select from capital.facility as f where f.facility_id = _facility_id) then
        perform ledger.refuse('already-exists');
    end if;
    perform capital.require_agent(_escrow_agent_id, 'escrow', 'escrow_agent_id');
    perform capital.require_agent(_settlement_agent_id, 'settlement', 'settlement_agent_id');
    if _secured then
        perform capital.require_agent(_collateral_agent_id, 'collateral', 'collateral_agent_id');
        perform capital.require_allocator(_lead_allocator_id);
    end if;
    insert into capital.facility
        (facility_id, name, currency, escrow_agent_id, settlement_agent_id, secured, collateral_agent_id,
         lead_allocator_id, limit_minor)
    values
        (_facility_id, _name, _currency, _escrow_agent_id, _settlement_agent_id, _secured, _collateral_agent_id,
         _lead_allocator_id, _limit_minor);
    insert into capital.facility_slot (facility_id, slot, secured, facility_limit_minor)
    select _facility_id, n, _secured, _limit_minor
    from generate_series(0, fixed.slots(_secured) - 1) as n;
end
$$;
comment on function capital.open_facility is
    'facility.opened: a facility with its limit and its agents, secured or explicitly not.';

create or replace function capital.is_admitted(_allocator_id uuid, _facility_id uuid, _lead_allocator_id uuid)
returns boolean
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return coalesce(_lead_allocator_id = _allocator_id, false) or exists (
        select
        from capital.admission as a
        where a.facility_id = _facility_id and a.allocator_id = _allocator_id
    );
end
$$;
comment on function capital.is_admitted(uuid, uuid, uuid) is
    'Whether an allocator may propose and verify in a facility: it leads it, or the platform has admitted it.';

create or replace function capital.takes_part(_allocator_id uuid, _facility_id uuid, _lead_allocator_id uuid)
returns boolean
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return capital.is_admitted(_allocator_id, _facility_id, _lead_allocator_id) or exists (
        select
        from capital.settlement as s
        where s.allocator_id = _allocator_id
            and s.facility_id = _facility_id
            and s.status in ('VERIFIED', 'ESCROWED', 'SETTLED')
    );
end
$$;
comment on function capital.takes_part(uuid, uuid, uuid) is
    'Whether an allocator may see a facility: it is admitted, or its capital is on the way into it or in it.';

create or replace function capital.admitting_facility(_facility_id uuid)
returns capital.facility
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    facility capital.facility;
begin
    select f.* into facility
    from capital.facility as f
    where f.facility_id = _facility_id
        and capital.is_admitted(auth.allocator_id(), f.facility_id, f.lead_allocator_id);
    return facility;
end
$$;
comment on function capital.admitting_facility(uuid) is
    'The facility, if the caller''s allocator may propose and verify in it; else a row of nulls.';

create or replace function capital.require_admission(_facility_id uuid)
returns capital.facility
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    facility constant capital.facility := capital.admitting_facility(_facility_id);
begin
    if facility.facility_id is null then
        perform ledger.refuse('not-found', '{"resource": "facility"}');
    end if;
    return facility;
end
$$;
comment on function capital.require_admission(uuid) is
    'The facility, if the caller''s allocator may propose in it; else refuses not-found, as if it were not there.';

create or replace function capital.admit_allocator(_facility_id uuid, _allocator_id uuid)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    lead uuid;
begin
    perform capital.require_allocator(_allocator_id);
    select f.lead_allocator_id into lead from capital.facility as f where f.facility_id = _facility_id;
    if not found then
        perform ledger.refuse('not-found', '{"resource": "facility"}');
    end if;
    if capital.is_admitted(_allocator_id, _facility_id, lead) then
        perform ledger.refuse('already-exists');
    end if;
    insert into capital.admission (facility_id, allocator_id)
    values (_facility_id, _allocator_id);
end
$$;
comment on function capital.admit_allocator(uuid, uuid) is
    'facility.admitted: an allocator sees the facility, and may propose in it. Its lead does already.';

create or replace function capital.exclude_allocator(_facility_id uuid, _allocator_id uuid)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    delete from capital.admission as a
    where a.facility_id = _facility_id and a.allocator_id = _allocator_id;
    if not found then
        perform ledger.refuse('not-admitted');
    end if;
end
$$;
comment on function capital.exclude_allocator(uuid, uuid) is
    'facility.excluded: nothing new of the allocator is proposed or verified. What is verified goes on to its end, and '
    'the facility is seen until then.';

create or replace function capital.facility_json(_facility capital.facility)
returns jsonb
language sql
stable
return jsonb_build_object(
    'id', (_facility).facility_id,
    'name', (_facility).name,
    'currency', (_facility).currency,
    'secured', (_facility).secured,
    'lead_allocator_id', (_facility).lead_allocator_id,
    'escrow_agent_id', (_facility).escrow_agent_id,
    'settlement_agent_id', (_facility).settlement_agent_id,
    'collateral_agent_id', (_facility).collateral_agent_id,
    'opened_at', ledger.rfc3339((_facility).opened_at)
) || (
    select jsonb_build_object(
        'limit_minor', (_facility).limit_minor::text,
        'utilised_minor', u.utilised_minor::text,
        'room_minor', ((_facility).limit_minor - u.utilised_minor)::text
    )
    from capital.utilised_minor((_facility).facility_id) as u (utilised_minor)
);
comment on function capital.facility_json(capital.facility) is 'A facility as replies show it.';
