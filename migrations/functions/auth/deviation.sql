-- Deviations: where the server, and our roles in it, are not as the promises need them. A deployment sets back what it
-- can and refuses the rest; gateway.watch_database reports each.

create or replace function auth.holding_grace()
returns interval
language sql
immutable
parallel safe
return interval '1 minute';
comment on function auth.holding_grace() is
    'How long a transaction may last beyond its login''s longest statement. gateway.watch_database then ends it.';

create or replace function auth.deviations()
returns setof jsonb
language sql
stable
begin atomic
    with login as (
        select r.oid, r.rolname, l.isolation, l.statement_timeout
        from auth.login as l
        join pg_roles as r on r.rolname = l.name
    ),
    own as (
        select r.*, l.oid is not null as is_login
        from pg_roles as r
        left join login as l on l.oid = r.oid
        where l.oid is not null or r.rolname in ('optkas_owner', 'optkas_auditor')
    ),
    kept as (
        select s.setrole, s.setdatabase, c.setting
        from pg_db_role_setting as s
        cross join lateral unnest(s.setconfig) as c (setting)
        where s.setdatabase in (0, (select d.oid from pg_database as d where d.datname = current_database()))
    ),
    due as (
        select l.oid, s.setting
        from login as l
        cross join lateral (values
            ('default_transaction_isolation=' || l.isolation),
            ('statement_timeout=' || l.statement_timeout),
            ('lock_timeout=3s'),
            ('idle_in_transaction_session_timeout=5s'),
            ('idle_session_timeout=15min'),
            ('search_path=""'),
            ('TimeZone=UTC'),
            ('enable_seqscan=off'),
            ('jit=off')
        ) as s (setting)
    )
    -- Parameters of statements have tokens in them, and the context and the plans of errors have parameters.
    select jsonb_build_object('of', 'server', 'name', s.name)
    from (values
        ('log_error_verbosity', '{terse}'::text[]),
        ('log_destination', '{stderr,syslog}'),
        ('log_parameter_max_length', '{0}'),
        ('log_statement', '{none,ddl}'),
        -- A prepared transaction outlives its session, holds its key and holds the log back.
        ('max_prepared_transactions', '{0}')
    ) as s (name, expected)
    where (current_setting(s.name) = any (s.expected)) is not true
    union all
    select jsonb_build_object('of', 'role', 'role', r.rolname, 'name', a.name)
    from own as r
    cross join lateral (values
        ('superuser', r.rolsuper),
        ('bypassrls', r.rolbypassrls),
        ('replication', r.rolreplication),
        ('createdb', r.rolcreatedb),
        ('createrole', r.rolcreaterole and r.rolname is distinct from 'migrate'),
        ('inherit', r.rolinherit and r.is_login and r.rolname is distinct from 'migrate'),
        ('login', r.rolcanlogin is distinct from r.is_login),
        ('connection limit', r.is_login and r.rolname is distinct from 'migrate'
            and r.rolconnlimit is distinct from current_setting('max_connections')::int4 / 4)
    ) as a (name, deviates)
    where a.deviates is not false
    union all
    -- Who is a member of a role of ours could act as it, and a role of ours as those that it is a member of.
    select jsonb_build_object('of', 'membership', 'role', m.rolname, 'name', g.rolname)
    from pg_auth_members as a
    join pg_roles as m on m.oid = a.member
    join pg_roles as g on g.oid = a.roleid
    where (
            g.oid in (select o.oid from own as o where (o.rolname in ('migrate', 'optkas_auditor')) is not true)
            and m.rolname is distinct from 'migrate'
        ) or (
            m.oid in (select o.oid from own as o where o.rolname is distinct from 'migrate')
            and g.rolname is distinct from 'rds_iam'
            and ((m.rolname, g.rolname) in (
                ('optkas_owner', 'pg_read_all_stats'), ('optkas_owner', 'pg_signal_backend'))) is not true
        )
    union all
    -- What a role has and is not due, and what is due and it has not.
    select jsonb_build_object('of', 'setting', 'role', l.rolname, 'name', split_part(d.setting, '=', 1))
    from (
        (select k.setrole as oid, k.setting from kept as k except select d.oid, d.setting from due as d)
        union all
        (select d.oid, d.setting from due as d
        except select k.setrole, k.setting from kept as k where k.setdatabase = 0)
    ) as d
    join login as l using (oid)
    union all
    select jsonb_build_object('of', 'setting', 'role', null, 'name', split_part(k.setting, '=', 1))
    from kept as k
    where k.setrole = 0
    union all
    -- No function of ours makes one.
    select jsonb_build_object('of', 'large object', 'role', r.rolname, 'name', count(*)::text)
    from pg_largeobject_metadata as o
    left join pg_roles as r on r.oid = o.lomowner
    group by r.rolname;
end;
comment on function auth.deviations() is
    'Where a setting of the server, or an attribute, a membership or a setting of a role of ours is not as promises '
    'need it. Values are not shown: a login chooses them.';
