create or replace function gateway.sequence_tlog(_batch_size int4)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    taken_at timestamptz;
    horizon xid8;
    last tlog.entry;
    present_epoch int4;
    old_size bigint;
    new_size bigint;
    height int4 := 1;
    placed int4;
begin
    perform auth.authenticate_system('sequence-tlog');
    perform ledger.require_arguments(num_nulls(_batch_size));
    -- Before this transaction has its id, so that whoever has a higher one writes later than this. A second call of one
    -- transaction has no instant to record.
    if pg_current_xact_id_if_assigned() is null then
        taken_at := clock_timestamp();
    end if;
    -- One at a time. The lock is a row's, which no other login can take; whoever comes second has nothing to do.
    if not exists (select from tlog.turn for update skip locked) then
        return ledger.ok(jsonb_build_object('sequenced', 0, 'more', false, 'busy', true) || tlog.backlog());
    end if;

    present_epoch := (select max(e.epoch) from tlog.epoch as e);
    -- Not the upper bound of a snapshot: transactions at and above it may have begun long before.
    insert into tlog.horizon (taken_at, epoch, xid)
    select taken_at, present_epoch, pg_current_xact_id()
    where taken_at is not null
    on conflict on constraint horizon_pkey do nothing;
    delete from tlog.horizon as h where h.taken_at < tlog.final_through();

    -- Taken before the outcomes are read. A transaction below it has ended, and each statement from here on sees
    -- what it did; one at or above it may still commit and come before others that have, so all of them wait. A
    -- cursor over anything that is given out before the commit loses rows here.
    horizon := pg_snapshot_xmin(pg_current_snapshot());
    old_size := tlog.size();
    last := tlog.last_entry(old_size);

    with due as materialized (
        select o.key, o.epoch, o.xid, o.leaf,
            old_size + row_number() over (order by o.epoch, o.xid, o.key) - 1 as index
        from tlog.outcomes_after(last) as o
        -- The transactions of an earlier cluster have all ended.
        where o.epoch < present_epoch or o.xid < horizon
        order by o.epoch, o.xid, o.key
        limit _batch_size
    ),
    leaves as (
        insert into tlog.node (level, index, hash)
        select 0, d.index, sha256('\x00'::bytea || convert_to(d.leaf, 'UTF8'))
        from due as d
    )
    insert into tlog.entry (index, previous, key, epoch, xid)
    select d.index, nullif(d.index, 0) - 1, d.key, d.epoch, d.xid
    from due as d;
    get diagnostics placed = row_count;
    new_size := old_size + placed;

    -- The subtrees that these entries completed, level by level: the work is the batch's, not the tree's.
    while new_size >> height > old_size >> height loop
        insert into tlog.node (level, index, hash)
        select height, n.index >> 1, sha256('\x01'::bytea || string_agg(n.hash, ''::bytea order by n.index))
        from tlog.node as n
        where n.level = height - 1
            and n.index >= (old_size >> height) << 1
            and n.index < (new_size >> height) << 1
        group by n.index >> 1;
        height := height + 1;
    end loop;

    return ledger.ok(jsonb_build_object(
        'sequenced', placed, 'more', placed = _batch_size, 'busy', false
    ) || tlog.backlog());
end
$$;
comment on function gateway.sequence_tlog is
    'Scheduled: gives outcomes whose transactions have ended their places in the log, a bounded batch a call.';

grant execute on function gateway.sequence_tlog to sequence_tlog;
