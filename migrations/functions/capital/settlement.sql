-- Settlements: the triggers that guard a row, the agents that serve it, and how replies show it. transition.sql has the
-- steps.

create or replace function capital.agent_serves(_facility_id uuid)
returns boolean
-- Not SQL, whose body would be planned at each call.
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return exists (
        select
        from capital.facility as f
        where f.facility_id = _facility_id
            and (select auth.agent_id()) in (f.escrow_agent_id, f.settlement_agent_id)
    );
end
$$;
comment on function capital.agent_serves(uuid) is
    'Whether the presented agent is the escrow or settlement agent of that facility.';

create or replace function capital.pin_settlement()
returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    agreed capital.settlement := old;
begin
    agreed.version := old.version + 1;
    agreed.previous_status := old.status;
    agreed.status := new.status;
    agreed.updated_at := new.updated_at;
    if new.status = 'VERIFIED' then
        agreed.verified_by := new.verified_by;
        agreed.room_slots := new.room_slots;
        agreed.room_taken := new.room_taken;
    end if;
    if new is distinct from agreed then
        raise exception using
            errcode = 'OPK04',
            message = 'capital.settlement changes by one transition at a time, and in nothing else';
    end if;
    return new;
end
$$;
comment on function capital.pin_settlement() is
    'Lets a settlement change by one transition only. The previous state is the stored one, the version is the next, '
    'and all else is as agreed.';

-- settlement_last_transition_fkey says that a state is one of the chain of transitions. This says that it is the
-- chain's end.
create or replace function capital.require_last_transition()
returns trigger
language plpgsql
-- At commit the gateway function has returned, and the login itself may read nothing.
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if not exists (
        select
        from capital.settlement as s
        where s.settlement_id = new.settlement_id
            and (s.version > new.seq or (s.version = new.seq and s.updated_at = new.at))
    ) then
        raise exception using
            errcode = 'OPK04',
            message = 'a settlement moves with its transition';
    end if;
    return null;
end
$$;
comment on function capital.require_last_transition() is
    'Checks at commit that no transition goes beyond the settlement it belongs to, and that the settlement bears the '
    'time of its last one.';

create or replace function capital.require_state(_settlement capital.settlement, _to text, variadic _from text[])
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if (_settlement.status = any (_from)) is not true then
        perform ledger.refuse('illegal-transition', jsonb_build_object('from', _settlement.status, 'to', _to));
    end if;
end
$$;
comment on function capital.require_state(capital.settlement, text, text[]) is
    'Refuses illegal-transition unless the settlement is in one of these states.';

create or replace function capital.contended(_settlement capital.settlement)
returns uuid
language sql
immutable
return case when (_settlement).secured then (_settlement).facility_id else (_settlement).allocator_id end;
comment on function capital.contended(capital.settlement) is
    'What the steps of a settlement contend for: the accounts of its allocator, or in a secured facility what all '
    'together have drawn.';

create or replace function capital.settlement_json(_settlement capital.settlement)
returns jsonb
language sql
stable
return jsonb_build_object(
    'id', _settlement.settlement_id,
    'allocator_id', _settlement.allocator_id,
    'facility_id', _settlement.facility_id,
    'secured', _settlement.secured,
    'status', _settlement.status,
    'amount_minor', _settlement.amount_minor::text,
    'currency', _settlement.currency,
    'value_date', _settlement.value_date,
    'uetr', _settlement.uetr,
    'reference', _settlement.reference,
    'expires_at', ledger.rfc3339(_settlement.expires_at),
    'created_at', ledger.rfc3339(_settlement.created_at),
    'created_by', _settlement.created_by,
    'verified_by', _settlement.verified_by,
    'updated_at', ledger.rfc3339(_settlement.updated_at),
    'version', _settlement.version
);
comment on function capital.settlement_json(capital.settlement) is
    'A settlement as replies to mutations show it: with ids, and without names, since such a reply is kept for ever.';

create or replace function capital.settlements_where(
    _allocator_id uuid,
    _statuses text[],
    _facility_id uuid,
    _currency text,
    _value_date date,
    _uetr uuid,
    _reference text,
    _created_by uuid,
    _not_created_by uuid,
    _created_after timestamptz,
    _created_before timestamptz
)
returns setof capital.settlement
language sql
stable
begin atomic
    select s.*
    from capital.settlement as s
    where s.allocator_id = _allocator_id
        and (_statuses is null or s.status = any (_statuses))
        and (_facility_id is null or s.facility_id = _facility_id)
        and (_currency is null or s.currency = _currency)
        and (_value_date is null or s.value_date = _value_date)
        and (_uetr is null or s.uetr = _uetr)
        and (_reference is null or s.reference = _reference)
        and (_created_by is null or s.created_by = _created_by)
        and (_not_created_by is null or s.created_by is distinct from _not_created_by)
        and (_created_after is null or s.created_at > _created_after)
        and (_created_before is null or s.created_at < _created_before);
end;
comment on function capital.settlements_where is
    'The allocator''s settlements that all filters let through; a filter that is null lets everything through. It is '
    'inlined, so that the planner sees the filters that are given.';

create or replace function capital.settlements_json(_page capital.settlement[])
returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    allocator_name constant text := capital.name_of_allocator();
    facilities constant jsonb := capital.names_of_facilities(
        array(select distinct s.facility_id from unnest(_page) as s));
    people constant jsonb := capital.names_of_people(array(
        select s.created_by::text from unnest(_page) as s
        union
        select s.verified_by::text from unnest(_page) as s where s.verified_by is not null
    ));
begin
    return (
        select coalesce(jsonb_agg(
            capital.settlement_json(_page[place]) || jsonb_build_object(
                'allocator_name', allocator_name,
                'facility_name', facilities -> _page[place].facility_id::text,
                'created_by_name', people -> _page[place].created_by::text,
                'verified_by_name', people -> _page[place].verified_by::text
            )
            order by place
        ), '[]')
        from generate_subscripts(_page, 1) as place
    );
end
$$;
comment on function capital.settlements_json(capital.settlement[]) is
    'Settlements of the reader''s own allocator, as replies to reads show them: with names beside the ids.';
