-- RS256: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 section 3.3, RFC 8017 section 8.2.2).

create function auth.rsa_key_acceptable(_n bytea, _e bytea)
returns boolean
language sql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        -- Minimal octets (RFC 7518 section 2, Base64urlUInt), which get_byte() needs there to be.
        when length(_n) not between 256 and 512 or length(_e) not between 3 and 4 then false
        when get_byte(_n, 0) = 0 or get_byte(_e, 0) = 0 then false
        -- 2048 bits at least.
        when length(_n) = 256 and get_byte(_n, 0) < 128 then false
        when get_byte(_n, length(_n) - 1) % 2 = 0 or get_byte(_e, length(_e) - 1) % 2 = 0 then false
        else _e > '\x010000' or length(_e) > 3
    end
$$;
comment on function auth.rsa_key_acceptable(bytea, bytea) is
    'An odd modulus of 2048 to 4096 bits and an odd exponent of 65537 (FIPS 186-5 section 5.1) to 2^32, both '
    'big-endian without leading zero octets.';

create function auth.verify_rs256(_message bytea, _signature bytea, _n bytea, _e bytea)
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
    digest_info constant bytea := '\x3031300d060960864801650304020105000420';
    exponent bigint;
    n numeric;
    s numeric;
    m numeric := 1;
    encoded_message bytea;
begin
    -- 1. Length checking; here, also of a key that is not one.
    if not auth.rsa_key_acceptable(_n, _e) or length(_signature) <> k then
        return false;
    end if;

    -- 2a. and 2b. RSAVP1: s in [0, n - 1], then m = s^e mod n, from the exponent's highest bit down.
    n := auth.os2ip(_n);
    s := auth.os2ip(_signature);
    if s >= n then
        return false;
    end if;
    exponent := auth.os2ip(_e);
    for bit in reverse 31 .. 0 loop
        m := m * m % n;
        if exponent >> bit & 1 = 1 then
            m := m * s % n;
        end if;
    end loop;

    -- 3. EMSA-PKCS1-v1_5: the one encoding, built, never parsed.
    encoded_message := '\x0001'::bytea || decode(repeat('ff', k - 54), 'hex') || '\x00'
        || digest_info || sha256(_message);

    -- 2c. and 4. Equal integers below 256^k are equal strings of k octets.
    return m = auth.os2ip(encoded_message);
end
$$;
comment on function auth.verify_rs256(bytea, bytea, bytea, bytea) is
    'RSASSA-PKCS1-v1_5 with SHA-256: message, signature, modulus, exponent. False for a signature or key that '
    'is malformed, out of range or wrong.';
