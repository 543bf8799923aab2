create or replace function capital.report_on_settlement(
    _agent_kind text,
    _operation text,
    _agent_id text,
    _attempt text,
    _delivery_id text,
    _key bytea,
    _fingerprint bytea,
    _to text,
    _from text,
    _event_type text,
    _settlement_id uuid,
    _facility_id uuid,
    _amount_minor bigint,
    _currency text,
    _reason text
)
returns ledger.reply
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    known ledger.reply;
    allocator uuid;
    settlement capital.settlement;
    rests_on jsonb := '{}';
    refusal text;
    members text;
begin
    if not auth.authenticate_agent(_agent_id, _agent_kind) then
        return ledger.unrecorded('not-found');
    end if;
    if _to is null or (_to <> 'FAILED' and (_amount_minor is null or _currency is null)) then
        raise exception using errcode = 'OPK04', message = 'a report names its event, and one of success its amount';
    end if;
    known := ledger.claim(_attempt, _operation, '', _delivery_id, _key, _fingerprint);
    if known.outcome is not null then
        return known;
    end if;

    begin
        -- Row-level security shows an agent the settlements of the facilities it is named in; here it
        -- must be named for this very task.
        select s.allocator_id into allocator
        from capital.settlement as s
        join capital.facility as f on f.facility_id = s.facility_id
        where s.settlement_id = _settlement_id
            and _agent_id = case _agent_kind
                when 'escrow' then f.escrow_agent_id
                when 'settlement' then f.settlement_agent_id
            end;
        if not found then
            perform ledger.refuse('not-found');
        end if;
        perform auth.scope_to(allocator);
        select * into strict settlement
        from capital.settlement as s
        where s.settlement_id = _settlement_id
        for update;

        if settlement.facility_id <> _facility_id then
            perform ledger.refuse('facility-mismatch');
        end if;
        -- A report of failure names no amount and no currency.
        if settlement.currency <> _currency then
            perform ledger.refuse('currency-mismatch', jsonb_build_object('expected', settlement.currency));
        end if;
        if settlement.amount_minor <> _amount_minor then
            perform ledger.refuse('amount-mismatch', jsonb_build_object('expected_minor', settlement.amount_minor::text));
        end if;
        perform capital.require_state(settlement, _to, _from);
        -- When a settlement's time is over must not depend on when the scheduler comes by.
        if _to = 'ESCROWED' and settlement.expires_at <= now() then
            perform ledger.refuse('expired');
        end if;
        -- What held at VERIFIED must hold still. Capital that goes back needs no cover.
        if _to <> 'FAILED' then
            rests_on := collateral.require_cover(settlement);
        end if;
        settlement := capital.transition(settlement, _to, _reason);
    exception
        when sqlstate 'OPK01' then
            get stacked diagnostics refusal = message_text, members = pg_exception_detail;
            return ledger.conclude_refused(allocator, refusal, members);
    end;
    return ledger.conclude('accepted', 200, allocator, jsonb_build_object(
        'duplicate', false, 'id', _delivery_id, 'type', _event_type,
        'settlement', capital.settlement_json(settlement) || rests_on
    ));
end
$$;
comment on function capital.report_on_settlement is
    'The body of gateway.escrow_webhook and gateway.settlement_webhook.';
