create or replace function gateway.watch_database()
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    held record;
    ended jsonb := '[]';
    published tlog.entry;
    unpublished_since timestamptz;
begin
    perform auth.authenticate_system('watch-database');

    -- Time-outs are a login's to change. An open transaction holds rows, the log's horizon and what SERIALIZABLE
    -- remembers. A session's lock is nothing that a function of ours takes. In whichever database: locks and horizon
    -- are the server's.
    for held in
        select s.pid, l.name, case when o.pid is null then 'transaction' else 'lock' end as what
        from pg_stat_activity as s
        join auth.login as l on l.name = s.usename
        left join (select distinct k.pid from pg_locks as k where k.locktype = 'advisory') as o on o.pid = s.pid
        where l.name is distinct from 'migrate'
            and s.pid is distinct from pg_backend_pid()
            and (o.pid is not null
                or clock_timestamp() - s.xact_start > l.statement_timeout::interval + auth.holding_grace())
        order by s.pid
    loop
        -- False where it has ended by itself.
        if pg_terminate_backend(held.pid) then
            ended := ended || jsonb_build_object('login', held.name, 'held', held.what);
        end if;
    end loop;

    -- The first outcome that no published checkpoint covers, whatever the sequencer and the signer say.
    published := tlog.last_entry((tlog.latest_checkpoint()).size);
    unpublished_since := (
        select o.committed_at from tlog.outcomes_after(published) as o order by o.epoch, o.xid, o.key limit 1
    );

    return ledger.ok(jsonb_build_object(
        'ended', ended,
        'deviations', coalesce((select jsonb_agg(d) from auth.deviations() as d), '[]'),
        'unpublished_ms', tlog.milliseconds_since(unpublished_since)
    ));
end
$$;
comment on function gateway.watch_database is
    'Scheduled: ends transactions and session locks that logins hold for too long, and reports what of the server and '
    'of our roles is not as it was left, and for how long outcomes have waited to be published.';

grant execute on function gateway.watch_database to watch_database;
