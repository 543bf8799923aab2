-- People: who presented a token in this transaction, and what that member may do.

create or replace function auth.token_sub()
returns uuid
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    -- Not now(): that is when the transaction began, and a transaction can outlive a token.
    present_time constant timestamptz := clock_timestamp();
begin
    return (
        select t.sub
        from auth.verified_token as t
        join auth.signing_key as k on k.kid = t.kid
        join auth.expected_claims as e on e.revision = t.claims_revision
        where t.token_sha256 = auth.presented_token_sha256()
            and t.not_before <= present_time + auth.leeway()
            and t.expires_at > present_time - auth.leeway()
            and k.retired_at is null
    );
end
$$;
comment on function auth.token_sub() is
    'The person of the token in the setting, if the memo knows the token, and the token and its key are in force.';

create or replace function auth.assurance_json()
returns jsonb
-- Not SQL, whose body would be planned at each call.
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select jsonb_build_object('aal', t.aal, 'second_factor_at', ledger.rfc3339(t.second_factor_at))
        from auth.verified_token as t
        where t.token_sha256 = auth.presented_token_sha256()
    );
end
$$;
comment on function auth.assurance_json() is
    'How the person of the presented token was authenticated, as the verified token says it. Nothing depends on it.';

create or replace function auth.authenticate(_token text)
returns uuid
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    sub uuid;
begin
    perform auth.start('human');
    perform set_config('optkas.token', coalesce(_token, ''), true);
    sub := auth.token_sub();
    if sub is null then
        -- Two requests may verify the same token at once: at SERIALIZABLE one of them has to try again, and
        -- then finds the row. If we crash before the commit, the next request verifies once more.
        insert into auth.verified_token
        select verified.*
        from auth.verify_token(_token) as verified
        -- Remembered under another revision of the expected claims: from now on under this one.
        on conflict on constraint verified_token_pkey do update set claims_revision = excluded.claims_revision;
        sub := auth.token_sub();
    end if;
    if sub is null then
        raise exception using errcode = 'OPK02', message = 'token-refused', detail = 'not in force';
    end if;
    perform auth.seal(row('human', sub::text, sub, null, null)::auth.identity);
    return sub;
end
$$;
comment on function auth.authenticate(text) is
    'Authenticates the person whose token this is, until the transaction ends. Raises OPK02 on any other text.';

create or replace function auth.authenticate_member(_token text)
returns uuid
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    who auth.identity;
begin
    who.kind := 'human';
    who.sub := auth.authenticate(_token);
    who.id := who.sub::text;
    select r.allocator_id, array_agg(r.role) into who.allocator_id, who.roles
    from capital.member_role as r
    where r.sub = who.sub
    group by r.allocator_id;
    -- A member whose last role was revoked is a member no more.
    if not found then
        raise exception using errcode = 'OPK03', message = 'not-a-member';
    end if;
    perform auth.seal(who);
    return who.allocator_id;
end
$$;
comment on function auth.authenticate_member(text) is
    'Authenticates a member and returns the allocator. Raises OPK03 if the person is no member: a stranger claims no '
    'key.';

create or replace function auth.role_reason(variadic _roles text[])
returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return case
        when ((auth.principal()).roles && _roles) is true then null
        else ledger.reason('role-missing', jsonb_build_object('required_roles', to_jsonb(_roles)))
    end;
end
$$;
comment on function auth.role_reason(text[]) is 'role-missing, of a member who holds none of these roles; else null.';

create or replace function auth.require_role(variadic _roles text[])
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    reason constant jsonb := auth.role_reason(variadic _roles);
begin
    if reason is not null then
        perform ledger.refuse_for(reason);
    end if;
end
$$;
comment on function auth.require_role(text[]) is 'Refuses a member who holds none of these roles.';
