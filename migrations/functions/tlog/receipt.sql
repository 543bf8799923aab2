-- Receipts: the proof that a published checkpoint covers an entry, and where that checkpoint is anchored.

create or replace function tlog.base64(_bytes bytea)
returns text
language sql
immutable
parallel safe
return replace(encode(_bytes, 'base64'), E'\n', '');
comment on function tlog.base64(bytea) is 'Base64 in one line (RFC 4648, 4).';

create or replace function tlog.latest_checkpoint()
returns tlog.checkpoint
language sql
stable
return (select c from tlog.checkpoint as c order by c.size desc limit 1);
comment on function tlog.latest_checkpoint() is 'The largest checkpoint that was published; null before the first.';

create or replace function tlog.proof(_leaf text, _index bigint, _checkpoint tlog.checkpoint)
returns text
language sql
stable
return E'c2sp.org/tlog-proof@v1\nextra ' || tlog.base64(convert_to(_leaf, 'UTF8'))
    || E'\nindex ' || _index || E'\n'
    || coalesce((
        select string_agg(tlog.base64(p.hash) || E'\n', '' order by p.place)
        from unnest(tlog.inclusion_path(_index, (_checkpoint).size)) with ordinality as p (hash, place)
    ), '')
    || E'\n' || (_checkpoint).note;
comment on function tlog.proof(text, bigint, tlog.checkpoint) is
    'A receipt: a C2SP tlog-proof whose extra data is the entry itself.';

create or replace function tlog.anchors_json(_size bigint)
returns jsonb
language sql
stable
return coalesce((
    select jsonb_agg(jsonb_build_object(
        'chain_id', a.chain_id,
        'checkpoint_size', a.size,
        'address', i.address,
        'transaction_hash', a.transaction_hash,
        'raw_transaction', t.raw_transaction,
        'block_number', a.block_number,
        'block_hash', a.block_hash,
        'anchored_at', ledger.rfc3339(a.anchored_at)
    ) order by a.chain_id)
    from tlog.anchor as a
    join tlog.anchor_transaction as t on t.transaction_hash = a.transaction_hash
    join tlog.anchor_intent as i on (i.chain_id, i.size, i.nonce) = (t.chain_id, t.size, t.nonce)
    where a.size = _size
), '[]'::jsonb);
comment on function tlog.anchors_json(bigint) is 'The anchors of the checkpoint of that size, as replies show them.';
