-- Who takes part: allocators and their members, agents, facilities.

create table capital.allocator (
    allocator_id uuid not null,
    legal_name text not null,
    onboarded_at timestamptz not null default now(),
    constraint allocator_pkey primary key (allocator_id),
    constraint allocator_legal_name_length check (length(legal_name) between 1 and 140)
);
comment on table capital.allocator is 'A fund, family office or insurer that commits capital.';

create table capital.member (
    sub uuid not null,
    allocator_id uuid not null,
    constraint member_pkey primary key (sub),
    constraint member_sub_allocator_key unique (sub, allocator_id),
    constraint member_allocator_fkey foreign key (allocator_id) references capital.allocator (allocator_id)
);
comment on table capital.member is
    'Which allocator a person acts for: one, since the request never names it. Kept when the last role is revoked.';
create index member_allocator_idx on capital.member (allocator_id);

create table capital.member_role (
    sub uuid not null,
    allocator_id uuid not null,
    role text not null,
    granted_at timestamptz not null default now(),
    constraint member_role_pkey primary key (sub, role),
    constraint member_role_member_fkey foreign key (sub, allocator_id)
        references capital.member (sub, allocator_id),
    constraint member_role_role_known check (role in ('viewer', 'maker', 'checker'))
);
comment on table capital.member_role is 'What a member may do. Several roles may be held; four eyes hold all the same.';
create index member_role_allocator_idx on capital.member_role (allocator_id);

create table capital.agent (
    agent_id text not null,
    kind text not null,
    name text not null,
    registered_at timestamptz not null default now(),
    constraint agent_pkey primary key (agent_id),
    constraint agent_agent_id_kind_key unique (agent_id, kind),
    constraint agent_agent_id_form check (agent_id ~ '^[a-z][a-z0-9-]{2,62}$'),
    constraint agent_kind_known check (kind in ('escrow', 'settlement', 'platform')),
    constraint agent_name_length check (length(name) between 1 and 140)
);
comment on table capital.agent is
    'A system that reports by signed webhook. Its secret is in Secrets Manager, never here.';

create table capital.facility (
    facility_id uuid not null,
    name text not null,
    currency text not null,
    escrow_agent_id text not null,
    escrow_agent_kind text not null generated always as ('escrow') stored,
    settlement_agent_id text not null,
    settlement_agent_kind text not null generated always as ('settlement') stored,
    opened_at timestamptz not null default now(),
    constraint facility_pkey primary key (facility_id),
    constraint facility_facility_id_currency_key unique (facility_id, currency),
    constraint facility_name_length check (length(name) between 1 and 140),
    constraint facility_currency_form check (currency ~ '^[A-Z]{3}$'),
    constraint facility_escrow_agent_fkey foreign key (escrow_agent_id, escrow_agent_kind)
        references capital.agent (agent_id, kind),
    constraint facility_settlement_agent_fkey foreign key (settlement_agent_id, settlement_agent_kind)
        references capital.agent (agent_id, kind)
);
comment on table capital.facility is 'A credit facility, and the agents who act on it. Open to every allocator.';
create index facility_escrow_agent_idx on capital.facility (escrow_agent_id);
create index facility_settlement_agent_idx on capital.facility (settlement_agent_id);

create table capital.facility_utilisation (
    facility_id uuid not null,
    limit_minor bigint not null,
    utilised_minor bigint not null default 0,
    constraint facility_utilisation_pkey primary key (facility_id),
    constraint facility_utilisation_facility_fkey foreign key (facility_id)
        references capital.facility (facility_id),
    constraint facility_utilisation_limit_positive check (limit_minor > 0),
    constraint facility_utilisation_utilised_within_limit check (utilised_minor between 0 and limit_minor)
);
comment on table capital.facility_utilisation is
    'Capital reserved, escrowed or settled into a facility by all allocators together. A row of its own, since every VERIFIED changes it.';

-- ---------------------------------------------------------------------------------------------
-- The allocator this transaction is about.

create function auth.allocator_id()
returns uuid
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if auth.login_kind() = 'human' then
        return (select m.allocator_id from capital.member as m where m.sub = auth.sub());
    end if;
    return nullif(current_setting('optkas.scope', true), '')::uuid;
end
$$;
comment on function auth.allocator_id() is
    'A person''s own allocator; for an agent or a scheduled function the one its message is about (auth.scope_to).';

create function auth.scope_to(_allocator_id uuid)
returns void
language sql
begin atomic
    select set_config('optkas.scope', _allocator_id::text, true);
end;
comment on function auth.scope_to(uuid) is
    'For agents and scheduled functions, once a row they may see has named the allocator.';

create function auth.present_member(_token text)
returns uuid
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    allocator uuid;
begin
    perform auth.present(_token);
    allocator := auth.allocator_id();
    -- A member whose last role was revoked is a member no more.
    if not exists (
        select from capital.member_role as r
        where r.sub = auth.sub() and r.allocator_id = allocator
    ) then
        raise exception using errcode = 'OPK03', message = 'not-a-member';
    end if;
    return allocator;
end
$$;
comment on function auth.present_member(text) is
    'Presents a person and returns the allocator. Raises OPK03 where there is none: a stranger claims no key.';

create function auth.require_role(variadic _roles text[])
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if not exists (
        select from capital.member_role as r where r.sub = auth.sub() and r.role = any (_roles)
    ) then
        perform ledger.refuse('role-missing', jsonb_build_object('required', to_jsonb(_roles)));
    end if;
end
$$;
comment on function auth.require_role(text[]) is 'Refuses a member who holds none of these roles.';

create function auth.present_agent(_agent_id text, _kind text)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    perform auth.start();
    perform set_config('optkas.agent', _agent_id, true);
    return exists (
        select from capital.agent as a where a.agent_id = _agent_id and a.kind = _kind
    );
end
$$;
comment on function auth.present_agent(text, text) is
    'Presents an agent; false where none of that kind is registered, and then nothing may follow.';

-- ---------------------------------------------------------------------------------------------

select audit.watch('capital.allocator', 'allocator_id');
select audit.watch('capital.member', 'sub');
select audit.watch('capital.member_role', 'sub', 'role');
select audit.watch('capital.agent', 'agent_id');
select audit.watch('capital.facility', 'facility_id');
select audit.watch('capital.facility_utilisation', 'facility_id');

create policy allocator_read on capital.allocator
    for select
    to optkas_owner
    using (allocator_id = (select auth.allocator_id()) or (select auth.is_platform()));
create policy allocator_onboard on capital.allocator
    for insert
    to optkas_owner
    with check ((select auth.is_platform()));

-- auth.allocator_id reads this table, so its policy must not call that function.
create policy member_read on capital.member
    for select
    to optkas_owner
    using (sub = (select auth.sub()) or (select auth.is_platform()));
create policy member_grant on capital.member
    for insert
    to optkas_owner
    with check ((select auth.is_platform()));

create policy member_role_read on capital.member_role
    for select
    to optkas_owner
    using (sub = (select auth.sub()) or (select auth.is_platform()));
create policy member_role_grant on capital.member_role
    for insert
    to optkas_owner
    with check ((select auth.is_platform()));
create policy member_role_revoke on capital.member_role
    for delete
    to optkas_owner
    using ((select auth.is_platform()));

create policy agent_read on capital.agent
    for select
    to optkas_owner
    using (
        agent_id = (select auth.agent_id())
        or (select auth.is_platform())
        or (select auth.is_system('migrate'))
    );
create policy agent_register on capital.agent
    for insert
    to optkas_owner
    with check (
        ((select auth.is_platform()) and kind <> 'platform')
        or ((select auth.is_system('migrate')) and kind = 'platform')
    );

create policy facility_read on capital.facility
    for select
    to optkas_owner
    using ((select auth.principal()) is not null);
create policy facility_open on capital.facility
    for insert
    to optkas_owner
    with check ((select auth.is_platform()));

create policy facility_utilisation_read on capital.facility_utilisation
    for select
    to optkas_owner
    using ((select auth.principal()) is not null);
create policy facility_utilisation_open on capital.facility_utilisation
    for insert
    to optkas_owner
    with check ((select auth.is_platform()));
-- Moves only with a settlement of the allocator this transaction is about.
create policy facility_utilisation_move on capital.facility_utilisation
    for update
    to optkas_owner
    using ((select auth.allocator_id()) is not null);

create policy commitment_outcome_read on ledger.commitment_outcome
    for select
    to optkas_owner
    using (
        allocator_id = (select auth.allocator_id())
        or (
            (principal_kind, principal_id) = (select p.kind, p.id from auth.principal() as p)
        )
    );

create policy trail_read on audit.trail
    for select
    to optkas_owner
    using (allocator_id = (select auth.allocator_id()));
