create or replace function gateway.escrow_webhook(
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
        'escrow', 'escrow-webhook', _agent_id, _attempt, _delivery_id, _key, _fingerprint,
        case _event_type when 'escrow.funded' then 'ESCROWED' when 'escrow.failed' then 'FAILED' end,
        'VERIFIED', _event_type, _settlement_id, _facility_id, _amount_minor, _currency, _reason
    );
end;
comment on function gateway.escrow_webhook is
    'POST /v1/webhooks/escrow/{agent}: the facility''s escrow agent holds the capital (ESCROWED), or could not (FAILED).';

grant execute on function gateway.escrow_webhook to escrow_webhook;
