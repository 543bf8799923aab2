create or replace function gateway.cancel_settlement(
    _token text,
    _claim jsonb,
    _settlement_id uuid,
    _reason text
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
    refusal text;
    members text;
begin
    if known.outcome is not null then
        return known;
    end if;

    begin
        perform auth.require_role('maker', 'checker');
        select * into settlement
        from capital.settlement as s
        where s.settlement_id = _settlement_id
        for update;
        if not found then
            perform ledger.refuse('not-found');
        end if;
        perform capital.require_state(settlement, 'CANCELLED', 'PENDING', 'VERIFIED');
        settlement := capital.transition(settlement, 'CANCELLED', _reason);
    exception
        when sqlstate 'OPK01' then
            get stacked diagnostics refusal = message_text, members = pg_exception_detail;
            return ledger.conclude_refused(allocator, refusal, members);
        when serialization_failure or deadlock_detected then
            perform ledger.send_to_lane(coalesce(capital.contended(settlement), allocator));
    end;
    return ledger.conclude('accepted', 200, allocator, capital.settlement_json(settlement));
end
$$;
comment on function gateway.cancel_settlement is
    'POST /v1/settlements/{id}/cancel: a maker or checker withdraws it before escrow. A reservation is released.';

grant execute on function gateway.cancel_settlement to cancel_settlement;
grant usage on schema lane to cancel_settlement;
-- For locking alone: there are no rows, and no policy would show one.
grant update on all tables in schema lane to cancel_settlement;
