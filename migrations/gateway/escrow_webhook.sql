create or replace function gateway.escrow_webhook(_agent_id text, _claim jsonb, _event_type text, _data jsonb)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return capital.report_on_settlement(_agent_id, _claim, _event_type, _data, 'escrow');
end
$$;
comment on function gateway.escrow_webhook is
    'POST /v1/webhooks/escrow/{agent}: the facility''s escrow agent holds the capital (ESCROWED), or could not '
    '(FAILED).';

grant execute on function gateway.escrow_webhook to escrow_webhook;
grant usage on schema lane to escrow_webhook;
-- For locking alone: there are no rows, and no policy would show one.
grant update on all tables in schema lane to escrow_webhook;
