-- Events of the onboarding platform about allocators, their members, and agents.

create or replace function capital.require_allocator(_allocator_id uuid)
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
comment on function capital.require_allocator(uuid) is 'Refuses not-found unless the allocator is onboarded.';

create or replace function capital.onboard_allocator(_allocator_id uuid, _legal_name text)
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
comment on function capital.onboard_allocator(uuid, text) is 'allocator.onboarded: a new allocator.';

create or replace function capital.grant_member(_sub uuid, _allocator_id uuid, _role text)
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
    elsif current_allocator is distinct from _allocator_id then
        perform ledger.refuse('member-elsewhere');
    end if;
    if exists (select from capital.member_role as r where r.sub = _sub and r.role = _role) then
        perform ledger.refuse('already-exists');
    end if;
    insert into capital.member_role (sub, allocator_id, role)
    values (_sub, _allocator_id, _role);
end
$$;
comment on function capital.grant_member(uuid, uuid, text) is
    'member.granted: a role for a person. A person acts for one allocator.';

create or replace function capital.revoke_member(_sub uuid, _allocator_id uuid, _role text)
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
comment on function capital.revoke_member(uuid, uuid, text) is
    'member.revoked: takes one role away. The person stays a member.';

create or replace function capital.register_agent(_agent_id text, _kind text, _name text)
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
comment on function capital.register_agent(text, text, text) is 'agent.registered: a new agent.';
