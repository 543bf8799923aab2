create or replace function gateway.verify_settlement(
    _token text,
    _claim jsonb,
    _settlement_id uuid
)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    allocator uuid := auth.authenticate_member(_token);
    known ledger.reply := ledger.claim(_settlement_id::text, _claim);
    settlement capital.settlement;
    rests_on jsonb;
    refusal text;
    members text;
begin
    if known.outcome is not null then
        return known;
    end if;

    begin
        perform auth.require_role('checker');
        select * into settlement
        from capital.settlement as s
        where s.settlement_id = _settlement_id
        for update;
        if not found then
            perform ledger.refuse('not-found');
        end if;
        if (settlement.created_by <> auth.sub()) is not true then
            perform ledger.refuse('four-eyes');
        end if;
        perform capital.require_state(settlement, 'VERIFIED', 'PENDING');
        -- known: without a time there is no expiry
        if settlement.expires_at <= clock_timestamp() then
            perform ledger.refuse('expired');
        end if;
        -- The platform may have excluded the allocator since the proposal.
        perform capital.require_admission(settlement.facility_id);
        rests_on := collateral.require_cover(settlement);
        -- The facility's room and the allocator's capital are found out by taking them.
        settlement := capital.transition(settlement, 'VERIFIED');
    exception
        when sqlstate 'OPK01' then
            get stacked diagnostics refusal = message_text, members = pg_exception_detail;
            return ledger.conclude_refused(allocator, refusal, members);
    end;
    return ledger.conclude('accepted', 200, allocator, capital.settlement_json(settlement) || rests_on);
end
$$;
comment on function gateway.verify_settlement is
    'POST /v1/settlements/{id}/verify: a second member, a checker, verifies. Capital is reserved within the '
    'facility''s limit, against its collateral.';

grant execute on function gateway.verify_settlement to verify_settlement;
