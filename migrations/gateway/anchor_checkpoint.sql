create or replace function gateway.next_anchor(_chain_id bigint)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    latest tlog.checkpoint;
    anchored bigint;
begin
    perform auth.authenticate_system('anchor-checkpoint');
    perform ledger.require_arguments(num_nulls(_chain_id));
    latest := tlog.latest_checkpoint();

    anchored := (select max(a.size) from tlog.anchor as a where a.chain_id = _chain_id);
    return ledger.ok(jsonb_build_object(
        'checkpoint', case when latest.size is not null then jsonb_build_object(
            'size', latest.size, 'root', encode(latest.root, 'hex'), 'note', latest.note
        ) end,
        'anchored_size', anchored,
        'prepared', coalesce((
            select jsonb_agg(jsonb_build_object(
                'size', t.size,
                'address', i.address,
                'nonce', t.nonce,
                'transaction_hash', t.transaction_hash,
                'raw_transaction', t.raw_transaction
            ) order by t.prepared_at, t.transaction_hash)
            from tlog.anchor_transaction as t
            join tlog.anchor_intent as i on (i.chain_id, i.size, i.nonce) = (t.chain_id, t.size, t.nonce)
            where t.chain_id = _chain_id and t.size > coalesce(anchored, 0)
        ), '[]'::jsonb)
    ));
end
$$;
comment on function gateway.next_anchor is
    'Scheduled: the latest checkpoint, how far a chain has anchored the log, and what was prepared for it since.';

create or replace function gateway.record_anchor_transaction(_chain_id bigint, _transaction jsonb)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    size bigint;
    nonce bigint;
begin
    perform auth.authenticate_system('anchor-checkpoint');
    perform ledger.require_arguments(num_nulls(_chain_id));
    perform ledger.require_members(
        _transaction, array['size', 'address', 'nonce', 'transaction_hash', 'raw_transaction']
    );
    size := (_transaction ->> 'size')::bigint;
    nonce := (_transaction ->> 'nonce')::bigint;

    insert into tlog.anchor_intent (chain_id, size, address, nonce)
    values (_chain_id, size, _transaction ->> 'address', nonce)
    on conflict on constraint anchor_intent_pkey do nothing;
    insert into tlog.anchor_transaction (transaction_hash, chain_id, size, nonce, raw_transaction)
    values (
        _transaction ->> 'transaction_hash', _chain_id, size, nonce, _transaction ->> 'raw_transaction'
    )
    on conflict on constraint anchor_transaction_pkey do nothing;
    return ledger.ok('{}');
end
$$;
comment on function gateway.record_anchor_transaction is
    'Scheduled: records a signed transaction before anyone is sent it. The same one again changes nothing.';

create or replace function gateway.record_anchor(_chain_id bigint, _anchor jsonb)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform auth.authenticate_system('anchor-checkpoint');
    perform ledger.require_arguments(num_nulls(_chain_id));
    perform ledger.require_members(_anchor, array['transaction_hash', 'block_number', 'block_hash']);

    insert into tlog.anchor (chain_id, size, transaction_hash, block_number, block_hash)
    select _chain_id, t.size, t.transaction_hash, (_anchor ->> 'block_number')::bigint, _anchor ->> 'block_hash'
    from tlog.anchor_transaction as t
    where t.transaction_hash = _anchor ->> 'transaction_hash' and t.chain_id = _chain_id
    on conflict on constraint anchor_pkey do nothing;
    return ledger.ok('{}');
end
$$;
comment on function gateway.record_anchor is
    'Scheduled: records in which block a chain has confirmed a recorded transaction. Again, it changes nothing.';

grant execute on function gateway.next_anchor to anchor_checkpoint;
grant execute on function gateway.record_anchor_transaction to anchor_checkpoint;
grant execute on function gateway.record_anchor to anchor_checkpoint;
