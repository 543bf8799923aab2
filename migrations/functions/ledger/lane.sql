-- Lanes: where a transaction that has lost a race is sent. The function in front begins the next try by locking it.

create or replace function ledger.send_to_lane(_contended uuid)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Such an error names a table. All who contend for one thing are sent to one lane.
    raise exception using
        errcode = '40001',
        message = 'a race was lost',
        schema = 'lane',
        table = 'l' || to_char(get_byte(fixed.text_sha256(coalesce(_contended::text, '')), 0) % 32, 'FM00');
end
$$;
comment on function ledger.send_to_lane(uuid) is
    'Fails as a transaction that lost a race does, and names the lane in which the next try takes its turn.';
