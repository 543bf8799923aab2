-- Who is asking. Run as optkas_owner, like every migration.
--
-- A gateway function first *presents* a principal; from then on, and until the transaction ends,
-- every row-level security policy reads what that call established and nothing else. Presenting is
-- possible only inside a gateway function: no login may execute anything in this schema.

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
-- The principal of this transaction. Settings of their own names, local to the transaction; after
-- it they read as '' and not as null, hence the nullif.

create function auth.principal_kind()
returns text
language sql
stable
return nullif(current_setting('optkas.principal_kind', true), '');

create function auth.principal_id()
returns text
language sql
stable
return nullif(current_setting('optkas.principal_id', true), '');

create function auth.sub()
returns uuid
language sql
stable
return case when auth.principal_kind() = 'human' then auth.principal_id()::uuid end;

create function auth.agent_id()
returns text
language sql
stable
return case when auth.principal_kind() = 'agent' then auth.principal_id() end;

create function auth.is_platform()
returns boolean
language sql
stable
return auth.agent_id() is not null
    and coalesce(current_setting('optkas.agent_kind', true), '') = 'platform';

create function auth.is_system(_name text)
returns boolean
language sql
stable
return coalesce(auth.principal_kind() = 'system' and auth.principal_id() = _name, false);

comment on function auth.principal_kind() is 'human, agent or system; null before anybody was presented.';
comment on function auth.principal_id() is 'The sub of a human, the id of an agent, the name of a scheduled function.';
comment on function auth.sub() is 'The sub of the presented human; null for anybody else.';
comment on function auth.agent_id() is 'The id of the presented agent; null for anybody else.';
comment on function auth.is_platform() is 'Whether the presented agent is a registered onboarding platform.';
comment on function auth.is_system(text) is 'Whether this is the scheduled function of that name.';

create function auth.establish(_kind text, _id text, _agent_kind text default '')
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
    perform set_config('optkas.principal_kind', _kind, true);
    perform set_config('optkas.principal_id', _id, true);
    perform set_config('optkas.agent_kind', _agent_kind, true);
    perform set_config('optkas.scope', '', true);
    perform set_config('optkas.commitment', '', true);
    -- Rows are audited in the text form of these, whatever the session likes to see.
    perform set_config('timezone', 'UTC', true);
    perform set_config('bytea_output', 'hex', true);
end
$$;
comment on function auth.establish(text, text, text) is
    'Sets the principal of this transaction and forgets whatever a session put there before.';

-- ---------------------------------------------------------------------------------------------
-- People.

create function auth.base64url_decode(_text text)
returns bytea
language sql
immutable
strict
parallel safe
return decode(rpad(translate(_text, '-_', '+/'), (length(_text) + 3) / 4 * 4, '='), 'base64');

comment on function auth.base64url_decode(text) is 'RFC 7515 appendix C. Raises on what is not base64url.';

create function auth.claims(_token text)
returns jsonb
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if octet_length(_token) > 8192 or _token !~ '^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$' then
        return null;
    end if;
    return convert_from(auth.base64url_decode(split_part(_token, '.', 2)), 'UTF8')::jsonb;
exception
    when data_exception or character_not_in_repertoire or untranslatable_character then
        return null;
end
$$;
comment on function auth.claims(text) is 'The claims of a compact JWS, or null where it is malformed.';

create function auth.present(_token text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    claims jsonb := auth.claims(_token);
    expected auth.expected_claims;
    sub text := claims ->> 'sub';
    aud jsonb := claims -> 'aud';
begin
    select * into expected from auth.expected_claims where only_row;

    -- Each condition is written so that a missing claim, and so a null, refuses.
    if jsonb_typeof(claims) is distinct from 'object'
        or claims ->> 'iss' is distinct from expected.issuer
        or (aud = to_jsonb(expected.audience) or aud @> to_jsonb(array[expected.audience])) is not true
        or (jsonb_typeof(claims -> 'exp') = 'number'
            and (claims ->> 'exp')::numeric > extract(epoch from clock_timestamp())) is not true
        or (sub ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$') is not true
    then
        raise exception using errcode = 'OPK02', message = 'token-refused';
    end if;

    perform auth.establish('human', sub);
end
$$;
comment on function auth.present(text) is
    'Establishes the person whose token this is. Raises OPK02 on a token that is not for us or not in force.';

-- ---------------------------------------------------------------------------------------------
-- Scheduled functions. The login that may call such a gateway function is the whole credential.

create function auth.present_system(_name text)
returns void
language sql
begin atomic
    select auth.establish('system', _name);
end;
comment on function auth.present_system(text) is 'Establishes a scheduled function as the principal.';

create policy expected_claims_read on auth.expected_claims
    for select
    using (true);
create policy expected_claims_write on auth.expected_claims
    using ((select auth.is_system('migrate')))
    with check ((select auth.is_system('migrate')));
