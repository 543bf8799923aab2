create or replace function gateway.next_entries(_from bigint, _limit int4)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform auth.authenticate_system('sign-checkpoint');
    perform ledger.require_arguments(num_nulls(_from, _limit));
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
comment on function gateway.next_entries is
    'Scheduled: the entries from a place on, at most so many, and what the database knows of the log before them.';

create or replace function gateway.record_checkpoint(_size bigint, _root bytea, _note text)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    known bytea;
begin
    perform auth.authenticate_system('sign-checkpoint');
    perform ledger.require_arguments(num_nulls(_size, _root, _note));

    -- The signer's tree and ours are computed apart. Where they differ one of them has been changed.
    if _root is distinct from tlog.root(_size) then
        return ledger.unrecorded('tlog-mismatch');
    end if;
    insert into tlog.checkpoint (size, root, note)
    values (_size, _root, _note)
    on conflict on constraint checkpoint_pkey do nothing;
    select c.root into known from tlog.checkpoint as c where c.size = _size;
    if known is distinct from _root then
        return ledger.unrecorded('tlog-mismatch');
    end if;
    return ledger.ok('{}');
end
$$;
comment on function gateway.record_checkpoint is
    'Scheduled: records what the signer has published. The same checkpoint again changes nothing.';

grant execute on function gateway.next_entries to sign_checkpoint;
grant execute on function gateway.record_checkpoint to sign_checkpoint;
