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
        || set_config('optkas.identity', '', true)
        || set_config('optkas.facility', '', true)
        || set_config('optkas.commitment', '', true)
        -- Rows are audited in the text form of these, whatever the session likes to see.
        || set_config('timezone', 'UTC', true)
        || set_config('bytea_output', 'hex', true)
        -- A reply is given when its transaction is durable.
        || set_config('synchronous_commit', 'on', true)
        -- Waiting for a lock ends, so that one session cannot make others wait through it.
        || set_config('lock_timeout', '3s', true)
        -- Plans of the owner's statements have rows of others in them: nobody gets to see a plan, in no log either.
        || set_config('client_min_messages', 'warning', true)
        || set_config('debug_print_parse', 'off', true)
        || set_config('debug_print_rewritten', 'off', true)
        || set_config('debug_print_plan', 'off', true)
        || set_config('log_parameter_max_length_on_error', '0', true)
        -- A refusal is an error that is caught, and must not end the session.
        || set_config('exit_on_error', 'off', true);
end
$$;
comment on function auth.clear_settings() is
    'Empties the settings that the session, or an earlier call, may have filled, and fixes those that durability, '
    'secrecy and time rest on. A login can set them for its session and for its role.';

create or replace function auth.start(_kind text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    -- First of all: what follows must not be shown in plans.
    cleared constant text := auth.clear_settings();
    login auth.login;
begin
    select * into login from auth.login as l where l.name = session_user;
    if login.kind is distinct from _kind then
        raise exception using errcode = 'OPK04', message = 'kind-not-its-own';
    end if;
    -- A session can override its role's default. A writer below SERIALIZABLE could break what it has checked. A keeper
    -- of the transparency log at SERIALIZABLE would abort writers. So each login is answered at its own level alone.
    if current_setting('transaction_isolation') is distinct from login.isolation then
        raise exception using errcode = 'OPK04', message = 'isolation-not-its-own';
    end if;
    -- An old transaction has an old snapshot: it sees roles that were revoked and states that have passed.
    if (clock_timestamp() - transaction_timestamp() <= auth.transaction_age_max()) is not true then
        raise exception using errcode = 'OPK04', message = 'transaction-too-old';
    end if;
end
$$;
comment on function auth.start(text) is
    'Refuses a login of another kind, another isolation level than the login''s own and a transaction that is too old, '
    'and clears the settings. Every authentication begins here.';

create or replace function auth.authenticate_system(_name text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    perform auth.start('system');
    if auth.is_system(_name) is not true then
        raise exception using errcode = 'OPK04', message = 'not-this-system';
    end if;
    perform auth.seal(row('system', ledger.operation(), null, null, null)::auth.identity);
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
    perform auth.start('agent');
    if _agent_id is null then
        return false;
    end if;
    perform auth.seal(row('agent', _agent_id, null, null, null)::auth.identity);
    if exists (
        select from capital.agent as a where a.agent_id = _agent_id and a.kind = _kind
    ) then
        return true;
    end if;
    perform set_config('optkas.identity', '', true);
    return false;
end
$$;
comment on function auth.authenticate_agent(text, text) is
    'Authenticates an agent; false where none of that kind is registered, and then nothing may follow.';
