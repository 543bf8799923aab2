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
end
$$;
