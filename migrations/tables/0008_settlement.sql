-- Settlements and their state machine. The legal transitions are constraints, not code: they hold for every caller, and
-- with the triggers switched off that the owner can switch off. Only a superuser can switch off a foreign key.

create table capital.settlement (
    settlement_id uuid not null default gen_random_uuid(),
    allocator_id uuid not null,
    facility_id uuid not null,
    secured boolean not null,
    amount_minor fixed.amount not null,
    currency fixed.currency not null,
    value_date date not null,
    uetr uuid,
    reference fixed.text_140,
    expires_at fixed.instant,
    version int4 not null default 1,
    previous_status text,
    status text not null default 'PENDING',
    created_by uuid not null,
    verified_by uuid,
    room_slots int4[],
    room_taken bigint[],
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    constraint settlement_pkey primary key (settlement_id),
    constraint settlement_settlement_id_allocator_key unique (settlement_id, allocator_id),
    constraint settlement_facility_settlement_key unique (facility_id, settlement_id),
    constraint settlement_allocator_uetr_key unique (allocator_id, uetr),
    constraint settlement_facility_currency_fkey foreign key (facility_id, currency)
        references capital.facility (facility_id, currency),
    constraint settlement_facility_secured_fkey foreign key (facility_id, secured)
        references capital.facility (facility_id, secured),
    constraint settlement_created_by_fkey foreign key (created_by, allocator_id)
        references capital.member (sub, allocator_id),
    constraint settlement_verified_by_fkey foreign key (verified_by, allocator_id)
        references capital.member (sub, allocator_id),
    constraint settlement_expires_at_later check (expires_at > created_at),
    -- Four eyes: what has been VERIFIED was verified by another member than its maker.
    constraint settlement_verified_by_other check (
        (verified_by is null and version <= 2 and status <> 'VERIFIED')
        or (verified_by is not null and verified_by <> created_by and (version > 2 or status = 'VERIFIED'))
    ),
    -- What has been VERIFIED has taken room, for its whole amount.
    constraint settlement_room_taken check (
        case when verified_by is null then num_nonnulls(room_slots, room_taken) = 0
            else fixed.is_taken(room_slots, room_taken, amount_minor)
        end
    ),
    -- Two paths to a state differ in length, so a version allows one pair for each state. One constant: a check is
    -- parsed from its stored form at each statement, and a list of rows takes ten times as long. The text of a row
    -- tells null, (1,,PENDING), from an empty text, (1,"",PENDING).
    constraint settlement_status_transition check (
        row(version, previous_status, status)::text = any (
            '{"(1,,PENDING)",
              "(2,PENDING,VERIFIED)", "(2,PENDING,CANCELLED)", "(2,PENDING,EXPIRED)",
              "(3,VERIFIED,ESCROWED)", "(3,VERIFIED,CANCELLED)", "(3,VERIFIED,FAILED)", "(3,VERIFIED,EXPIRED)",
              "(4,ESCROWED,SETTLED)", "(4,ESCROWED,FAILED)"}'::text[]
        )
    )
);
comment on table capital.settlement is
    'A movement of an allocator''s capital into a facility. What was agreed never changes; only its state does.';
comment on column capital.settlement.amount_minor is 'The amount in minor units of the currency (ISO 4217).';
comment on column capital.settlement.uetr is 'The unique end-to-end transaction reference, a UUIDv4.';
comment on column capital.settlement.room_slots is
    'The slots of the facility that the verification took room from, in order. Room goes back to where it was taken.';
comment on column capital.settlement.room_taken is 'What was taken from each of these slots, in minor units.';
comment on column capital.settlement.version is 'The number of the settlement''s last transition.';
comment on column capital.settlement.updated_at is 'When the last transition was taken; it bears the same time.';
create index settlement_allocator_updated_idx on capital.settlement (allocator_id, updated_at, settlement_id);
create index settlement_allocator_open_idx
    on capital.settlement (allocator_id, created_at desc, settlement_id desc)
    where status in ('PENDING', 'VERIFIED', 'ESCROWED');
create index settlement_allocator_value_date_idx on capital.settlement (allocator_id, value_date);
create index settlement_allocator_reference_idx on capital.settlement (allocator_id, reference)
    where reference is not null;
create index settlement_allocator_created_idx
    on capital.settlement (allocator_id, created_at desc, settlement_id desc);
create index settlement_created_by_idx on capital.settlement (created_by, allocator_id);
create index settlement_due_idx on capital.settlement (expires_at)
    where expires_at is not null and status in ('PENDING', 'VERIFIED');
comment on column capital.settlement.secured is 'Whether its facility is secured; replies say so.';
create index settlement_allocator_facility_idx on capital.settlement (allocator_id, facility_id);

create table capital.settlement_transition (
    settlement_id uuid not null,
    seq int4 not null,
    previous_seq int4 generated always as (nullif(seq - 1, 0)) stored,
    allocator_id uuid not null,
    from_status text,
    to_status text not null,
    actor_kind text not null,
    actor_id text not null,
    commitment_key fixed.sha256 not null,
    reason fixed.text_140,
    at timestamptz not null default clock_timestamp(),
    constraint settlement_transition_pkey primary key (settlement_id, seq),
    constraint settlement_transition_seq_to_key unique (settlement_id, seq, to_status),
    constraint settlement_transition_settlement_fkey foreign key (settlement_id, allocator_id)
        references capital.settlement (settlement_id, allocator_id),
    -- Each transition starts where the one before it ended.
    constraint settlement_transition_previous_fkey foreign key (settlement_id, previous_seq, from_status)
        references capital.settlement_transition (settlement_id, seq, to_status),
    constraint settlement_transition_commitment_fkey foreign key (commitment_key)
        references ledger.commitment_ledger (key),
    -- The same edges as settlement_status_transition.
    constraint settlement_transition_legal check (
        row(seq, from_status, to_status)::text = any (
            '{"(1,,PENDING)",
              "(2,PENDING,VERIFIED)", "(2,PENDING,CANCELLED)", "(2,PENDING,EXPIRED)",
              "(3,VERIFIED,ESCROWED)", "(3,VERIFIED,CANCELLED)", "(3,VERIFIED,FAILED)", "(3,VERIFIED,EXPIRED)",
              "(4,ESCROWED,SETTLED)", "(4,ESCROWED,FAILED)"}'::text[]
        )
    )
);
comment on table capital.settlement_transition is
    'Each step of each settlement: who took it, when, and under which commitment. Append-only.';

-- A settlement's state is that of its last transition.
alter table capital.settlement
    add constraint settlement_last_transition_fkey foreign key (settlement_id, version, status)
    references capital.settlement_transition (settlement_id, seq, to_status)
    deferrable initially deferred;
