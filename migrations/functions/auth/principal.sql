-- The principal of this transaction, by its parts. auth.principal has the whole of it (identity.sql).
--
-- session_user is the login that connected. Neither SET ROLE nor SECURITY DEFINER changes it.

create or replace function auth.sub()
returns uuid
language sql
stable
return (auth.principal()).sub;
comment on function auth.sub() is
    'The person whose token this transaction presented; null for any other principal. A policy reads it as '
    '(select auth.sub()), once a query.';

create or replace function auth.allocator_id()
returns uuid
language sql
stable
return (auth.principal()).allocator_id;
comment on function auth.allocator_id() is
    'A person''s own allocator; for an agent or a scheduled function the one its message is about (auth.scope_to).';

create or replace function auth.agent_id()
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    who constant auth.identity := auth.principal();
begin
    return case who.kind when 'agent' then who.id end;
end
$$;
comment on function auth.agent_id() is 'The id of the presented agent; null for any other principal.';

create or replace function auth.is_platform()
returns boolean
language sql
stable
return session_user = 'platform_webhook' and auth.agent_id() is not null;
comment on function auth.is_platform() is 'Whether an onboarding platform is presented.';

create or replace function auth.is_system(_name text)
returns boolean
language sql
stable
return session_user = replace(_name, '-', '_');
comment on function auth.is_system(text) is 'Whether this is the scheduled function of that name.';

create or replace function auth.scope_to(_allocator_id uuid)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    who auth.identity := auth.principal();
begin
    if (who.kind in ('agent', 'system')) is not true then
        raise exception using errcode = 'OPK04', message = 'allocator-not-to-be-chosen';
    end if;
    who.allocator_id := _allocator_id;
    perform auth.seal(who);
end
$$;
comment on function auth.scope_to(uuid) is
    'Sets the allocator for an agent or a scheduled function, once a row that it may see has named the allocator.';
