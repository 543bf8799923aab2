-- RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 section 8.2.2).

create or replace function auth.verify_rs256(_message bytea, _signature bytea, _n bytea, _e bytea)
returns boolean
language plpgsql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    k constant int := length(_n);
    -- DER of DigestInfo's start: AlgorithmIdentifier of SHA-256 with NULL, OCTET STRING of 32 (section 9.2).
    digest_info constant bytea := decode('3031300d060960864801650304020105000420', 'hex');
    exponent bigint;
    n numeric;
    s numeric;
    m numeric := 1;
    encoded_message bytea;
begin
    -- 1. Length checking; here, also of a key that is not one.
    if not fixed.rsa_key_formed(_n, _e) or length(_signature) <> k then
        return false;
    end if;

    -- 2a. and 2b. RSAVP1: s in [0, n - 1], then m = s^e mod n, from the exponent's highest bit down.
    n := fixed.os2ip(_n);
    s := fixed.os2ip(_signature);
    if s >= n then
        return false;
    end if;
    exponent := fixed.os2ip(_e);
    for bit in reverse 31 .. 0 loop
        m := m * m % n;
        if exponent >> bit & 1 = 1 then
            m := m * s % n;
        end if;
    end loop;

    -- 3. EMSA-PKCS1-v1_5: the one encoding, built, never parsed.
    encoded_message := decode('0001' || repeat('ff', k - 54) || '00', 'hex')
        || digest_info || sha256(_message);

    -- 2c. and 4. Equal integers below 256^k are equal strings of k octets.
    return m = fixed.os2ip(encoded_message);
end
$$;
comment on function auth.verify_rs256(bytea, bytea, bytea, bytea) is
    'Whether an RSASSA-PKCS1-v1_5 signature with SHA-256 holds: message, signature, modulus, exponent. False for a '
    'signature or key that is malformed, out of range or wrong.';
