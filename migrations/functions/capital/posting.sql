-- Double entry: how capital moves between accounts, and what is checked of it at commit. Each movement is a journal
-- with two legs; a leg changes one account and adds one posting.

-- Checks at commit.
create or replace function capital.require_balanced_journal()
returns trigger
language plpgsql
-- At commit the gateway function has returned, and the login itself may read nothing.
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- All legs are there at commit. A journal without legs is as wrong as one that does not add up: it has no sums.
    if (
        select bool_and(legs.sum_minor = 0)
        from (
            select sum(p.amount_minor) as sum_minor
            from capital.posting as p
            where p.journal_id = new.journal_id
            group by p.currency
        ) as legs
    ) is not true then
        raise exception using
            errcode = 'OPK04',
            message = 'the postings of a journal must sum to zero in each currency';
    end if;
    return null;
end
$$;
comment on function capital.require_balanced_journal() is
    'Checks at commit that the postings of a journal sum to zero in each currency.';

-- account_last_posting_fkey says that a balance is one of the chain of postings. This says that it is the chain's end.
create or replace function capital.require_last_posting()
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
    'Checks at commit that no posting goes beyond the account it belongs to.';

-- Moving capital.
create or replace function capital.account_of(
    _allocator_id uuid,
    _currency text,
    _kind text,
    _facility_id uuid default null
)
returns capital.account
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    account capital.account;
begin
    select * into account
    from capital.account as a
    where a.allocator_id = _allocator_id
        and a.currency = _currency
        and a.kind = _kind
        and a.facility_id is not distinct from _facility_id;
    if not found then
        insert into capital.account (allocator_id, currency, kind, facility_id)
        values (_allocator_id, _currency, _kind, _facility_id)
        returning * into account;
    end if;
    return account;
end
$$;
comment on function capital.account_of(uuid, text, text, uuid) is
    'An account as it is before a movement. It is opened at its first use.';

create or replace function capital.can_move(_account capital.account, _amount_minor bigint)
returns boolean
language sql
immutable
-- A balance moves away from zero as far as a bigint goes, and towards zero as far as zero.
return case ((_account).kind = 'external') = (_amount_minor < 0)
    when true then abs((_account).balance_minor) <= 9223372036854775807 - abs(_amount_minor)
    else abs((_account).balance_minor) >= abs(_amount_minor)
end;
comment on function capital.can_move(capital.account, bigint) is 'Whether an account''s balance can change by so much.';

create or replace function capital.balance_reason(_account capital.account, _amount_minor bigint)
returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return case
        when capital.can_move(_account, _amount_minor) then null
        when (_account.kind = 'external') = (_amount_minor < 0) then ledger.reason('account-limit', jsonb_build_object(
            'room_minor', (9223372036854775807 - abs(_account.balance_minor))::text,
            'required_minor', abs(_amount_minor)::text))
        else ledger.reason('insufficient-capital', jsonb_build_object(
            'available_minor', abs(_account.balance_minor)::text, 'required_minor', abs(_amount_minor)::text))
    end;
end
$$;
comment on function capital.balance_reason(capital.account, bigint) is
    'insufficient-capital or account-limit, where the balance cannot change by so much; else null.';

create or replace function capital.post(
    _journal_id uuid,
    _posted_at timestamptz,
    _before capital.account,
    _amount_minor bigint
)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    account capital.account;
begin
    update capital.account as a
    set version = a.version + 1, balance_minor = a.balance_minor + _amount_minor, last_posted_at = _posted_at
    where a.account_id = _before.account_id
        -- The first leg that cannot move refuses.
        and capital.can_move(a, _amount_minor)
    returning a.* into account;
    if not found then
        select * into strict account from capital.account as a where a.account_id = _before.account_id;
        perform ledger.refuse_for(capital.balance_reason(account, _amount_minor));
    end if;

    insert into capital.posting
        (account_id, account_version, journal_id, allocator_id, currency,
         amount_minor, balance_before_minor, balance_after_minor, previous_posted_at, posted_at)
    values
        (account.account_id, account.version, _journal_id, account.allocator_id, account.currency,
         _amount_minor, account.balance_minor - _amount_minor, account.balance_minor, _before.last_posted_at,
         _posted_at);
end
$$;
comment on function capital.post(uuid, timestamptz, capital.account, bigint) is
    'One leg of a journal: the account first, so that a race ends here, then its posting. By foreign key the account '
    'was as it is given.';

create or replace function capital.move(
    _kind text,
    _from capital.account,
    _to capital.account,
    _amount_minor bigint,
    _settlement_id uuid default null,
    _reference text default null
)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    journal capital.journal;
begin
    -- Not before what either account has last: times rise along an account, whatever the clock does.
    insert into capital.journal (allocator_id, kind, settlement_id, amount_minor, reference, commitment_key, posted_at)
    values
        (_from.allocator_id, _kind, _settlement_id, _amount_minor, _reference, fixed.commitment_key(),
         greatest(clock_timestamp(), _from.last_posted_at, _to.last_posted_at))
    returning * into journal;

    -- Accounts change in the order of their ids, whichever way the capital goes: two movements cannot deadlock.
    if _from.account_id < _to.account_id then
        perform capital.post(journal.journal_id, journal.posted_at, _from, -_amount_minor);
        perform capital.post(journal.journal_id, journal.posted_at, _to, _amount_minor);
    else
        perform capital.post(journal.journal_id, journal.posted_at, _to, _amount_minor);
        perform capital.post(journal.journal_id, journal.posted_at, _from, -_amount_minor);
    end if;
end
$$;
comment on function capital.move(text, capital.account, capital.account, bigint, uuid, text) is
    'Moves capital by a journal with two legs. Refuses insufficient-capital if the balance does not suffice, and '
    'account-limit if it would be more than a bigint counts.';

create or replace function capital.move_settlement(_kind text, _settlement capital.settlement, _from text, _to text)
returns void
-- Not SQL, whose body would be planned at each call.
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    perform capital.move(
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
end
$$;
comment on function capital.move_settlement(text, capital.settlement, text, text) is
    'Moves a settlement''s amount between its allocator''s accounts of two kinds.';

create or replace function capital.move_funding(
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
    'capital.deposited and capital.withdrawn: moves capital between the world outside and what is available.';
