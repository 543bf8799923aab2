-- The principal of this transaction. It is derived anew at each question from what a login cannot choose: a person from
-- a verified token, a scheduled function from the login, an agent from the login of its webhook.
--
-- session_user is the login that connected. Neither SET ROLE nor SECURITY DEFINER changes it.
-- Settings end with the transaction. Afterwards they read as '' and not as null, hence the nullif.

create or replace function auth.login_kind()
returns text
language sql
stable
return (select l.kind from auth.login as l where l.name = session_user);
comment on function auth.login_kind() is
    'The kind of principal that this login presents: human, agent or system. Null for a login that is not a '
    'function''s.';

create or replace function auth.agent_id()
returns text
language sql
stable
return case when auth.login_kind() = 'agent' then nullif(current_setting('optkas.agent', true), '') end;
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

create or replace function auth.principal()
returns auth.principal_name
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    kind text := auth.login_kind();
    id text := case kind
        when 'human' then auth.sub()::text
        when 'agent' then auth.agent_id()
        when 'system' then ledger.operation()
    end;
begin
    return case when id is not null then row(kind, id)::auth.principal_name end;
end
$$;
comment on function auth.principal() is 'The presented principal; null before authentication.';

-- The allocator this transaction is about.
create or replace function auth.allocator_id()
returns uuid
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if auth.login_kind() = 'human' then
        return (select m.allocator_id from capital.member as m where m.sub = auth.sub());
    end if;
    return nullif(current_setting('optkas.scope', true), '')::uuid;
end
$$;
comment on function auth.allocator_id() is
    'A person''s own allocator; for an agent or a scheduled function the one its message is about (auth.scope_to).';

create or replace function auth.scope_to(_allocator_id uuid)
returns void
language sql
begin atomic
    select set_config('optkas.scope', _allocator_id::text, true);
end;
comment on function auth.scope_to(uuid) is
    'Sets the allocator for an agent or a scheduled function, once a row that it may see has named the allocator.';
