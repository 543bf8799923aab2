-- Who is asking. Run as optkas_owner, like every migration.
--
-- A gateway function first *presents* a principal; from then on, and until the transaction ends,
-- every row-level security policy sees that principal and no other. It is derived, each time anew, from
-- what a login cannot choose: a person from a token that was verified (0008), a scheduled function from
-- the login itself, an agent from the login of its webhook, which is trusted to name which agent it is.
-- No login may execute anything in this schema.

alter default privileges revoke execute on functions from public;
alter default privileges revoke usage on types from public;

alter table deploy.schema_history enable row level security;
alter table deploy.schema_history force row level security;
create policy schema_history_owner_all on deploy.schema_history
    to optkas_owner
    using (true);
comment on table deploy.schema_history is 'Migrations applied, with their checksums; kept by refinery.';

create function ledger.rfc3339(_at timestamptz)
returns text
language sql
stable
parallel safe
return to_char(_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

comment on function ledger.rfc3339(timestamptz) is
    'The one text form of an instant in every reply: RFC 3339, UTC, microseconds.';

-- ---------------------------------------------------------------------------------------------
-- What a token must say, as the deployment configured it.

create table auth.expected_claims (
    only_row boolean not null default true,
    issuer text not null,
    audience text not null,
    constraint expected_claims_pkey primary key (only_row),
    constraint expected_claims_only_row_single check (only_row),
    constraint expected_claims_issuer_length check (length(issuer) between 1 and 2048),
    constraint expected_claims_audience_length check (length(audience) between 1 and 255)
);
comment on table auth.expected_claims is
    'The issuer and audience every token must name. One row, written by gateway.migrate alone.';

alter table auth.expected_claims enable row level security;
alter table auth.expected_claims force row level security;

-- ---------------------------------------------------------------------------------------------
-- The principal of this transaction.
--
-- session_user is the login that connected; neither SET ROLE nor SECURITY DEFINER changes it. Settings
-- are local to the transaction; after it they read as '' and not as null, hence the nullif.

create type auth.principal_name as (
    kind text,
    id text
);
comment on type auth.principal_name is 'human and the sub, agent and its id, system and the function''s name.';

create function auth.login_kind()
returns text
language sql
stable
return case
    when session_user in ('escrow_webhook', 'settlement_webhook', 'platform_webhook') then 'agent'
    when session_user in ('expire_settlements', 'migrate', 'prune_tokens', 'sync_jwks') then 'system'
    else 'human'
end;
comment on function auth.login_kind() is 'Whom this login can present at all.';

create function auth.agent_id()
returns text
language sql
stable
return case when auth.login_kind() = 'agent' then nullif(current_setting('optkas.agent', true), '') end;
comment on function auth.agent_id() is 'The id of the presented agent; null for anybody else.';

create function auth.is_platform()
returns boolean
language sql
stable
return session_user = 'platform_webhook' and auth.agent_id() is not null;
comment on function auth.is_platform() is 'Whether an onboarding platform is presented.';

create function auth.is_system(_name text)
returns boolean
language sql
stable
return auth.login_kind() = 'system' and session_user = replace(_name, '-', '_');
comment on function auth.is_system(text) is 'Whether this is the scheduled function of that name.';

create function auth.principal()
returns auth.principal_name
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    id text := case auth.login_kind()
        when 'human' then auth.sub()::text
        when 'agent' then auth.agent_id()
        when 'system' then replace(session_user, '_', '-')
    end;
begin
    return case when id is not null then row(auth.login_kind(), id)::auth.principal_name end;
end
$$;
comment on function auth.principal() is 'Who is presented; null before anybody was.';

create function auth.start()
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    -- A role's default can be overridden by the session; the level the promises rest on cannot be
    -- left to it. Everybody is presented first, so nothing runs at a weaker level.
    if current_setting('transaction_isolation') <> 'serializable' then
        raise exception using errcode = 'OPK04', message = 'isolation-too-weak';
    end if;
    perform set_config('optkas.token', '', true);
    perform set_config('optkas.agent', '', true);
    perform set_config('optkas.scope', '', true);
    perform set_config('optkas.commitment', '', true);
    -- Rows are audited in the text form of these, whatever the session likes to see.
    perform set_config('timezone', 'UTC', true);
    perform set_config('bytea_output', 'hex', true);
end
$$;
comment on function auth.start() is
    'The beginning of every presentation: forgets whatever the session, or an earlier call, put there before.';

create function auth.present_system(_name text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    perform auth.start();
    if not auth.is_system(_name) then
        raise exception using errcode = 'OPK04', message = 'not-this-system';
    end if;
end
$$;
comment on function auth.present_system(text) is
    'Presents a scheduled function: the login that may call it is the whole credential.';

create policy expected_claims_read on auth.expected_claims
    for select
    to optkas_owner
    using (true);
create policy expected_claims_write on auth.expected_claims
    to optkas_owner
    using ((select auth.is_system('migrate')))
    with check ((select auth.is_system('migrate')));
