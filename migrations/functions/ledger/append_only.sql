create or replace function ledger.forbid_change()
returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception using
        errcode = 'OPK04',
        message = format('%s.%s is append-only: %s refused', tg_table_schema, tg_table_name, tg_op);
end
$$;
comment on function ledger.forbid_change() is 'Statement trigger of every append-only table.';
