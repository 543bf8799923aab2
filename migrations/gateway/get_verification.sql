create or replace function gateway.get_verification(_token text, _settlement_id uuid)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    allocator uuid := auth.authenticate_member(_token);
    verdict record;
begin
    -- Whatever is called from here on, this transaction writes nothing more.
    perform set_config('transaction_read_only', 'on', true);
    select v.settlement, v.reasons, v.figures into strict verdict
    from capital.verification(_settlement_id, true) as v;
    if ((verdict.settlement).allocator_id = allocator) is not true then
        return ledger.unrecorded('not-found');
    end if;
    return ledger.ok(jsonb_build_object(
        'settlement_id', (verdict.settlement).settlement_id,
        'status', (verdict.settlement).status,
        'checked_at', ledger.rfc3339(clock_timestamp()),
        'would_be', case when verdict.reasons = '[]' then 'accepted' else 'refused' end,
        'reasons', verdict.reasons,
        'borrowing_base', case when (verdict.figures).rules_version is not null
            then collateral.figures_json(verdict.figures) end,
        'notice', case when (verdict.figures).rules_version is not null then collateral.notice() end
    ));
end
$$;
comment on function gateway.get_verification is
    'GET /v1/settlements/{id}/verification: a dry run. Every reason for which verify-settlement would refuse the '
    'caller now. Nothing is claimed, locked or written.';

grant execute on function gateway.get_verification to get_verification;
