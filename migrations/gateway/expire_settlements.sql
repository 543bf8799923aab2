create or replace function gateway.expire_settlements(_attempt text, _batch_size int4)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    due capital.settlement;
    known ledger.reply;
    expired int4 := 0;
begin
    perform auth.authenticate_system('expire-settlements');
    perform ledger.require_arguments(num_nulls(_attempt, _batch_size));

    -- Somebody who moves one of these at the same time makes this call fail with 40001; it is tried again.
    for due in
        select s.*
        from capital.settlement as s
        where s.status in ('PENDING', 'VERIFIED') and s.expires_at <= now()
        order by s.expires_at
        limit _batch_size
    loop
        -- One commitment a settlement, under a key that follows from it: it expires once.
        known := ledger.claim_system(due.settlement_id::text, jsonb_build_object(
            'attempt', _attempt, 'client_key', 'expired', 'body', ''
        ));
        continue when known.outcome is not null;
        perform auth.scope_to(due.allocator_id);
        due := capital.transition(due, 'EXPIRED');
        perform ledger.conclude('accepted', 200, due.allocator_id, capital.settlement_json(due));
        expired := expired + 1;
    end loop;

    return ledger.ok(jsonb_build_object(
        'expired', expired, 'more', expired = _batch_size
    ));
end
$$;
comment on function gateway.expire_settlements is
    'Scheduled: PENDING and VERIFIED settlements whose time has run out become EXPIRED, a bounded batch a call.';

grant execute on function gateway.expire_settlements to expire_settlements;
