-- The horizon: what has committed and still waits for its place, and up to which instant history is final.

create or replace function tlog.final_through()
returns timestamptz
-- Not SQL, whose body would be planned at each call.
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select max(h.taken_at)
        from tlog.horizon as h
        -- The transactions of an earlier cluster have all ended.
        where h.epoch < (select max(e.epoch) from tlog.epoch as e)
            or h.xid <= pg_snapshot_xmin(pg_current_snapshot())
    );
end
$$;
comment on function tlog.final_through() is
    'The latest known instant that no open transaction can still write at or before. Rows of history bear the time at '
    'which they were written, after their transaction had its id. Null before the first round of sequence-tlog.';

create or replace function tlog.milliseconds_since(_at timestamptz)
returns bigint
language sql
volatile
return coalesce(greatest(extract(epoch from clock_timestamp() - _at) * 1000, 0)::bigint, 0);
comment on function tlog.milliseconds_since(timestamptz) is 'Whole milliseconds from then to now; 0 of what is not.';

create or replace function tlog.last_entry(_size bigint)
returns tlog.entry
language sql
stable
return coalesce(
    (select e from tlog.entry as e where e.index = _size - 1),
    row(-1, null, decode(repeat('00', 32), 'hex'), 0, '0')::tlog.entry
);
comment on function tlog.last_entry(bigint) is
    'The last entry of a log of that size. Without one, what comes before every entry: epoch and transaction 0.';

create or replace function tlog.outcomes_after(_entry tlog.entry)
returns setof ledger.commitment_outcome
language sql
stable
begin atomic
    select o.*
    from ledger.commitment_outcome as o
    -- Nothing but the entry's own fields: with more, each row is filtered instead of found in the index.
    where (o.epoch, o.xid, o.key) > ((_entry).epoch, (_entry).xid, (_entry).key);
end;
comment on function tlog.outcomes_after(tlog.entry) is
    'The outcomes whose places come after that entry. Places follow (epoch, xid, key).';

create or replace function tlog.backlog()
returns jsonb
language plpgsql
-- What is committed meanwhile is seen.
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    size constant bigint := tlog.size();
    last constant tlog.entry := tlog.last_entry(size);
begin
    return (
        select jsonb_build_object(
            'size', size,
            'backlog', count(*),
            'horizon_lag_ms', tlog.milliseconds_since(min(w.committed_at))
        )
        from (
            select o.committed_at from tlog.outcomes_after(last) as o order by o.epoch, o.xid, o.key limit 100000
        ) as w
    );
end
$$;
comment on function tlog.backlog() is
    'How large the log is, how many outcomes have committed and still wait for their places, and for how long the '
    'first of them. It rises when a writer does not end, or when another session keeps the turn.';
