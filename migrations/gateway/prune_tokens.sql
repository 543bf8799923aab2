create or replace function gateway.prune_tokens(_batch_size int4)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    pruned int4;
begin
    perform auth.authenticate_system('prune-tokens');
    perform ledger.require_arguments(num_nulls(_batch_size));
    delete from auth.verified_token as t
    where t.token_sha256 in (
        select e.token_sha256
        from auth.verified_token as e
        where e.expires_at < clock_timestamp() - auth.leeway()
        order by e.expires_at
        limit _batch_size
    );
    get diagnostics pruned = row_count;
    return ledger.ok(jsonb_build_object('pruned', pruned, 'more', pruned = _batch_size));
end
$$;
comment on function gateway.prune_tokens is
    'Scheduled: forgets verified tokens that have expired, a bounded batch a call. No commitment is claimed: the '
    'tokens are a memo, not a record.';

grant execute on function gateway.prune_tokens to prune_tokens;
