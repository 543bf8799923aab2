-- Takes the present away: every policy, trigger, rule, grant and routine, also those that no file knows. The same
-- transaction then applies the files of functions/, gateway/ and access/ anew.

-- What is created anew is nobody's but its owner's, as tables/0001_domains.sql has it.
alter default privileges revoke execute on functions from public;
alter default privileges revoke usage on types from public;

do $$
declare
    ours constant regnamespace[] := array[
        'audit', 'auth', 'capital', 'collateral', 'gateway', 'lane', 'ledger', 'risk', 'tlog'
    ];
    statement text;
begin
    for statement in
        select format('drop policy %I on %s', p.polname, p.polrelid::regclass)
        from pg_policy as p
        join pg_class as c on c.oid = p.polrelid
        where c.relnamespace = any (ours)
        union all
        select format('drop trigger %I on %s', t.tgname, t.tgrelid::regclass)
        from pg_trigger as t
        join pg_class as c on c.oid = t.tgrelid
        where not t.tgisinternal and c.relnamespace = any (ours)
        union all
        select format('drop rule %I on %s', r.rulename, r.ev_class::regclass)
        from pg_rewrite as r
        join pg_class as c on c.oid = r.ev_class
        where r.rulename <> '_RETURN' and c.relnamespace = any (ours)
        union all
        select distinct format(
            'alter default privileges %s revoke all on %s from %s',
            'in schema ' || nullif(d.defaclnamespace, 0)::regnamespace,
            case d.defaclobjtype
                when 'f' then 'functions'
                when 'T' then 'types'
                when 'r' then 'tables'
                when 'S' then 'sequences'
                when 'n' then 'schemas'
            end,
            coalesce(nullif(a.grantee, 0)::regrole::text, 'public'))
        from pg_default_acl as d
        cross join lateral aclexplode(d.defaclacl) as a
        where d.defaclrole = current_user::regrole
            and (a.grantee <> d.defaclrole or d.defaclnamespace <> 0)
        union all
        select distinct format(
            'revoke all on %s from %s', g.object, coalesce(nullif(a.grantee, 0)::regrole::text, 'public'))
        from (
            select
                'table ' || c.oid::regclass as object,
                c.relacl as acl,
                c.relowner as owner,
                c.relnamespace as namespace
            from pg_class as c
            where c.relkind in ('r', 'p', 'v', 'm')
            union all
            select 'sequence ' || c.oid::regclass, c.relacl, c.relowner, c.relnamespace
            from pg_class as c
            where c.relkind = 'S'
            union all
            -- All on the table takes the privileges on its columns with it.
            select 'table ' || c.oid::regclass, a.attacl, c.relowner, c.relnamespace
            from pg_attribute as a
            join pg_class as c on c.oid = a.attrelid
            where c.relkind in ('r', 'p', 'v', 'm')
            union all
            select 'schema ' || n.oid::regnamespace, n.nspacl, n.nspowner, n.oid
            from pg_namespace as n
            union all
            select 'routine ' || p.oid::regprocedure, p.proacl, p.proowner, p.pronamespace
            from pg_proc as p
            union all
            select 'type ' || t.oid::regtype, t.typacl, t.typowner, t.typnamespace
            from pg_type as t
            where t.typtype in ('c', 'd')
        ) as g
        cross join lateral aclexplode(g.acl) as a
        where a.grantee <> g.owner
            and g.namespace = any (ours || array['deploy', 'fixed']::regnamespace[])
    loop
        execute statement;
    end loop;

    -- One statement: routines may use each other.
    select 'drop routine ' || string_agg(p.oid::regprocedure::text, ', ')
    into statement
    from pg_proc as p
    where p.pronamespace = any (ours);
    if statement is not null then
        execute statement;
    end if;
end
$$;
