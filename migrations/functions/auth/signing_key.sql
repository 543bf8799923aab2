-- Signing keys: the parts of gateway.sync_jwks and gateway.retire_key. A kid means one key for ever; a key that is no
-- longer published is retired.

create or replace function auth.jwk_thumbprint(_key auth.signing_key)
returns bytea
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    x text := auth.base64url_encode(_key.x);
    y text := auth.base64url_encode(_key.y);
    n text := auth.base64url_encode(_key.n);
    e text := auth.base64url_encode(_key.e);
begin
    -- Section 3.2: the required members in the order of their names, without white space.
    return fixed.text_sha256(case _key.algorithm
        when 'ES256' then '{"crv":"P-256","kty":"EC","x":"' || x || '","y":"' || y || '"}'
        when 'RS256' then '{"e":"' || e || '","kty":"RSA","n":"' || n || '"}'
        when 'EdDSA' then '{"crv":"Ed25519","kty":"OKP","x":"' || x || '"}'
    end);
end
$$;
comment on function auth.jwk_thumbprint(auth.signing_key) is
    'The SHA-256 thumbprint of a key (RFC 7638, RFC 8037 appendix A.3). Null without one of the members.';

create or replace function auth.is_retired_for_ever(_key auth.signing_key)
returns boolean
language sql
stable
return exists (select from auth.retired_key as r where r.thumbprint = auth.jwk_thumbprint(_key));
comment on function auth.is_retired_for_ever(auth.signing_key) is
    'Whether the key, under any kid, is one that never verifies a token again.';

create or replace function auth.pin_signing_key()
returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    same auth.signing_key := old;
begin
    same.retired_at := new.retired_at;
    -- known: a trigger's operation
    if tg_op = 'UPDATE' and new is distinct from same then
        raise exception using errcode = 'OPK04', message = 'auth.signing_key changes in nothing but retired_at';
    end if;
    if new.retired_at is null and auth.is_retired_for_ever(new) is not false then
        raise exception using errcode = 'OPK04', message = 'this key is retired for ever';
    end if;
    return new;
end
$$;
comment on function auth.pin_signing_key() is
    'A kid means the same key for ever, and a key that is retired for ever never comes into force.';

create or replace function auth.published_keys(_keys jsonb)
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
    'The rows of a published set [{kid, algorithm, x, y, n, e}], whose octets are in hexadecimal.';

create or replace function auth.usable_keys(_keys jsonb)
returns setof auth.signing_key
language sql
stable
begin atomic
    select p.*
    from auth.published_keys(_keys) as p
    where auth.is_retired_for_ever(p) is not true;
end;
comment on function auth.usable_keys(jsonb) is
    'The rows of a published set without the keys that are retired for ever: as if those were not published.';

create or replace function auth.is_key_acceptable(_key auth.signing_key)
returns boolean
language sql
stable
return length(_key.kid) between 1 and 255 and case _key.algorithm
    when 'ES256' then num_nulls(_key.n, _key.e) = 2 and fixed.p256_on_curve(_key.x, _key.y)
    when 'RS256' then num_nulls(_key.x, _key.y) = 2 and fixed.rsa_key_acceptable(_key.n, _key.e)
    when 'EdDSA' then num_nulls(_key.y, _key.n, _key.e) = 3 and fixed.ed25519_key_acceptable(_key.x)
end;
comment on function auth.is_key_acceptable(auth.signing_key) is
    'Whether the constraint of auth.signing_key accepts the key. Asked before the insert, so that the refusal has a '
    'name.';

create or replace function auth.claim_key_change(_attempt text, _change text, _kid text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    known ledger.reply := ledger.claim_system(_kid, jsonb_build_object(
        'attempt', _attempt, 'client_key', _change || ':' || _attempt, 'body', _change
    ));
begin
    -- What was changed before is not due again, unless the issuer changed its mind in between; then the
    -- invocation is another one.
    if known.outcome is not null then
        raise exception using errcode = 'OPK04', message = 'key-change-repeated';
    end if;
end
$$;
comment on function auth.claim_key_change(text, text, text) is
    'Claims the commitment of one key''s coming into force, or of its retirement.';

create or replace function auth.refuse_key_set(_attempt text, _name text, _keys jsonb, _members jsonb)
returns ledger.reply
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    known ledger.reply := ledger.claim_system('', jsonb_build_object(
        'attempt', _attempt, 'client_key', _attempt, 'body', _keys::text
    ));
begin
    if known.outcome is not null then
        return known;
    end if;
    return ledger.conclude_refused(null, _name, _members::text);
end
$$;
comment on function auth.refuse_key_set(text, text, jsonb, jsonb) is
    'Records that a published key set was refused, and why.';
