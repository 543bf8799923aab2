-- Signing keys: the parts of gateway.sync_jwks. A kid means one key for ever; a key that is no longer published is
-- retired.

create or replace function auth.pin_signing_key()
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

create or replace function auth.is_key_acceptable(_key auth.signing_key)
returns boolean
language sql
stable
return length(_key.kid) between 1 and 255 and case _key.algorithm
    when 'ES256' then num_nulls(_key.n, _key.e) = 2 and fixed.p256_on_curve(_key.x, _key.y)
    when 'RS256' then num_nulls(_key.x, _key.y) = 2 and fixed.rsa_key_acceptable(_key.n, _key.e)
    when 'EdDSA' then num_nulls(_key.y, _key.n, _key.e) = 3 and fixed.ed25519_point(_key.x) is not null
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
