-- Tokens: their verification in the database, which does not rely on the function in front having verified them.

create or replace function auth.leeway()
returns interval
language sql
immutable
parallel safe
return interval '5 seconds';
comment on function auth.leeway() is
    'How far the database''s clock and the issuer''s may be apart. The functions in front use the same value.';

create or replace function auth.transaction_age_max()
returns interval
language sql
immutable
parallel safe
return interval '5 seconds';
comment on function auth.transaction_age_max() is
    'The age from which a transaction is answered nothing: people''s, agents'' and jobs'' alike. It bounds how late '
    'a retired key, a revoked role, an expired settlement or lapsed collateral binds. An honest transaction is one '
    'statement, and asks at its start.';

-- The memo of verified tokens.
create or replace function auth.presented_token_sha256()
returns bytea
language sql
stable
parallel safe
return sha256(convert_to(nullif(current_setting('optkas.token', true), ''), 'UTF8'));
comment on function auth.presented_token_sha256() is
    'The SHA-256 of the token in the setting, verified or not; null without one.';

create or replace function auth.second_factor_at(_claims json)
returns timestamptz
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select to_timestamp(max(auth.json_integer(one, 'timestamp')))
        from json_array_elements(case json_typeof(_claims -> 'amr') when 'array' then _claims -> 'amr' end) as one
        where json_typeof(one) = 'object'
            and auth.json_string(one, 'method') in ('totp', 'mfa/phone', 'mfa/webauthn')
            -- What is presented to come has not been presented.
            and auth.json_integer(one, 'timestamp') between 1 and auth.json_integer(_claims, 'iat')
    );
end
$$;
comment on function auth.second_factor_at(json) is
    'The last time at which the claim amr, as Supabase Auth writes it, has a second factor. Null where it has none, or '
    'another form.';

create or replace function auth.verify_token(_token text)
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
            -- known: a key is no null
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
        when coalesce((claims -> 'is_anonymous')::text, 'false') is distinct from 'false' then 'is_anonymous'
        when coalesce(auth.json_string(claims, 'session_id'), '') = '' then 'session_id'
        -- Another application's token, which the person has allowed to act (OAuth 2.1).
        when claims -> 'client_id' is not null
            and (auth.json_string(claims, 'client_id') = any (expected.client_ids)) is not true then 'client_id'
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
        sha256(convert_to(_token, 'UTF8')), (claims ->> 'sub')::uuid, key.kid, expected.revision,
        to_timestamp(valid_from), to_timestamp(exp),
        substring(auth.json_string(claims, 'aal') from '^aal[12]$'), auth.second_factor_at(claims)
    )::auth.verified_token;
end
$$;
comment on function auth.verify_token(text) is
    'Verifies signature and claims of a Supabase Auth token (RFC 7515, RFC 7519, RFC 8725) against the registered '
    'keys. Raises OPK02 with the cause as DETAIL, for tests and the log. The caller learns nothing of the cause.';
