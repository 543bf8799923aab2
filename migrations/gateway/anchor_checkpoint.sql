create or replace function gateway.anchor_checkpoint(
    _attempt text,
    _chain_id bigint,
    _report jsonb
)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    prepared jsonb := _report -> 'prepared';
    confirmed jsonb := _report -> 'confirmed';
    latest tlog.checkpoint := tlog.latest_checkpoint();
    anchored bigint;
begin
    perform auth.authenticate_system('anchor-checkpoint');

    if prepared is not null then
        insert into tlog.anchor_intent (chain_id, size, address, nonce)
        values (
            _chain_id, (prepared ->> 'size')::bigint, prepared ->> 'address', (prepared ->> 'nonce')::bigint
        )
        on conflict on constraint anchor_intent_pkey do nothing;
        insert into tlog.anchor_transaction (transaction_hash, chain_id, size, nonce, raw_transaction)
        values (
            prepared ->> 'transaction_hash', _chain_id, (prepared ->> 'size')::bigint,
            (prepared ->> 'nonce')::bigint, prepared ->> 'raw_transaction'
        )
        on conflict on constraint anchor_transaction_pkey do nothing;
    end if;
    if confirmed is not null then
        insert into tlog.anchor (chain_id, size, transaction_hash, block_number, block_hash)
        select _chain_id, t.size, t.transaction_hash, (confirmed ->> 'block_number')::bigint, confirmed ->> 'block_hash'
        from tlog.anchor_transaction as t
        where t.transaction_hash = confirmed ->> 'transaction_hash' and t.chain_id = _chain_id
        on conflict on constraint anchor_pkey do nothing;
    end if;

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
comment on function gateway.anchor_checkpoint is
    'Scheduled: records what was prepared for a chain and what the chain has confirmed, and says what is to be anchored.';

grant execute on function gateway.anchor_checkpoint to anchor_checkpoint;
