-- Double entry: how capital moves between accounts. Each movement is a journal with two legs; a leg changes one account
-- and adds one posting.

-- account_last_posting_fkey says that a balance is one of the chain of postings. This says that it is the chain's end.
create or replace function capital.require_last_posting()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (
        select
        from added as p
        left join capital.account as a on a.account_id = p.account_id
        where (a.version >= p.account_version) is not true
    ) then
        raise exception using
            errcode = 'OPK04',
            message = 'a balance moves with its posting';
    end if;
    return null;
end
$$;
comment on function capital.require_last_posting() is
    'Checks that no posting goes beyond the account it belongs to.';

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

create or replace function capital.open_accounts(
    _allocator_id uuid,
    _currency text,
    _kinds text[],
    _facility_id uuid
)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    insert into capital.account (allocator_id, currency, kind, facility_id)
    select _allocator_id, _currency, k.kind, case when k.kind = 'position' then _facility_id end
    from unnest(_kinds) as k (kind)
    where not exists (
        select
        from capital.account as a
        where a.allocator_id = _allocator_id
            and a.currency = _currency
            and a.kind = k.kind
            and a.facility_id is not distinct from case when k.kind = 'position' then _facility_id end
    );
    return found;
end
$$;
comment on function capital.open_accounts(uuid, text, text[], uuid) is
    'Opens those accounts that are not there, and tells whether there were any. The facility is that of a position.';

create or replace function capital.move(_journal capital.journal, _from text, _to text, _facility_id uuid)
returns uuid
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    id constant uuid := gen_random_uuid();
    amount constant fixed.amount := _journal.amount_minor;
    legs int4;
    reason jsonb;
begin
    -- One statement, since a statement costs more than its work. Accounts are locked in the order of their ids,
    -- whichever way the capital goes: two movements cannot deadlock.
    with before as materialized (
        select
            a.account_id, a.version, a.balance_minor, a.last_posted_at,
            case a.kind when _from then -1 else 1 end as side,
            capital.can_move(a, case a.kind when _from then -amount else amount end)
                as movable
        from capital.account as a
        where a.allocator_id = _journal.allocator_id
            and a.currency = _journal.currency
            and a.kind in (_from, _to)
            and a.facility_id is not distinct from case a.kind when 'position' then _facility_id end
        order by a.account_id
        for no key update
    ),
    movement as materialized (
        -- Not before what either account has last: times rise along an account, whatever the clock does.
        select greatest(clock_timestamp(), max(b.last_posted_at)) as posted_at
        from before as b
        having count(*) = 2 and bool_and(b.movable)
    ),
    journal as (
        insert into capital.journal
            (journal_id, allocator_id, kind, settlement_id, currency, amount_minor, reference, commitment_key,
             posted_at)
        select
            id, _journal.allocator_id, _journal.kind, _journal.settlement_id, _journal.currency,
            amount, _journal.reference, fixed.commitment_key(), m.posted_at
        from movement as m
    ),
    account as (
        update capital.account as a
        set version = b.version + 1,
            balance_minor = b.balance_minor + b.side * amount,
            last_posted_at = m.posted_at
        from before as b
        cross join movement as m
        where a.account_id = b.account_id
    )
    insert into capital.posting
        (account_id, account_version, journal_id, side, allocator_id, currency, moved_minor, amount_minor,
         balance_before_minor, balance_after_minor, previous_posted_at, posted_at)
    select
        b.account_id, b.version + 1, id, b.side, _journal.allocator_id, _journal.currency, amount,
        b.side * amount, b.balance_minor, b.balance_minor + b.side * amount,
        b.last_posted_at, m.posted_at
    from before as b
    cross join movement as m;
    get diagnostics legs = row_count;
    if legs = 2 then
        return id;
    end if;

    -- An account is opened at its first use.
    if capital.open_accounts(_journal.allocator_id, _journal.currency, array[_from, _to], _facility_id) then
        return capital.move(_journal, _from, _to, _facility_id);
    end if;
    select r.reason into strict reason
    from (
        select
            a.kind,
            capital.balance_reason(
                a, case a.kind when _from then -amount else amount end) as reason
        from capital.account as a
        where a.allocator_id = _journal.allocator_id
            and a.currency = _journal.currency
            and a.kind in (_from, _to)
            and a.facility_id is not distinct from case a.kind when 'position' then _facility_id end
    ) as r
    where r.reason is not null
    order by r.kind = _from desc
    limit 1;
    perform ledger.refuse_for(reason);
end
$$;
comment on function capital.move(capital.journal, text, text, uuid) is
    'Moves capital from the account of one kind to that of another, as the journal says: its allocator, kind, '
    'settlement, currency, amount and reference. Answers the journal''s id. Refuses insufficient-capital if the '
    'balance does not suffice, and account-limit if it would be more than a bigint counts.';

create or replace function capital.move_settlement(_kind text, _settlement capital.settlement, _from text, _to text)
returns uuid
-- Not SQL, whose body would be planned at each call.
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    journal capital.journal;
begin
    journal.allocator_id := _settlement.allocator_id;
    journal.kind := _kind;
    journal.settlement_id := _settlement.settlement_id;
    journal.currency := _settlement.currency;
    journal.amount_minor := _settlement.amount_minor;
    return capital.move(journal, _from, _to, _settlement.facility_id);
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
returns uuid
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    journal capital.journal;
begin
    perform capital.require_allocator(_allocator_id);
    perform auth.scope_to(_allocator_id);
    journal.allocator_id := _allocator_id;
    journal.kind := _kind;
    journal.currency := _currency;
    journal.amount_minor := _amount_minor;
    journal.reference := _reference;
    return capital.move(journal, _from, _to, null);
end
$$;
comment on function capital.move_funding(text, uuid, text, text, text, bigint, text) is
    'capital.deposited and capital.withdrawn: moves capital between the world outside and what is available.';
