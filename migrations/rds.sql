-- Login by IAM on RDS. A role that logs in with a token of AWS is a member of `rds_iam`, which RDS creates. `migrate`
-- runs this file after roles.sql, at every deployment. Elsewhere there is no such role, and nothing happens.
--
-- `rds_iam` carries no privilege. It closes the other way in: RDS accepts no password of a member. A password that a
-- login has given itself is removed all the same.

do $$
declare
    login record;
begin
    if not exists (select from pg_roles where rolname = 'rds_iam') then
        return;
    end if;
    for login in
        select l.rolname as name, pg_has_role(l.oid, 'rds_iam', 'member') as is_member
        from pg_roles as l
        join pg_roles as m on m.rolname = 'migrate'
        where l.rolcanlogin and not l.rolsuper and l.rolname <> m.rolname
            -- Only the logins that roles.sql has set up, and none of an operator.
            and 'search_path=""' = any (l.rolconfig)
    loop
        if not login.is_member then
            execute format('grant rds_iam to %I', login.name);
        end if;
        -- Where RDS keeps the commands of passwords to itself, no login could give itself one.
        begin
            execute format('alter role %I password null', login.name);
        exception when insufficient_privilege then
            raise notice 'the password of % cannot be removed from here', login.name;
        end;
    end loop;
end
$$;
