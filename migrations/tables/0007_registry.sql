-- Who takes part: allocators and their members, agents, facilities. The onboarding platform brings the rows; what is
-- utilised of a facility moves with settlements.

create table capital.allocator (
    allocator_id uuid not null,
    legal_name fixed.text_140 not null,
    onboarded_at timestamptz not null default clock_timestamp(),
    constraint allocator_pkey primary key (allocator_id)
);
comment on table capital.allocator is 'A fund, family office or insurer that commits capital.';

create table capital.member (
    sub uuid not null,
    allocator_id uuid not null,
    named_at timestamptz,
    constraint member_pkey primary key (sub),
    constraint member_sub_allocator_key unique (sub, allocator_id),
    constraint member_allocator_fkey foreign key (allocator_id) references capital.allocator (allocator_id)
);
comment on table capital.member is
    'Which allocator a person acts for. There is one, since no request names it. The row stays when the last role is '
    'revoked.';
comment on column capital.member.named_at is
    'When the platform last gave the member a name; null without one. So the trail says when a name was given and when '
    'it was erased, and never the name.';
create index member_allocator_idx on capital.member (allocator_id);

create table capital.member_name (
    sub uuid not null,
    allocator_id uuid not null,
    display_name fixed.text_140 not null,
    constraint member_name_pkey primary key (sub),
    constraint member_name_member_fkey foreign key (sub, allocator_id)
        references capital.member (sub, allocator_id)
)
-- The versions of a row that is gone are removed at the next round, however few they are.
with (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);
-- Samples of a column would outlive its rows.
alter table capital.member_name alter column display_name set statistics 0;
comment on table capital.member_name is
    'What people are called, from the platform, for people to read. A name stands here alone: no trail, outcome, leaf '
    'or statistic has it, so that deleting the row erases it. It proves nothing; the sub does.';
create index member_name_allocator_idx on capital.member_name (allocator_id);

create table capital.member_role (
    sub uuid not null,
    allocator_id uuid not null,
    role text not null,
    granted_at timestamptz not null default clock_timestamp(),
    constraint member_role_pkey primary key (sub, role),
    constraint member_role_member_fkey foreign key (sub, allocator_id)
        references capital.member (sub, allocator_id),
    constraint member_role_role_known check (role in ('viewer', 'maker', 'checker'))
);
comment on table capital.member_role is
    'What a member may do. A member may hold several roles; the four-eyes rule holds all the same.';
create index member_role_allocator_idx on capital.member_role (allocator_id);

create table capital.agent (
    agent_id text not null,
    kind text not null,
    name fixed.text_140 not null,
    registered_at timestamptz not null default clock_timestamp(),
    constraint agent_pkey primary key (agent_id),
    constraint agent_agent_id_kind_key unique (agent_id, kind),
    constraint agent_agent_id_form check (agent_id ~ '^[a-z][a-z0-9-]{2,62}$'),
    constraint agent_kind_known check (kind in ('collateral', 'escrow', 'settlement', 'platform'))
);
comment on table capital.agent is
    'A system that reports by signed webhook. Its secret is in Secrets Manager, never here.';

create table capital.facility (
    facility_id uuid not null,
    name fixed.text_140 not null,
    currency fixed.currency not null,
    escrow_agent_id text not null,
    escrow_agent_kind text not null generated always as ('escrow') stored,
    settlement_agent_id text not null,
    settlement_agent_kind text not null generated always as ('settlement') stored,
    secured boolean not null,
    limit_minor bigint not null,
    lead_allocator_id uuid,
    collateral_agent_id text,
    collateral_agent_kind text not null generated always as ('collateral') stored,
    opened_at timestamptz not null default clock_timestamp(),
    constraint facility_pkey primary key (facility_id),
    constraint facility_facility_id_currency_key unique (facility_id, currency),
    constraint facility_facility_id_secured_key unique (facility_id, secured),
    constraint facility_facility_id_limit_key unique (facility_id, secured, limit_minor),
    constraint facility_limit_positive check (limit_minor > 0),
    constraint facility_facility_id_lead_key unique (facility_id, lead_allocator_id),
    constraint facility_escrow_agent_fkey foreign key (escrow_agent_id, escrow_agent_kind)
        references capital.agent (agent_id, kind),
    constraint facility_settlement_agent_fkey foreign key (settlement_agent_id, settlement_agent_kind)
        references capital.agent (agent_id, kind),
    constraint facility_collateral_agent_fkey foreign key (collateral_agent_id, collateral_agent_kind)
        references capital.agent (agent_id, kind),
    constraint facility_lead_allocator_fkey foreign key (lead_allocator_id)
        references capital.allocator (allocator_id),
    constraint facility_secured_members check (
        (secured and lead_allocator_id is not null and collateral_agent_id is not null)
        or (not secured and lead_allocator_id is null and collateral_agent_id is null)
    )
);
comment on table capital.facility is
    'A credit facility, and the agents who act on it. Its lead allocator takes part in it, and those who are admitted.';
create index facility_escrow_agent_idx on capital.facility (escrow_agent_id);
create index facility_settlement_agent_idx on capital.facility (settlement_agent_id);
comment on column capital.facility.secured is
    'Whether settlements need collateral. A facility without it is opened so explicitly, and every reply says so.';
comment on column capital.facility.lead_allocator_id is
    'The allocator whose members release collateral, two of them together.';
create index facility_lead_allocator_idx on capital.facility (lead_allocator_id);
create index facility_collateral_agent_idx on capital.facility (collateral_agent_id);

create table capital.admission (
    facility_id uuid not null,
    allocator_id uuid not null,
    admitted_at timestamptz not null default clock_timestamp(),
    constraint admission_pkey primary key (facility_id, allocator_id),
    constraint admission_facility_fkey foreign key (facility_id) references capital.facility (facility_id),
    constraint admission_allocator_fkey foreign key (allocator_id) references capital.allocator (allocator_id)
);
comment on table capital.admission is
    'Allocators that the platform has admitted to a facility beside its lead. The row goes when one is excluded.';
create index admission_allocator_idx on capital.admission (allocator_id);

create table capital.facility_slot (
    facility_id uuid not null,
    slot int4 not null,
    secured boolean not null,
    facility_limit_minor bigint not null,
    limit_minor bigint not null
        generated always as (fixed.slot_share(facility_limit_minor, fixed.slots(secured), slot)) stored,
    utilised_minor bigint not null default 0,
    constraint facility_slot_pkey primary key (facility_id, slot),
    -- The shares of all slots make the limit. A slot that is missing makes it less, and there is none beyond the last.
    constraint facility_slot_facility_fkey foreign key (facility_id, secured, facility_limit_minor)
        references capital.facility (facility_id, secured, limit_minor),
    constraint facility_slot_slot_known check (slot between 0 and fixed.slots(secured) - 1),
    constraint facility_slot_utilised_within_limit check (utilised_minor between 0 and limit_minor)
)
-- A changed row finds room on its own page, so that no index is written.
with (fillfactor = 50);
comment on table capital.facility_slot is
    'The room of a facility, in equal shares. A settlement takes from the slot that follows from its id, from others '
    'only where that one does not suffice. So those who verify at once seldom write the same row.';
comment on column capital.facility_slot.utilised_minor is
    'Capital that settlements of all allocators have reserved, escrowed or settled out of this share.';
