-- Authentication: the beginning of every gateway function. A *person* is authenticated by a token, a scheduled
-- function by its login, an agent by the login of its webhook, which is trusted to name which agent it is.

create or replace function auth.clear_settings()
returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    -- One expression: each statement of its own would be planned and run as a query.
    return set_config('optkas.token', '', true)
        || set_config('optkas.agent', '', true)
        || set_config('optkas.scope', '', true)
        || set_config('optkas.facility', '', true)
        || set_config('optkas.commitment', '', true)
        -- Rows are audited in the text form of these, whatever the session likes to see.
        || set_config('timezone', 'UTC', true)
        || set_config('bytea_output', 'hex', true);
end
$$;
comment on function auth.clear_settings() is
    'Empties the settings that the session, or an earlier call, may have filled.';

create or replace function auth.start()
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    cleared text;
begin
    -- A session can override its role's default. A writer below SERIALIZABLE could break what it has checked. A keeper
    -- of the transparency log at SERIALIZABLE would abort writers. So each login is answered at its own level alone.
    if current_setting('transaction_isolation') is distinct from (
        -- known: where there is no row the levels are distinct
        select l.isolation from auth.login as l where l.name = session_user
    ) then
        raise exception using errcode = 'OPK04', message = 'isolation-not-its-own';
    end if;
    cleared := auth.clear_settings();
end
$$;
comment on function auth.start() is
    'Refuses another isolation level than the login''s own, and clears the settings. Every authentication begins here.';

create or replace function auth.authenticate_system(_name text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    perform auth.start();
    if auth.is_system(_name) is not true then
        raise exception using errcode = 'OPK04', message = 'not-this-system';
    end if;
end
$$;
comment on function auth.authenticate_system(text) is
    'Authenticates a scheduled function: the login that may call it is the whole credential.';

create or replace function auth.authenticate_agent(_agent_id text, _kind text)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    perform auth.start();
    perform set_config('optkas.agent', _agent_id, true);
    return exists (
        select from capital.agent as a where a.agent_id = _agent_id and a.kind = _kind
    );
end
$$;
comment on function auth.authenticate_agent(text, text) is
    'Authenticates an agent; false where none of that kind is registered, and then nothing may follow.';
