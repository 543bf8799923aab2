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
    verdict record;
    settlement capital.settlement;
    contended uuid := allocator;
    rests_on jsonb;
    refusal text;
    members text;
begin
    if known.outcome is not null then
        return known;
    end if;

    begin
        select v.settlement, v.reasons, v.figures into strict verdict
        from capital.verification(_settlement_id, false) as v;
        if verdict.reasons is distinct from '[]' then
            perform ledger.refuse_for(verdict.reasons -> 0);
        end if;
        contended := capital.contended(verdict.settlement);
        rests_on := collateral.rest_on(verdict.settlement, verdict.figures);
        -- The facility's room and the allocator's capital are found out by taking them.
        settlement := capital.transition(verdict.settlement, 'VERIFIED');
    exception
        when sqlstate 'OPK01' then
            get stacked diagnostics refusal = message_text, members = pg_exception_detail;
            return ledger.conclude_refused(allocator, refusal, members);
        when serialization_failure or deadlock_detected then
            perform ledger.send_to_lane(contended);
    end;
    return ledger.conclude('accepted', 200, allocator, capital.settlement_json(settlement) || rests_on);
end
$$;
comment on function gateway.verify_settlement is
    'POST /v1/settlements/{id}/verify: a second member, a checker, verifies. Capital is reserved within the '
    'facility''s limit, against its collateral.';

grant execute on function gateway.verify_settlement to verify_settlement;
grant usage on schema lane to verify_settlement;
-- For locking alone: there are no rows, and no policy would show one.
grant update on all tables in schema lane to verify_settlement;
