create or replace function gateway.settlement_webhook(
    _agent_id text,
    _attempt text,
    _delivery_id text,
    _key bytea,
    _fingerprint bytea,
    _event_type text,
    _occurred_at timestamptz,
    _settlement_id uuid,
    _facility_id uuid,
    _amount_minor bigint,
    _currency text,
    _reason text
)
returns ledger.reply
language sql
security definer
set search_path = pg_catalog, pg_temp
begin atomic
    select *
    from capital.report_on_settlement(
        'settlement', 'settlement-webhook', _agent_id, _attempt, _delivery_id, _key, _fingerprint,
        case _event_type when 'settlement.completed' then 'SETTLED' when 'settlement.failed' then 'FAILED' end,
        'ESCROWED', _event_type, _settlement_id, _facility_id, _amount_minor, _currency, _reason
    );
end;
comment on function gateway.settlement_webhook is
    'POST /v1/webhooks/settlement/{agent}: the facility''s settlement agent completed it (SETTLED), or could not (FAILED).';

grant execute on function gateway.settlement_webhook to settlement_webhook;
