-- Settlements: the triggers that guard a row, the agents that serve it, and how replies show it. transition.sql has the
-- steps.

create or replace function capital.agent_serves(_facility_id uuid)
returns boolean
language sql
stable
return exists (
    select
    from capital.facility as f
    where f.facility_id = _facility_id
        and auth.agent_id() in (f.escrow_agent_id, f.settlement_agent_id)
);
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
    if new.status = 'VERIFIED' then
        agreed.verified_by := new.verified_by;
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
        where s.settlement_id = new.settlement_id and s.version >= new.seq
    ) then
        raise exception using
            errcode = 'OPK04',
            message = 'a settlement moves with its transition';
    end if;
    return null;
end
$$;
comment on function capital.require_last_transition() is
    'Checks at commit that no transition goes beyond the settlement it belongs to.';

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
    'version', _settlement.version
);
comment on function capital.settlement_json(capital.settlement) is 'A settlement as replies show it.';
