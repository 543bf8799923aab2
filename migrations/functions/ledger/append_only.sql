-- The trigger that keeps rows as they are. access/whole_database.sql says on which tables, and against which changes.

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
comment on function ledger.forbid_change() is 'The statement trigger of every protected table: the change is refused.';
