-- The horizon: what has committed and still waits for its place, and up to which instant history is final.

create or replace function tlog.final_through()
returns timestamptz
language sql
stable
begin atomic
    select max(h.taken_at)
    from tlog.horizon as h
    -- The transactions of an earlier cluster have all ended.
    where h.epoch < (select max(e.epoch) from tlog.epoch as e)
        or h.xid <= pg_snapshot_xmin(pg_current_snapshot());
end;
comment on function tlog.final_through() is
    'The latest known instant that no open transaction can still write at or before. Rows of history bear the time at '
    'which they were written, after their transaction had its id. Null before the first round of sequence-tlog.';

create or replace function tlog.backlog()
returns jsonb
language sql
volatile
begin atomic
    with last as (
        select e.index, e.epoch, e.xid, e.key from tlog.entry as e order by e.index desc limit 1
    ),
    waiting as (
        select o.committed_at
        from ledger.commitment_outcome as o
        where (o.epoch, o.xid, o.key) > (
            coalesce((select l.epoch from last as l), 0),
            coalesce((select l.xid from last as l), '0'::xid8),
            coalesce((select l.key from last as l), ''::bytea)
        )
        order by o.epoch, o.xid, o.key
        limit 100000
    )
    select jsonb_build_object(
        'size', coalesce((select l.index + 1 from last as l), 0),
        'backlog', count(*),
        'horizon_lag_ms', coalesce(
            greatest(extract(epoch from clock_timestamp() - min(w.committed_at)) * 1000, 0)::bigint, 0)
    )
    from waiting as w;
end;
comment on function tlog.backlog() is
    'How large the log is, how many outcomes have committed and still wait for their places, and for how long the '
    'first of them. It rises when a writer does not end, or when another session keeps the turn.';
