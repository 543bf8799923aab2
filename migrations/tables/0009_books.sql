-- Double entry. A journal moves one amount from one account to another, by two postings. Every balance is the end of a
-- chain of postings, by foreign key: no balance can change without its posting.

create table capital.account (
    account_id uuid not null default gen_random_uuid(),
    allocator_id uuid not null,
    currency fixed.currency not null,
    kind text not null,
    facility_id uuid,
    version bigint not null default 0,
    last_version bigint generated always as (nullif(version, 0)) stored,
    balance_minor bigint not null default 0,
    last_posted_at timestamptz,
    constraint account_pkey primary key (account_id),
    constraint account_account_id_allocator_currency_key unique (account_id, allocator_id, currency),
    constraint account_owner_key unique nulls not distinct (allocator_id, currency, kind, facility_id),
    constraint account_allocator_fkey foreign key (allocator_id) references capital.allocator (allocator_id),
    constraint account_facility_currency_fkey foreign key (facility_id, currency)
        references capital.facility (facility_id, currency),
    constraint account_kind_known check (
        kind in ('external', 'available', 'reserved', 'escrowed', 'position')
    ),
    constraint account_facility_of_position check ((kind = 'position') = (facility_id is not null)),
    constraint account_balance_sign check (
        (kind = 'external' and balance_minor <= 0)
        or (kind <> 'external' and balance_minor >= 0)
    ),
    constraint account_version_start check (version > 0 or (version = 0 and balance_minor = 0)),
    constraint account_last_posted_at_of_version check ((version = 0) = (last_posted_at is null))
);
comment on table capital.account is
    'Where an allocator''s capital is: available, reserved, escrowed, or a position in a facility. The kind external '
    'is the world outside; its balance is what came in, negated. So all accounts of an allocator and currency sum to '
    'zero.';
comment on column capital.account.version is 'The number of the account''s last posting.';

create table capital.journal (
    journal_id uuid not null default gen_random_uuid(),
    allocator_id uuid not null,
    kind text not null,
    settlement_id uuid,
    currency fixed.currency not null,
    -- The kind says which way an amount goes. A negative deposit would be a withdrawal.
    amount_minor fixed.amount not null,
    out_side int4 not null generated always as (-1) stored,
    in_side int4 not null generated always as (1) stored,
    reference fixed.text_140,
    commitment_key fixed.sha256 not null,
    posted_at timestamptz not null default clock_timestamp(),
    constraint journal_pkey primary key (journal_id),
    constraint journal_legs_key unique (journal_id, allocator_id, currency, amount_minor, posted_at),
    constraint journal_settlement_fkey foreign key (settlement_id, allocator_id)
        references capital.settlement (settlement_id, allocator_id),
    constraint journal_commitment_fkey foreign key (commitment_key)
        references ledger.commitment_ledger (key),
    constraint journal_kind_known check (
        kind in ('deposit', 'withdrawal', 'reserve', 'release', 'escrow', 'return', 'settle')
    ),
    constraint journal_settlement_of_kind check (
        (kind in ('deposit', 'withdrawal')) = (settlement_id is null)
    )
);
comment on table capital.journal is
    'One movement of capital, with its reason: an amount goes out of one account and into another. Append-only.';
create index journal_settlement_idx on capital.journal (settlement_id);

create table capital.posting (
    account_id uuid not null,
    account_version bigint not null,
    previous_version bigint generated always as (nullif(account_version - 1, 0)) stored,
    journal_id uuid not null,
    side int4 not null,
    allocator_id uuid not null,
    currency fixed.currency not null,
    moved_minor bigint not null,
    amount_minor bigint not null,
    balance_before_minor bigint not null,
    balance_after_minor bigint not null,
    previous_posted_at timestamptz,
    posted_at timestamptz not null,
    constraint posting_pkey primary key (account_id, account_version),
    constraint posting_version_balance_key unique (account_id, account_version, balance_after_minor, posted_at),
    constraint posting_journal_side_key unique (journal_id, allocator_id, side),
    constraint posting_account_fkey foreign key (account_id, allocator_id, currency)
        references capital.account (account_id, allocator_id, currency),
    -- The legs of a journal move its amount at its time, so that what is asked as of an instant adds up.
    constraint posting_journal_fkey foreign key (journal_id, allocator_id, currency, moved_minor, posted_at)
        references capital.journal (journal_id, allocator_id, currency, amount_minor, posted_at),
    -- Each posting starts from the balance the one before it left, and not before its time.
    constraint posting_previous_fkey
        foreign key (account_id, previous_version, balance_before_minor, previous_posted_at)
        references capital.posting (account_id, account_version, balance_after_minor, posted_at),
    constraint posting_posted_at_not_before_previous check (
        case when account_version = 1 then previous_posted_at is null else previous_posted_at <= posted_at end is true
    ),
    constraint posting_account_version_start check (
        account_version > 1 or (account_version = 1 and balance_before_minor = 0)
    ),
    constraint posting_amount_of_side check (side in (-1, 1) and amount_minor = side * moved_minor),
    constraint posting_balance_adds_up check (
        balance_after_minor = balance_before_minor + amount_minor
    )
);
comment on table capital.posting is 'One leg of a journal: what it adds to one account. Append-only.';
comment on column capital.posting.side is 
    '-1 for the leg that takes the journal''s amount, 1 for the one that brings it.';
create index posting_account_posted_idx
    on capital.posting (account_id, posted_at desc, account_version desc);

-- A journal has both legs. Each moves the journal's amount, so they sum to zero.
alter table capital.journal
    add constraint journal_out_leg_fkey foreign key (journal_id, allocator_id, out_side)
    references capital.posting (journal_id, allocator_id, side)
    deferrable initially deferred,
    add constraint journal_in_leg_fkey foreign key (journal_id, allocator_id, in_side)
    references capital.posting (journal_id, allocator_id, side)
    deferrable initially deferred;

-- An account's balance is the one its last posting left.
alter table capital.account
    add constraint account_last_posting_fkey foreign key (account_id, last_version, balance_minor, last_posted_at)
    references capital.posting (account_id, account_version, balance_after_minor, posted_at)
    deferrable initially deferred;
