-- People: the database verifies their tokens itself.
--
-- The token is the identity. `auth.present` verifies it and puts it, whole, in a setting local to the
-- transaction; `auth.sub`, which every policy reads, looks that very token up again, each time. So a setting
-- is not believed but checked: one that a login wrote itself names somebody only if it holds that person's
-- token, verified and in force, and whoever holds that could have presented it. Knowing a row of
-- auth.verified_token, a digest, is not enough.
--
-- Not here: revocation of one token (it is good for an hour at most), and proof of who presents it.

create function auth.leeway()
returns interval
language sql
immutable
parallel safe
return interval '5 seconds';
comment on function auth.leeway() is
    'How far our clock and the issuer''s may be apart. The functions in front use the same value.';

create function auth.transaction_age_max()
returns interval
language sql
immutable
parallel safe
return interval '30 seconds';
comment on function auth.transaction_age_max() is
    'A snapshot taken before a key was retired does not see that it was, and a login may keep a transaction open '
    'as long as it likes. No identity in a transaction older than this: so late does a retirement take effect.';

-- ---------------------------------------------------------------------------------------------
-- The keys.

create table auth.signing_key (
    kid text not null,
    algorithm text not null,
    x bytea,
    y bytea,
    n bytea,
    e bytea,
    registered_at timestamptz not null default clock_timestamp(),
    retired_at timestamptz,
    constraint signing_key_pkey primary key (kid),
    constraint signing_key_kid_length check (length(kid) between 1 and 255),
    constraint signing_key_algorithm_members check (
        case algorithm
            when 'ES256' then num_nulls(n, e) = 2 and auth.p256_on_curve(x, y) is true
            when 'RS256' then num_nulls(x, y) = 2 and auth.rsa_key_acceptable(n, e) is true
            when 'EdDSA' then num_nulls(y, n, e) = 3 and auth.ed25519_point(x) is not null
            else false
        end
    ),
    constraint signing_key_retired_at_later check (retired_at >= registered_at)
);
comment on table auth.signing_key is
    'The issuer''s public keys, as sync-jwks saw them published. Retired when the issuer publishes it no longer, '
    'in force again when it does.';
comment on column auth.signing_key.x is 'The JWK''s member of that name, decoded; so are y, n and e.';

create function auth.pin_signing_key()
returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    same auth.signing_key := old;
begin
    same.retired_at := new.retired_at;
    if new is distinct from same then
        raise exception using errcode = 'OPK04', message = 'auth.signing_key changes in nothing but retired_at';
    end if;
    return new;
end
$$;
comment on function auth.pin_signing_key() is 'A kid means the same key for ever.';

create trigger signing_key_pinned
    before update on auth.signing_key
    for each row execute function auth.pin_signing_key();
alter table auth.signing_key enable always trigger signing_key_pinned;

create trigger signing_key_kept
    before delete on auth.signing_key
    for each statement execute function ledger.forbid_change();
alter table auth.signing_key enable always trigger signing_key_kept;

select audit.watch('auth.expected_claims', 'only_row');
select audit.watch('auth.signing_key', 'kid');

create policy signing_key_read on auth.signing_key
    for select
    to optkas_owner
    using (true);
create policy signing_key_write on auth.signing_key
    to optkas_owner
    using ((select auth.is_system('sync-jwks')))
    with check ((select auth.is_system('sync-jwks')));

-- ---------------------------------------------------------------------------------------------
-- The memo of verified tokens.

create function auth.presented_token_sha256()
returns bytea
language sql
stable
parallel safe
return sha256(convert_to(nullif(current_setting('optkas.token', true), ''), 'UTF8'));
comment on function auth.presented_token_sha256() is 'Of the token in the setting, verified or not; null without one.';

create table auth.verified_token (
    token_sha256 bytea not null,
    sub uuid not null,
    kid text not null,
    not_before timestamptz not null,
    expires_at timestamptz not null,
    constraint verified_token_pkey primary key (token_sha256),
    constraint verified_token_sha256_length check (length(token_sha256) = 32),
    constraint verified_token_kid_fkey foreign key (kid) references auth.signing_key (kid)
);
create index verified_token_expires_idx on auth.verified_token (expires_at);
comment on table auth.verified_token is
    'Tokens whose signature and claims held, so that they need not be verified again. A lost row costs one '
    'verification. Only auth.present writes; a row is visible to the bearer of its token, and when it has '
    'expired to whoever prunes.';
comment on column auth.verified_token.not_before is 'The later of iat and nbf, as the token has it, without leeway.';
comment on column auth.verified_token.expires_at is 'exp, as the token has it, without leeway.';

-- TRUNCATE asks no policy.
create trigger verified_token_no_truncate
    before truncate on auth.verified_token
    for each statement execute function ledger.forbid_change();
alter table auth.verified_token enable always trigger verified_token_no_truncate;

alter table auth.verified_token enable row level security;
alter table auth.verified_token force row level security;
create policy verified_token_bearer on auth.verified_token
    to optkas_owner
    using (token_sha256 = (select auth.presented_token_sha256()))
    with check (token_sha256 = (select auth.presented_token_sha256()));
create policy verified_token_prune on auth.verified_token
    to optkas_owner
    using (
        (select auth.is_system('prune-tokens'))
        and expires_at < (select clock_timestamp() - auth.leeway())
    );

-- ---------------------------------------------------------------------------------------------
-- Verifying.

create function auth.json_string(_object json, _name text)
returns text
language sql
immutable
strict
parallel safe
return case when json_typeof(_object -> _name) = 'string' then _object ->> _name end;
comment on function auth.json_string(json, text) is 'The member, if it is a string; else null.';

create function auth.json_integer(_object json, _name text)
returns bigint
language sql
immutable
strict
parallel safe
return case
    when json_typeof(_object -> _name) = 'number' and _object ->> _name ~ '^(0|-?[1-9][0-9]{0,17})$'
    then (_object ->> _name)::bigint
end;
comment on function auth.json_integer(json, text) is
    'The member, if it is a number written as an integer of at most 18 digits; else null. 1e3 and 1.0 are not.';

create function auth.verify_token(_token text)
returns auth.verified_token
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    seconds_now constant numeric := extract(epoch from clock_timestamp());
    seconds_leeway constant numeric := extract(epoch from auth.leeway());
    uuid_form constant text := '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$';
    parts text[];
    header json;
    claims json;
    signature bytea;
    expected auth.expected_claims;
    exp bigint;
    iat bigint;
    valid_from bigint;
    key auth.signing_key;
    message bytea;
    cause text;
begin
    -- Three parts, within the length that the functions in front accept.
    if octet_length(_token) <= 8192 then
        parts := string_to_array(_token, '.');
    end if;
    if cardinality(parts) = 3 then
        header := auth.json_object_strict(auth.base64url_decode(parts[1]));
        claims := auth.json_object_strict(auth.base64url_decode(parts[2]));
        signature := auth.base64url_decode(parts[3]);
    end if;
    select * into expected from auth.expected_claims;
    exp := auth.json_integer(claims, 'exp');
    iat := auth.json_integer(claims, 'iat');
    valid_from := greatest(iat, auth.json_integer(claims, 'nbf'));
    select * into key
    from auth.signing_key as k
    where k.kid = auth.json_string(header, 'kid') and k.retired_at is null;

    -- What a token must say, cheapest first. Every line is written so that a null, a missing member or one of
    -- the wrong type, refuses.
    cause := case
        when header is null or claims is null or signature is null then 'form'
        -- crit, b64, zip, jku, jwk, x5u, x5c and whatever else would change what is verified, or with what.
        when exists (
            select from json_object_keys(header) as name where name not in ('alg', 'kid', 'typ')
        ) then 'header'
        when header -> 'typ' is not null
            and lower(auth.json_string(header, 'typ') collate "C") is distinct from 'jwt' then 'typ'
        when key.kid is null then 'kid'
        when auth.json_string(header, 'alg') is distinct from key.algorithm then 'alg'
        when auth.json_string(claims, 'iss') is distinct from expected.issuer or expected.issuer is null then 'iss'
        when (case json_typeof(claims -> 'aud')
            when 'string' then claims ->> 'aud' = expected.audience
            when 'array' then (
                select bool_and(json_typeof(one) = 'string') and bool_or(one #>> '{}' = expected.audience)
                from json_array_elements(claims -> 'aud') as one
            )
        end) is not true then 'aud'
        when auth.json_string(claims, 'role') is distinct from 'authenticated' then 'role'
        when coalesce((claims -> 'is_anonymous')::text, 'false') <> 'false' then 'is_anonymous'
        when coalesce(auth.json_string(claims, 'session_id'), '') = '' then 'session_id'
        when (auth.json_string(claims, 'sub') ~ uuid_form) is not true then 'sub'
        when (exp - iat between 1 and 3600) is not true then 'lifetime'
        when claims -> 'nbf' is not null and auth.json_integer(claims, 'nbf') is null then 'nbf'
        when (exp > seconds_now - seconds_leeway) is not true then 'exp'
        when (valid_from <= seconds_now + seconds_leeway) is not true then 'iat'
    end;
    if cause is not null then
        raise exception using errcode = 'OPK02', message = 'token-refused', detail = cause;
    end if;

    message := convert_to(parts[1] || '.' || parts[2], 'UTF8');
    if (case key.algorithm
        when 'ES256' then auth.verify_es256(message, signature, key.x, key.y)
        when 'RS256' then auth.verify_rs256(message, signature, key.n, key.e)
        when 'EdDSA' then auth.verify_eddsa(message, signature, key.x)
    end) is not true then
        raise exception using errcode = 'OPK02', message = 'token-refused', detail = 'signature';
    end if;

    return row(
        sha256(convert_to(_token, 'UTF8')), (claims ->> 'sub')::uuid, key.kid,
        to_timestamp(valid_from), to_timestamp(exp)
    );
end
$$;
comment on function auth.verify_token(text) is
    'Signature and claims of a Supabase Auth token (RFC 7515, RFC 7519, RFC 8725), against the registered keys. '
    'Raises OPK02 with the cause as DETAIL, for tests and the log: a caller learns nothing of it.';

-- ---------------------------------------------------------------------------------------------
-- Presenting, and asking who was.

create function auth.sub()
returns uuid
language plpgsql
stable
-- So that a role that meets a policy needs no right on the memo, only on asking.
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    -- Not now(): that is when the transaction began, and a transaction can outlive a token.
    present_time constant timestamptz := clock_timestamp();
begin
    if present_time - transaction_timestamp() > auth.transaction_age_max() then
        return null;
    end if;
    return (
        select t.sub
        from auth.verified_token as t
        join auth.signing_key as k on k.kid = t.kid
        where t.token_sha256 = auth.presented_token_sha256()
            and t.not_before <= present_time + auth.leeway()
            and t.expires_at > present_time - auth.leeway()
            and k.retired_at is null
    );
end
$$;
comment on function auth.sub() is
    'The person whose token this transaction presented; null without one, or once it, or its key, is no longer in '
    'force. A policy reads it as (select auth.sub()), once a query.';

create function auth.present(_token text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    sub uuid;
begin
    perform auth.start();
    perform set_config('optkas.token', coalesce(_token, ''), true);
    sub := auth.sub();
    if sub is null then
        -- Two requests may verify the same token at once: at SERIALIZABLE one of them has to try again, and
        -- then finds the row. If we crash before the commit, the next request verifies once more.
        insert into auth.verified_token
        select verified.*
        from auth.verify_token(_token) as verified
        on conflict on constraint verified_token_pkey do nothing;
        sub := auth.sub();
    end if;
    if sub is null then
        raise exception using errcode = 'OPK02', message = 'token-refused', detail = 'not in force';
    end if;
end
$$;
comment on function auth.present(text) is
    'Establishes the person whose token this is, until the transaction ends. Raises OPK02 on any other text.';

-- ---------------------------------------------------------------------------------------------
-- What gateway.sync_jwks is made of.

create function auth.published_keys(_keys jsonb)
returns setof auth.signing_key
language sql
stable
begin atomic
    select
        key.kid,
        key.algorithm,
        decode(key.x, 'hex'),
        decode(key.y, 'hex'),
        decode(key.n, 'hex'),
        decode(key.e, 'hex'),
        clock_timestamp(),
        null::timestamptz
    from jsonb_to_recordset(_keys) as key (kid text, algorithm text, x text, y text, n text, e text);
end;
comment on function auth.published_keys(jsonb) is
    'From [{kid, algorithm, x, y, n, e}], the octets in hexadecimal, to rows.';

create function auth.is_key_acceptable(_key auth.signing_key)
returns boolean
language sql
stable
return length(_key.kid) between 1 and 255 and case _key.algorithm
    when 'ES256' then num_nulls(_key.n, _key.e) = 2 and auth.p256_on_curve(_key.x, _key.y)
    when 'RS256' then num_nulls(_key.x, _key.y) = 2 and auth.rsa_key_acceptable(_key.n, _key.e)
    when 'EdDSA' then num_nulls(_key.y, _key.n, _key.e) = 3 and auth.ed25519_point(_key.x) is not null
end;
comment on function auth.is_key_acceptable(auth.signing_key) is
    'What the table''s own constraint demands, asked beforehand so that the refusal has a name.';

create function auth.claim_key_change(_attempt text, _change text, _kid text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    client_key text := _change || ':' || _attempt;
    known ledger.reply;
begin
    known := ledger.claim(
        _attempt, 'sync-jwks', _kid, client_key,
        ledger.idempotency_key('system', 'sync-jwks', 'sync-jwks', _kid, client_key),
        ledger.tagged_hash(
            'optkas/request-fingerprint/v1',
            convert_to('sync-jwks', 'UTF8'), convert_to(_kid, 'UTF8'), convert_to(_change, 'UTF8')
        )
    );
    -- What was changed before is not due again, unless the issuer changed its mind in between; then the
    -- invocation is another one.
    if known.outcome is not null then
        raise exception using errcode = 'OPK04', message = 'key-change-repeated';
    end if;
end
$$;
comment on function auth.claim_key_change(text, text, text) is 'The commitment of one key''s coming into force or retirement.';

create function auth.refuse_key_set(_attempt text, _name text, _keys jsonb, _members jsonb)
returns ledger.reply
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    known ledger.reply;
begin
    known := ledger.claim(
        _attempt, 'sync-jwks', '', _attempt,
        ledger.idempotency_key('system', 'sync-jwks', 'sync-jwks', '', _attempt),
        ledger.tagged_hash(
            'optkas/request-fingerprint/v1',
            convert_to('sync-jwks', 'UTF8'), '', convert_to(_keys::text, 'UTF8')
        )
    );
    if known.outcome is not null then
        return known;
    end if;
    return ledger.conclude_refused(null, _name, _members::text);
end
$$;
comment on function auth.refuse_key_set(text, text, jsonb, jsonb) is 'Records that a published key set was refused, and why.';
