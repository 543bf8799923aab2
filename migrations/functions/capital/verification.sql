-- Verification: what verify-settlement asks, and what its dry run tells. Both call this one function, so that neither
-- knows a condition that the other does not.

create or replace function capital.verification(
    _settlement_id uuid,
    _dry boolean,
    out settlement capital.settlement,
    out reasons jsonb,
    out figures collateral.figures
)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    account capital.account;
    cover record;
begin
    -- A reason that does not hold is null, and adds nothing.
    reasons := '[]' || coalesce(auth.role_reason('checker'), '[]');
    if _dry or reasons is distinct from '[]' then
        select * into settlement
        from capital.settlement as s
        where s.settlement_id = _settlement_id;
    else
        select * into settlement
        from capital.settlement as s
        where s.settlement_id = _settlement_id
        for update;
    end if;
    if not found then
        reasons := reasons || ledger.reason('not-found');
        return;
    end if;
    if (settlement.created_by <> auth.sub()) is not true then
        reasons := reasons || ledger.reason('four-eyes');
    end if;
    if settlement.status is distinct from 'PENDING' then
        reasons := reasons || ledger.reason('illegal-transition', jsonb_build_object(
            'from', settlement.status, 'to', 'VERIFIED'));
        -- What it has taken already is no condition any more.
        return;
    end if;
    -- known: without a time there is no expiry
    if settlement.expires_at <= clock_timestamp() then
        reasons := reasons || ledger.reason('expired', jsonb_build_object(
            'expires_at', ledger.rfc3339(settlement.expires_at)));
    end if;
    -- The first reason refuses. Who is refused already makes nothing be computed of the collateral.
    if _dry is not true and reasons is distinct from '[]' then
        return;
    end if;
    -- The platform may have excluded the allocator since the proposal. Then nothing is told of the facility.
    if (capital.admitting_facility(settlement.facility_id)).facility_id is null then
        reasons := reasons || ledger.reason('not-found', '{"resource": "facility"}');
    else
        select v.reason, v.figures into strict cover from collateral.cover_verdict(settlement) as v;
        figures := cover.figures;
        reasons := reasons || coalesce(cover.reason, '[]');
        if _dry then
            reasons := reasons || coalesce(capital.room_reason(settlement), '[]');
        end if;
    end if;
    -- Who verifies finds out by taking whether there is room and capital.
    if _dry then
        select a.* into account
        from capital.account as a
        where a.allocator_id = settlement.allocator_id
            and a.currency = settlement.currency
            and a.kind = 'available'
            and a.facility_id is null;
        if not found then
            account.kind := 'available';
            account.balance_minor := 0;
        end if;
        reasons := reasons || coalesce(capital.balance_reason(account, -settlement.amount_minor), '[]');
    end if;
end
$$;
comment on function capital.verification(uuid, boolean) is
    'The settlement, reasons against its verification by the caller in the order in which they refuse, and the base '
    'that it would rest on. Dry, it has every reason, locks nothing, and asks for room and capital too.';
