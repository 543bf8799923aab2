-- Settlements and their state machine. The legal transitions are constraints, not code: they hold
-- whoever asks, and with triggers switched off as well.

create table capital.settlement (
    settlement_id uuid not null default gen_random_uuid(),
    allocator_id uuid not null,
    facility_id uuid not null,
    amount_minor bigint not null,
    currency text not null,
    value_date date not null,
    uetr uuid,
    reference text,
    expires_at timestamptz,
    version int4 not null default 1,
    previous_status text,
    status text not null default 'PENDING',
    created_by uuid not null,
    created_at timestamptz not null default now(),
    constraint settlement_pkey primary key (settlement_id),
    constraint settlement_settlement_id_allocator_key unique (settlement_id, allocator_id),
    constraint settlement_allocator_uetr_key unique (allocator_id, uetr),
    constraint settlement_facility_currency_fkey foreign key (facility_id, currency)
        references capital.facility (facility_id, currency),
    constraint settlement_created_by_fkey foreign key (created_by, allocator_id)
        references capital.member (sub, allocator_id),
    constraint settlement_amount_positive check (amount_minor between 1 and 999999999999999999),
    constraint settlement_reference_length check (length(reference) between 1 and 140),
    constraint settlement_expires_at_later check (expires_at > created_at),
    -- The path to a state is the only one of its length, so the version belongs to the pair.
    constraint settlement_status_transition check (
        (version = 1 and previous_status is null and status = 'PENDING')
        or (
            previous_status is not null
            and (version, previous_status, status) in (
                (2, 'PENDING', 'VERIFIED'),
                (2, 'PENDING', 'CANCELLED'),
                (2, 'PENDING', 'EXPIRED'),
                (3, 'VERIFIED', 'ESCROWED'),
                (3, 'VERIFIED', 'CANCELLED'),
                (3, 'VERIFIED', 'FAILED'),
                (3, 'VERIFIED', 'EXPIRED'),
                (4, 'ESCROWED', 'SETTLED'),
                (4, 'ESCROWED', 'FAILED')
            )
        )
    )
);
comment on table capital.settlement is
    'A movement of an allocator''s capital into a facility. What was agreed never changes; only its state does.';
comment on column capital.settlement.amount_minor is 'In minor units of the currency (ISO 4217).';
comment on column capital.settlement.uetr is 'Unique end-to-end transaction reference, a UUIDv4.';
comment on column capital.settlement.version is 'The number of its last transition.';

create index settlement_allocator_created_idx
    on capital.settlement (allocator_id, created_at desc, settlement_id desc);
create index settlement_facility_idx on capital.settlement (facility_id, currency);
create index settlement_created_by_idx on capital.settlement (created_by, allocator_id);
create index settlement_due_idx on capital.settlement (expires_at)
    where expires_at is not null and status in ('PENDING', 'VERIFIED');

create table capital.settlement_transition (
    settlement_id uuid not null,
    seq int4 not null,
    previous_seq int4 generated always as (nullif(seq - 1, 0)) stored,
    allocator_id uuid not null,
    from_status text,
    to_status text not null,
    actor_kind text not null,
    actor_id text not null,
    commitment_key bytea not null,
    reason text,
    at timestamptz not null default now(),
    constraint settlement_transition_pkey primary key (settlement_id, seq),
    constraint settlement_transition_seq_to_key unique (settlement_id, seq, to_status),
    constraint settlement_transition_settlement_fkey foreign key (settlement_id, allocator_id)
        references capital.settlement (settlement_id, allocator_id),
    -- Each transition starts where the one before it ended.
    constraint settlement_transition_previous_fkey foreign key (settlement_id, previous_seq, from_status)
        references capital.settlement_transition (settlement_id, seq, to_status),
    constraint settlement_transition_commitment_fkey foreign key (commitment_key)
        references ledger.commitment_ledger (key),
    constraint settlement_transition_reason_length check (length(reason) between 1 and 140),
    constraint settlement_transition_legal check (
        (seq = 1 and from_status is null and to_status = 'PENDING')
        or (
            from_status is not null
            and (seq, from_status, to_status) in (
                (2, 'PENDING', 'VERIFIED'),
                (2, 'PENDING', 'CANCELLED'),
                (2, 'PENDING', 'EXPIRED'),
                (3, 'VERIFIED', 'ESCROWED'),
                (3, 'VERIFIED', 'CANCELLED'),
                (3, 'VERIFIED', 'FAILED'),
                (3, 'VERIFIED', 'EXPIRED'),
                (4, 'ESCROWED', 'SETTLED'),
                (4, 'ESCROWED', 'FAILED')
            )
        )
    )
);
comment on table capital.settlement_transition is
    'Each step of each settlement: who took it, when, under which commitment. Append-only.';
create index settlement_transition_commitment_idx on capital.settlement_transition (commitment_key);

-- A settlement's state is that of its last transition.
alter table capital.settlement
    add constraint settlement_last_transition_fkey foreign key (settlement_id, version, status)
    references capital.settlement_transition (settlement_id, seq, to_status)
    deferrable initially deferred;

-- The reference above says that the state is one of the chain's; this, that it is the chain's end.
create function capital.require_last_transition()
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
    'No transition goes beyond the settlement it belongs to, checked at commit.';

create constraint trigger settlement_transition_last
    after insert on capital.settlement_transition
    deferrable initially deferred
    for each row execute function capital.require_last_transition();
alter table capital.settlement_transition enable always trigger settlement_transition_last;

create trigger settlement_transition_append_only
    before update or delete or truncate on capital.settlement_transition
    for each statement execute function ledger.forbid_change();
alter table capital.settlement_transition enable always trigger settlement_transition_append_only;

create function capital.pin_settlement()
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
    if new is distinct from agreed then
        raise exception using
            errcode = 'OPK04',
            message = 'capital.settlement changes by one transition at a time, and in nothing else';
    end if;
    return new;
end
$$;
comment on function capital.pin_settlement() is
    'The state before is the one that was stored, the version the next one, and all else as agreed.';

create trigger settlement_pinned
    before update on capital.settlement
    for each row execute function capital.pin_settlement();
alter table capital.settlement enable always trigger settlement_pinned;

create trigger settlement_kept
    before delete on capital.settlement
    for each statement execute function ledger.forbid_change();
alter table capital.settlement enable always trigger settlement_kept;

select audit.watch('capital.settlement', 'settlement_id');
select audit.watch('capital.settlement_transition', 'settlement_id', 'seq');

create function capital.agent_serves(_facility_id uuid)
returns boolean
language sql
stable
return exists (
    select
    from capital.facility as f
    where f.facility_id = _facility_id
        and auth.agent_id() in (f.escrow_agent_id, f.settlement_agent_id)
);
comment on function capital.agent_serves(uuid) is 'Whether the presented agent is named in that facility.';

create policy settlement_read on capital.settlement
    for select
    to optkas_owner
    using (
        allocator_id = (select auth.allocator_id())
        or ((select auth.agent_id()) is not null and capital.agent_serves(facility_id))
        or ((select auth.is_system('expire-settlements')) and expires_at <= now())
    );
create policy settlement_create on capital.settlement
    for insert
    to optkas_owner
    with check (
        allocator_id = (select auth.allocator_id())
        and created_by = (select auth.sub())
    );
create policy settlement_move on capital.settlement
    for update
    to optkas_owner
    using (allocator_id = (select auth.allocator_id()));

create policy settlement_transition_read on capital.settlement_transition
    for select
    to optkas_owner
    using (allocator_id = (select auth.allocator_id()));
create policy settlement_transition_append on capital.settlement_transition
    for insert
    to optkas_owner
    with check (
        allocator_id = (select auth.allocator_id())
        and (actor_kind, actor_id) = (select p.kind, p.id from auth.principal() as p)
    );
create policy settlement_transition_audit on capital.settlement_transition
    for select
    to optkas_auditor
    using (true);

grant usage on schema capital to optkas_auditor;
grant select on capital.settlement_transition to optkas_auditor;
