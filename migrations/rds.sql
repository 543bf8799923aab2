-- On RDS, who comes with a token of AWS's instead of a password is a member of `rds_iam`, which RDS creates. Run by
-- `migrate` after roles.sql, at every deployment; elsewhere there is no such role, and nothing happens.
--
-- `rds_iam` carries no privilege. It closes the other way in: a member's password, had it one, is no longer asked for.

do $$
declare
    login text;
begin
    if not exists (select from pg_roles where rolname = 'rds_iam') then
        return;
    end if;
    for login in
        select l.rolname
        from pg_roles as l
        join pg_roles as m on m.rolname = 'migrate'
        where l.rolcanlogin and not l.rolsuper and l.rolname <> m.rolname
            -- The logins of our functions, and no operator's: those that roles.sql has set up.
            and 'search_path=""' = any (l.rolconfig)
            and not pg_has_role(l.oid, 'rds_iam', 'member')
    loop
        execute format('grant rds_iam to %I', login);
    end loop;
end
$$;
