-- What the database's master user runs, once, connected to the new and empty database that will
-- hold OPTKAS. It creates the login of the `migrate` function and gives it that database; from
-- there on the master user is not needed. Its password, or its IAM grant, is the operator's affair.
--
-- `migrate` is no superuser and never bypasses row-level security. It may create roles, because a
-- new endpoint brings a new login, and it owns the database, because it creates the schemas.

do $$
begin
    if not exists (select from pg_catalog.pg_roles where rolname = 'migrate') then
        create role migrate
            login nosuperuser nocreatedb createrole noreplication nobypassrls;
    end if;
    -- From PostgreSQL 16 on, giving an object away takes membership with SET; earlier, any.
    execute format('grant migrate to %I', current_user);
    execute format('alter database %I owner to migrate', current_database());
    execute format('revoke migrate from %I', current_user);
    -- For `optkas_owner`: `watch-database` sees how old transactions are, and ends them.
    grant pg_read_all_stats, pg_signal_backend to migrate with admin option;
end
$$;

-- What PUBLIC may do everywhere and a login of ours must not. A transaction in another database holds the log back.
-- Session locks fill the lock table of the whole server, and large objects its disk. An exported snapshot lets a new
-- transaction see the past of an old one. A master user who is no superuser may not take these rights away;
-- `watch-database` reports and ends what is done with them, but for a snapshot.
do $$
declare
    taken text;
begin
    for taken in
        select format('connect on database %I', d.datname)
        from pg_catalog.pg_database as d
        where d.datallowconn and pg_catalog.has_database_privilege('public', d.oid, 'connect')
        union all
        select format('execute on function %s', p.oid::pg_catalog.regprocedure)
        from pg_catalog.pg_proc as p
        where p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
            and p.proname ~ '^(pg_(try_)?advisory_|pg_notify$|pg_export_snapshot$|lo_|'
                'lo(creat|write|read|open|import|export|tell|close|unlink|truncate))'
    loop
        begin
            execute format('revoke %s from public', taken);
        exception when insufficient_privilege or invalid_catalog_name then
            raise notice 'PUBLIC keeps %', taken;
        end;
    end loop;
end
$$;
