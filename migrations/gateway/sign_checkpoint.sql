create or replace function gateway.sign_checkpoint(
    _attempt text,
    _from bigint,
    _limit int4,
    _published jsonb
)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    published tlog.checkpoint;
    known bytea;
begin
    perform auth.authenticate_system('sign-checkpoint');

    if _published is not null then
        published.size := (_published ->> 'size')::bigint;
        published.root := decode(_published ->> 'root', 'hex');
        published.note := _published ->> 'note';
        -- The signer's tree and ours are computed apart. Where they differ one of them has been changed.
        if published.root is distinct from tlog.root(published.size) then
            return ledger.unrecorded('tlog-mismatch');
        end if;
        insert into tlog.checkpoint (size, root, note)
        values (published.size, published.root, published.note)
        on conflict on constraint checkpoint_pkey do nothing;
        select c.root into known from tlog.checkpoint as c where c.size = published.size;
        if known is distinct from published.root then
            return ledger.unrecorded('tlog-mismatch');
        end if;
    end if;

    return ledger.ok(jsonb_build_object(
        'size', tlog.size(),
        'root_at_from', encode(tlog.root(_from), 'hex'),
        'published_size', (select max(c.size) from tlog.checkpoint as c),
        'entries', coalesce((
            select jsonb_agg(d.leaf order by d.index)
            from (
                select o.leaf, e.index
                from tlog.entry as e
                join ledger.commitment_outcome as o on o.key = e.key
                where e.index >= _from
                order by e.index
                limit _limit
            ) as d
        ), '[]'::jsonb)
    ));
end
$$;
comment on function gateway.sign_checkpoint is
    'Scheduled: records what the signer has published, and gives it the entries from a place on.';

grant execute on function gateway.sign_checkpoint to sign_checkpoint;
