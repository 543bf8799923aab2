-- The catalogue of the present, a row for each object: routines, triggers, rules, policies, grants, default privileges,
-- logins, and each table with its row security. The deployment compares a digest of these rows with the one that it
-- recorded; the tests compare the rows themselves.

select o.kind, o.name, o.definition
from (
    select 'function' as kind, p.oid::regprocedure::text as name,
        case p.prokind when 'a' then 'an aggregate' else pg_get_functiondef(p.oid) end
            || ' owner ' || p.proowner::regrole
            || ' comment ' || coalesce(obj_description(p.oid, 'pg_proc'), '') as definition,
        p.pronamespace as namespace
    from pg_proc as p
    union all
    select 'login', l.name, concat_ws(', ', l.kind, l.isolation), 'auth'::regnamespace
    from auth.login as l
    union all
    select 'table', c.oid::regclass::text,
        'row security ' || c.relrowsecurity || ', forced ' || c.relforcerowsecurity
            || ', owner ' || c.relowner::regrole,
        c.relnamespace
    from pg_class as c
    where c.relkind in ('r', 'p')
    union all
    select 'trigger', t.tgname || ' on ' || t.tgrelid::regclass, pg_get_triggerdef(t.oid) || ' ' || t.tgenabled::text,
        c.relnamespace
    from pg_trigger as t
    join pg_class as c on c.oid = t.tgrelid
    where not t.tgisinternal
    union all
    select 'rule', r.rulename || ' on ' || r.ev_class::regclass, pg_get_ruledef(r.oid) || ' ' || r.ev_enabled::text,
        c.relnamespace
    from pg_rewrite as r
    join pg_class as c on c.oid = r.ev_class
    where r.rulename <> '_RETURN'
    union all
    -- What a function or a type gets when it is created, here or in any schema.
    select 'default privileges',
        concat_ws(' in ', d.defaclobjtype::text, nullif(d.defaclnamespace, 0)::regnamespace::text),
        d.defaclacl::text, 'deploy'::regnamespace
    from pg_default_acl as d
    where d.defaclrole = 'optkas_owner'::regrole
    union all
    select 'policy', p.polname || ' on ' || p.polrelid::regclass,
        concat_ws(' | ', p.polcmd::text, p.polpermissive::text, p.polroles::regrole[]::text,
            pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)),
        c.relnamespace
    from pg_policy as p
    join pg_class as c on c.oid = p.polrelid
    union all
    select 'grant',
        concat_ws(' ', a.privilege_type, 'on', g.what, g.object,
            'to', coalesce(nullif(a.grantee, 0)::regrole::text, 'public')),
        a.is_grantable::text, g.namespace
    from (
        select 'function' as what, p.oid::regprocedure::text as object,
            coalesce(p.proacl, acldefault('f', p.proowner)) as acl, p.proowner as owner, p.pronamespace as namespace
        from pg_proc as p
        union all
        select 'table', c.oid::regclass::text, c.relacl, c.relowner, c.relnamespace
        from pg_class as c
        union all
        select 'column', c.oid::regclass || '.' || a.attname, a.attacl, c.relowner, c.relnamespace
        from pg_attribute as a
        join pg_class as c on c.oid = a.attrelid
        union all
        select 'schema', n.nspname, n.nspacl, n.nspowner, n.oid
        from pg_namespace as n
        union all
        select 'type', t.oid::regtype::text, coalesce(t.typacl, acldefault('T', t.typowner)), t.typowner, t.typnamespace
        from pg_type as t
        where t.typtype in ('c', 'd')
            and (t.typrelid = 0 or (select c.relkind from pg_class as c where c.oid = t.typrelid) = 'c')
    ) as g
    cross join lateral aclexplode(g.acl) as a
    where a.grantee <> g.owner
) as o
join pg_namespace as n on n.oid = o.namespace
where n.nspname in ('audit', 'auth', 'capital', 'collateral', 'gateway', 'lane', 'ledger', 'risk', 'tlog')
    or (n.nspname in ('deploy', 'fixed') and o.kind in ('grant', 'default privileges'))
order by o.kind collate "C", o.name collate "C"
