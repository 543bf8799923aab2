-- Epochs: the order of outcomes across clusters. A restored cluster counts transaction ids anew.

create or replace function tlog.present_epoch()
returns int4
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    present record;
begin
    select e.epoch, last.epoch as last_epoch, last.xid
    into present
    from (select max(epoch) as epoch from tlog.epoch) as e
    left join lateral (
        select n.epoch, n.xid from tlog.entry as n order by n.index desc limit 1
    ) as last on true;
    -- The sequencer never looks below its own place again. In one cluster ids only rise, so this is another cluster.
    -- known: before the first entry there is no last epoch, and no cluster before this one
    if present.last_epoch = present.epoch and present.xid >= pg_current_xact_id() then
        raise exception using errcode = 'OPK04', message = 'epoch-over',
            hint = 'This cluster counts transactions from anew: run migrate, which opens its epoch.';
    end if;
    return present.epoch;
end
$$;
comment on function tlog.present_epoch() is
    'The epoch of an outcome that is concluded now. Raises in a restored cluster until its epoch is open, so that no '
    'outcome is left without a place.';
