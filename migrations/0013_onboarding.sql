-- What the onboarding platform's events do, one function each. Ids are the platform's, so that its
-- retries name the same thing; an id that is taken is refused.

create function capital.require_allocator(_allocator_id uuid)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if not exists (select from capital.allocator as a where a.allocator_id = _allocator_id) then
        perform ledger.refuse('not-found', '{"resource": "allocator"}');
    end if;
end
$$;

create function capital.onboard_allocator(_allocator_id uuid, _legal_name text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (select from capital.allocator as a where a.allocator_id = _allocator_id) then
        perform ledger.refuse('already-exists');
    end if;
    insert into capital.allocator (allocator_id, legal_name)
    values (_allocator_id, _legal_name);
end
$$;
comment on function capital.onboard_allocator(uuid, text) is 'allocator.onboarded';

create function capital.grant_member(_sub uuid, _allocator_id uuid, _role text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    current_allocator uuid;
begin
    perform capital.require_allocator(_allocator_id);
    select m.allocator_id into current_allocator from capital.member as m where m.sub = _sub;
    if not found then
        insert into capital.member (sub, allocator_id)
        values (_sub, _allocator_id);
    elsif current_allocator <> _allocator_id then
        perform ledger.refuse('member-elsewhere');
    end if;
    if exists (select from capital.member_role as r where r.sub = _sub and r.role = _role) then
        perform ledger.refuse('already-exists');
    end if;
    insert into capital.member_role (sub, allocator_id, role)
    values (_sub, _allocator_id, _role);
end
$$;
comment on function capital.grant_member(uuid, uuid, text) is 'member.granted';

create function capital.revoke_member(_sub uuid, _allocator_id uuid, _role text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    delete from capital.member_role as r
    where r.sub = _sub and r.allocator_id = _allocator_id and r.role = _role;
    if not found then
        perform ledger.refuse('not-granted');
    end if;
end
$$;
comment on function capital.revoke_member(uuid, uuid, text) is 'member.revoked';

create function capital.register_agent(_agent_id text, _kind text, _name text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (select from capital.agent as a where a.agent_id = _agent_id) then
        perform ledger.refuse('already-exists');
    end if;
    insert into capital.agent (agent_id, kind, name)
    values (_agent_id, _kind, _name);
end
$$;
comment on function capital.register_agent(text, text, text) is 'agent.registered';

create function capital.require_agent(_agent_id text, _kind text, _member text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if not exists (
        select from capital.agent as a where a.agent_id = _agent_id and a.kind = _kind
    ) then
        perform ledger.refuse('agent-kind', jsonb_build_object('member', _member, 'required', _kind));
    end if;
end
$$;

create function capital.open_facility(
    _facility_id uuid,
    _name text,
    _currency text,
    _limit_minor bigint,
    _escrow_agent_id text,
    _settlement_agent_id text
)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (select from capital.facility as f where f.facility_id = _facility_id) then
        perform ledger.refuse('already-exists');
    end if;
    perform capital.require_agent(_escrow_agent_id, 'escrow', 'escrow_agent');
    perform capital.require_agent(_settlement_agent_id, 'settlement', 'settlement_agent');
    insert into capital.facility (facility_id, name, currency, escrow_agent_id, settlement_agent_id)
    values (_facility_id, _name, _currency, _escrow_agent_id, _settlement_agent_id);
    insert into capital.facility_utilisation (facility_id, limit_minor)
    values (_facility_id, _limit_minor);
end
$$;
comment on function capital.open_facility(uuid, text, text, bigint, text, text) is 'facility.opened';

create function capital.move_funding(
    _kind text,
    _allocator_id uuid,
    _currency text,
    _from text,
    _to text,
    _amount_minor bigint,
    _reference text
)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    perform capital.require_allocator(_allocator_id);
    perform auth.scope_to(_allocator_id);
    perform capital.move(
        _kind,
        capital.account_of(_allocator_id, _currency, _from),
        capital.account_of(_allocator_id, _currency, _to),
        _amount_minor,
        null,
        _reference
    );
end
$$;
comment on function capital.move_funding(text, uuid, text, text, text, bigint, text) is
    'capital.deposited, capital.withdrawn';
