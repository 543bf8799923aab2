-- Double entry. A journal moves one amount between accounts; its postings sum to zero. Every balance
-- is the end of a chain of postings, by foreign key: no balance can change without its posting.

create table capital.account (
    account_id uuid not null default gen_random_uuid(),
    allocator_id uuid not null,
    currency text not null,
    kind text not null,
    facility_id uuid,
    version bigint not null default 0,
    last_version bigint generated always as (nullif(version, 0)) stored,
    balance_minor bigint not null default 0,
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
    constraint account_version_start check (version > 0 or (version = 0 and balance_minor = 0))
);
comment on table capital.account is
    'Where an allocator''s capital is: available, reserved, escrowed, or a position in a facility. external is the world outside, whose balance is what came in, negated; so all accounts of an allocator and currency sum to zero.';
comment on column capital.account.version is 'The number of its last posting.';

create table capital.journal (
    journal_id uuid not null default gen_random_uuid(),
    allocator_id uuid not null,
    kind text not null,
    settlement_id uuid,
    reference text,
    commitment_key bytea not null,
    posted_at timestamptz not null default now(),
    constraint journal_pkey primary key (journal_id),
    constraint journal_journal_id_allocator_key unique (journal_id, allocator_id),
    constraint journal_settlement_fkey foreign key (settlement_id, allocator_id)
        references capital.settlement (settlement_id, allocator_id),
    constraint journal_commitment_fkey foreign key (commitment_key)
        references ledger.commitment_ledger (key),
    constraint journal_kind_known check (
        kind in ('deposit', 'withdrawal', 'reserve', 'release', 'escrow', 'return', 'settle')
    ),
    constraint journal_settlement_of_kind check (
        (kind in ('deposit', 'withdrawal')) = (settlement_id is null)
    ),
    constraint journal_reference_length check (length(reference) between 1 and 140)
);
comment on table capital.journal is 'One movement of capital: its reason. Append-only.';
create index journal_settlement_idx on capital.journal (settlement_id);
create index journal_commitment_idx on capital.journal (commitment_key);

create table capital.posting (
    account_id uuid not null,
    account_version bigint not null,
    previous_version bigint generated always as (nullif(account_version - 1, 0)) stored,
    journal_id uuid not null,
    allocator_id uuid not null,
    currency text not null,
    amount_minor bigint not null,
    balance_before_minor bigint not null,
    balance_after_minor bigint not null,
    posted_at timestamptz not null default now(),
    constraint posting_pkey primary key (account_id, account_version),
    constraint posting_version_balance_key unique (account_id, account_version, balance_after_minor),
    constraint posting_journal_account_key unique (journal_id, account_id),
    constraint posting_account_fkey foreign key (account_id, allocator_id, currency)
        references capital.account (account_id, allocator_id, currency),
    constraint posting_journal_fkey foreign key (journal_id, allocator_id)
        references capital.journal (journal_id, allocator_id),
    -- Each posting starts from the balance the one before it left.
    constraint posting_previous_fkey foreign key (account_id, previous_version, balance_before_minor)
        references capital.posting (account_id, account_version, balance_after_minor),
    constraint posting_account_version_start check (
        account_version > 1 or (account_version = 1 and balance_before_minor = 0)
    ),
    constraint posting_amount_not_zero check (amount_minor <> 0),
    constraint posting_balance_adds_up check (
        balance_after_minor = balance_before_minor + amount_minor
    )
);
comment on table capital.posting is 'One leg of a journal: what it adds to one account. Append-only.';
create index posting_account_posted_idx
    on capital.posting (account_id, posted_at desc, account_version desc);

-- An account's balance is the one its last posting left.
alter table capital.account
    add constraint account_last_posting_fkey foreign key (account_id, last_version, balance_minor)
    references capital.posting (account_id, account_version, balance_after_minor)
    deferrable initially deferred;

create trigger journal_append_only
    before update or delete or truncate on capital.journal
    for each statement execute function ledger.forbid_change();
alter table capital.journal enable always trigger journal_append_only;

create trigger posting_append_only
    before update or delete or truncate on capital.posting
    for each statement execute function ledger.forbid_change();
alter table capital.posting enable always trigger posting_append_only;

create trigger account_kept
    before delete on capital.account
    for each statement execute function ledger.forbid_change();
alter table capital.account enable always trigger account_kept;

create function capital.require_balanced_journal()
returns trigger
language plpgsql
-- At commit the gateway function has returned, and the login itself may read nothing.
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- At commit, when all legs are there. A journal without legs is as wrong as one that does not add up.
    if not exists (select from capital.posting as p where p.journal_id = new.journal_id)
        or exists (
            select
            from capital.posting as p
            where p.journal_id = new.journal_id
            group by p.currency
            having sum(p.amount_minor) <> 0
        )
    then
        raise exception using
            errcode = 'OPK04',
            message = 'the postings of a journal must sum to zero in each currency';
    end if;
    return null;
end
$$;
comment on function capital.require_balanced_journal() is 'Double entry, checked at commit.';

create constraint trigger journal_balanced
    after insert on capital.journal
    deferrable initially deferred
    for each row execute function capital.require_balanced_journal();
alter table capital.journal enable always trigger journal_balanced;

create constraint trigger posting_balanced
    after insert on capital.posting
    deferrable initially deferred
    for each row execute function capital.require_balanced_journal();
alter table capital.posting enable always trigger posting_balanced;

-- account_last_posting_fkey says that the balance is one of the chain's; this, that it is the chain's end.
create function capital.require_last_posting()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if not exists (
        select
        from capital.account as a
        where a.account_id = new.account_id and a.version >= new.account_version
    ) then
        raise exception using
            errcode = 'OPK04',
            message = 'a balance moves with its posting';
    end if;
    return null;
end
$$;
comment on function capital.require_last_posting() is
    'No posting goes beyond the account it belongs to, checked at commit.';

create constraint trigger posting_last
    after insert on capital.posting
    deferrable initially deferred
    for each row execute function capital.require_last_posting();
alter table capital.posting enable always trigger posting_last;

select audit.watch('capital.account', 'account_id');
select audit.watch('capital.journal', 'journal_id');
select audit.watch('capital.posting', 'account_id', 'account_version');

create policy account_own on capital.account
    to optkas_owner
    using (allocator_id = (select auth.allocator_id()))
    with check (allocator_id = (select auth.allocator_id()));
create policy journal_own on capital.journal
    to optkas_owner
    using (allocator_id = (select auth.allocator_id()))
    with check (allocator_id = (select auth.allocator_id()));
create policy posting_own on capital.posting
    to optkas_owner
    using (allocator_id = (select auth.allocator_id()))
    with check (allocator_id = (select auth.allocator_id()));

create policy journal_audit on capital.journal
    for select
    to optkas_auditor
    using (true);
create policy posting_audit on capital.posting
    for select
    to optkas_auditor
    using (true);
grant select on capital.journal, capital.posting to optkas_auditor;

-- ---------------------------------------------------------------------------------------------
-- Moving capital.

create function capital.account_of(_allocator_id uuid, _currency text, _kind text, _facility_id uuid default null)
returns uuid
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    found_id uuid;
begin
    select a.account_id into found_id
    from capital.account as a
    where a.allocator_id = _allocator_id
        and a.currency = _currency
        and a.kind = _kind
        and a.facility_id is not distinct from _facility_id;
    if not found then
        insert into capital.account (allocator_id, currency, kind, facility_id)
        values (_allocator_id, _currency, _kind, _facility_id)
        returning account_id into found_id;
    end if;
    return found_id;
end
$$;
comment on function capital.account_of(uuid, text, text, uuid) is 'The account, opened at its first use.';

create function capital.post(_journal_id uuid, _account_id uuid, _amount_minor bigint)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    account capital.account;
begin
    update capital.account as a
    set version = a.version + 1, balance_minor = a.balance_minor + _amount_minor
    where a.account_id = _account_id
        -- Away from zero as far as a bigint goes; towards zero as far as zero. Whichever leg comes first
        -- refuses.
        and case (a.kind = 'external') = (_amount_minor < 0)
            when true then abs(a.balance_minor) <= 9223372036854775807 - abs(_amount_minor)
            else abs(a.balance_minor) >= abs(_amount_minor)
        end
    returning a.* into account;
    if not found then
        perform ledger.refuse(case when exists (
            select
            from capital.account as a
            where a.account_id = _account_id and (a.kind = 'external') = (_amount_minor < 0)
        ) then 'account-limit' else 'insufficient-capital' end);
    end if;

    insert into capital.posting
        (account_id, account_version, journal_id, allocator_id, currency,
         amount_minor, balance_before_minor, balance_after_minor)
    values
        (account.account_id, account.version, _journal_id, account.allocator_id, account.currency,
         _amount_minor, account.balance_minor - _amount_minor, account.balance_minor);
end
$$;
comment on function capital.post(uuid, uuid, bigint) is
    'One leg: the account first, so that a race ends here, then its posting.';

create function capital.move(
    _kind text,
    _from uuid,
    _to uuid,
    _amount_minor bigint,
    _settlement_id uuid default null,
    _reference text default null
)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    journal uuid;
begin
    insert into capital.journal (allocator_id, kind, settlement_id, reference, commitment_key)
    select a.allocator_id, _kind, _settlement_id, _reference, decode(current_setting('optkas.commitment'), 'hex')
    from capital.account as a
    where a.account_id = _from
    returning journal_id into strict journal;

    -- In the order of their ids, whichever way the capital goes: two movements cannot deadlock.
    if _from < _to then
        perform capital.post(journal, _from, -_amount_minor);
        perform capital.post(journal, _to, _amount_minor);
    else
        perform capital.post(journal, _to, _amount_minor);
        perform capital.post(journal, _from, -_amount_minor);
    end if;
end
$$;
comment on function capital.move(text, uuid, uuid, bigint, uuid, text) is
    'A journal with two legs. Refuses insufficient-capital where the balance does not suffice, account-limit where it would be more than can be counted.';

create function capital.move_settlement(_kind text, _settlement capital.settlement, _from text, _to text)
returns void
language sql
begin atomic
    select capital.move(
        _kind,
        capital.account_of(
            _settlement.allocator_id, _settlement.currency, _from,
            case when _from = 'position' then _settlement.facility_id end
        ),
        capital.account_of(
            _settlement.allocator_id, _settlement.currency, _to,
            case when _to = 'position' then _settlement.facility_id end
        ),
        _settlement.amount_minor,
        _settlement.settlement_id
    );
end;
comment on function capital.move_settlement(text, capital.settlement, text, text) is
    'Moves a settlement''s amount between its allocator''s accounts of two kinds.';

create function capital.utilise_facility(_settlement capital.settlement)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    update capital.facility_utilisation as u
    set utilised_minor = u.utilised_minor + _settlement.amount_minor
    where u.facility_id = _settlement.facility_id
        and u.utilised_minor <= u.limit_minor - _settlement.amount_minor;
    if not found then
        perform ledger.refuse('facility-limit');
    end if;
end
$$;
comment on function capital.utilise_facility(capital.settlement) is
    'Takes room under the facility''s limit. Refuses facility-limit where there is not enough.';

-- ---------------------------------------------------------------------------------------------
-- The one way a settlement changes its state, and what each state means for the books.

create function capital.transition(_settlement capital.settlement, _to text, _reason text default null)
returns capital.settlement
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    moved capital.settlement;
begin
    update capital.settlement as s
    set version = s.version + 1, previous_status = s.status, status = _to
    where s.settlement_id = _settlement.settlement_id
    returning s.* into strict moved;

    insert into capital.settlement_transition
        (settlement_id, seq, allocator_id, from_status, to_status, actor_kind, actor_id, commitment_key, reason)
    select
        moved.settlement_id, moved.version, moved.allocator_id, moved.previous_status, moved.status,
        who.kind, who.id, decode(current_setting('optkas.commitment'), 'hex'), _reason
    from auth.principal() as who;

    case _to
        when 'VERIFIED' then
            perform capital.utilise_facility(moved);
            perform capital.move_settlement('reserve', moved, 'available', 'reserved');
        when 'ESCROWED' then
            perform capital.move_settlement('escrow', moved, 'reserved', 'escrowed');
        when 'SETTLED' then
            perform capital.move_settlement('settle', moved, 'escrowed', 'position');
        else
            -- CANCELLED, FAILED, EXPIRED: what was taken goes back. A PENDING one has taken nothing.
            if moved.previous_status = 'VERIFIED' then
                perform capital.move_settlement('release', moved, 'reserved', 'available');
            elsif moved.previous_status = 'ESCROWED' then
                perform capital.move_settlement('return', moved, 'escrowed', 'available');
            end if;
            if moved.previous_status <> 'PENDING' then
                update capital.facility_utilisation as u
                set utilised_minor = u.utilised_minor - moved.amount_minor
                where u.facility_id = moved.facility_id;
            end if;
    end case;
    return moved;
end
$$;
comment on function capital.transition(capital.settlement, text, text) is
    'Takes one step of the state machine with its postings. Whether it is due is for the caller to have checked; whether it is legal, the constraints say.';

create function capital.require_state(_settlement capital.settlement, _to text, variadic _from text[])
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if _settlement.status <> all (_from) then
        perform ledger.refuse('illegal-transition', jsonb_build_object('from', _settlement.status, 'to', _to));
    end if;
end
$$;
comment on function capital.require_state(capital.settlement, text, text[]) is
    'Refuses illegal-transition unless the settlement is in one of these states.';

create function capital.settlement_json(_settlement capital.settlement)
returns jsonb
language sql
stable
return jsonb_build_object(
    'id', _settlement.settlement_id,
    'allocator_id', _settlement.allocator_id,
    'facility_id', _settlement.facility_id,
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
comment on function capital.settlement_json(capital.settlement) is 'The settlement as replies show it.';
