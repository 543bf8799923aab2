create or replace function gateway.get_checkpoint(_token text)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    latest tlog.checkpoint;
begin
    perform auth.authenticate_member(_token);
    latest := tlog.latest_checkpoint();
    if latest.size is null then
        return ledger.unrecorded('not-published');
    end if;
    return ledger.ok(jsonb_build_object(
        'size', latest.size,
        'root', encode(latest.root, 'hex'),
        'note', latest.note,
        'published_at', ledger.rfc3339(latest.published_at),
        -- A chain is slower than the log: the last anchored checkpoint is seldom the last one.
        'anchored', (
            select jsonb_build_object(
                'size', c.size,
                'root', encode(c.root, 'hex'),
                'note', c.note,
                'anchors', tlog.anchors_json(c.size)
            )
            from tlog.checkpoint as c
            where c.size = (select max(a.size) from tlog.anchor as a)
        )
    ));
end
$$;
comment on function gateway.get_checkpoint is
    'GET /v1/checkpoint: the latest checkpoint of the log with its cosignatures, and the latest that is anchored.';

grant execute on function gateway.get_checkpoint to get_checkpoint;
