-- What an escrow or settlement agent reports about a settlement. Both webhooks have this one body.

create or replace function capital.report_on_settlement(
    _agent_id text,
    _claim jsonb,
    _event_type text,
    _data jsonb,
    _agent_kind text
)
returns ledger.reply
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    known ledger.reply;
    allocator uuid;
    settlement capital.settlement;
    -- Which state the agent finds, and which its event leads to.
    from_status constant text := case _agent_kind when 'escrow' then 'VERIFIED' when 'settlement' then 'ESCROWED' end;
    to_status constant text := case _agent_kind || ' ' || _event_type
        when 'escrow escrow.funded' then 'ESCROWED'
        when 'escrow escrow.failed' then 'FAILED'
        when 'settlement settlement.completed' then 'SETTLED'
        when 'settlement settlement.failed' then 'FAILED'
    end;
    rests_on jsonb := '{}';
    refusal text;
    members text;
begin
    if auth.authenticate_agent(_agent_id, _agent_kind) is not true then
        return ledger.unrecorded('not-found');
    end if;
    perform ledger.require_event(_event_type, _data);
    if to_status is null then
        raise exception using errcode = 'OPK04', message = 'not-an-event-of-this-agent';
    end if;
    known := ledger.claim('', _claim);
    if known.outcome is not null then
        return known;
    end if;

    begin
        -- Row-level security shows an agent the settlements of the facilities that name it. Here it must be named for
        -- this very task.
        select s.allocator_id into allocator
        from capital.settlement as s
        join capital.facility as f on f.facility_id = s.facility_id
        where s.settlement_id = (_data ->> 'settlement_id')::uuid
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
        where s.settlement_id = (_data ->> 'settlement_id')::uuid
        for update;

        if settlement.facility_id is distinct from (_data ->> 'facility_id')::uuid then
            perform ledger.refuse('facility-mismatch');
        end if;
        -- A report of failure need name neither; what it names must be right.
        if coalesce(_data ->> 'currency', case to_status when 'FAILED' then settlement.currency end)
            is distinct from settlement.currency
        then
            perform ledger.refuse('currency-mismatch', jsonb_build_object('expected', settlement.currency));
        end if;
        if coalesce((_data ->> 'amount_minor')::bigint, case to_status when 'FAILED' then settlement.amount_minor end)
            is distinct from settlement.amount_minor
        then
            perform ledger.refuse('amount-mismatch', jsonb_build_object(
                'expected_minor', settlement.amount_minor::text));
        end if;
        perform capital.require_state(settlement, to_status, from_status);
        -- Expiry must not depend on when the scheduler comes by.
        -- known: without a time there is no expiry
        if to_status = 'ESCROWED' and settlement.expires_at <= clock_timestamp() then
            perform ledger.refuse('expired', jsonb_build_object(
                'expires_at', ledger.rfc3339(settlement.expires_at)));
        end if;
        -- What held at VERIFIED must hold still. Capital that goes back needs no cover.
        if to_status is distinct from 'FAILED' then
            rests_on := collateral.require_cover(settlement);
        end if;
        settlement := capital.transition(settlement, to_status, _data ->> 'reason');
    exception
        when sqlstate 'OPK01' then
            get stacked diagnostics refusal = message_text, members = pg_exception_detail;
            return ledger.conclude_refused_report(allocator, refusal, members, _event_type, _data);
        when serialization_failure or deadlock_detected then
            perform ledger.send_to_lane(coalesce(capital.contended(settlement), allocator));
    end;
    return ledger.conclude('accepted', 200, allocator, jsonb_build_object(
        'duplicate', false, 'id', _claim ->> 'client_key', 'type', _event_type,
        'settlement', capital.settlement_json(settlement) || rests_on
    ));
end
$$;
comment on function capital.report_on_settlement is
    'The body of gateway.escrow_webhook and gateway.settlement_webhook.';
