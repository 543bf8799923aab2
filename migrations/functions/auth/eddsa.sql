-- Ed25519 (RFC 8032), in exact numerics. A token is verified once; the memo of verified tokens spares the rest.

create or replace function auth.ed25519_reduce(_t numeric)
returns numeric
language sql
immutable
strict
parallel safe
-- See auth.p256_reduce; here p = 2^255 - 19.
return _t - 57896044618658097711785492504343953926634992332820282019728792003956564819949
    * trunc(_t * numeric '0.00000000000000000000000000000000000000000000000000000000000000000000000000001727'
        '23371101888892507727037256007991422320007288725627700474069403371836063305224548');

create or replace function auth.ed25519_add(_a numeric[], _b numeric[])
returns numeric[]
language plpgsql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    -- Section 5.1.4. The formula is complete: it also doubles, and knows no exceptional case.
    a numeric := auth.ed25519_reduce((_a[2] - _a[1]) * (_b[2] - _b[1]));
    b numeric := auth.ed25519_reduce((_a[2] + _a[1]) * (_b[2] + _b[1]));
    c numeric := auth.ed25519_reduce(_a[4] * _b[4]);
    d numeric := auth.ed25519_reduce(2 * _a[3] * _b[3]);
    e numeric := b - a;
    f numeric;
    g numeric;
    h numeric := b + a;
begin
    c := auth.ed25519_reduce(c * 16295367250680780974490674513165176452449235426866156013048779062215315747161);
    f := d - c;
    g := d + c;
    return array[
        auth.ed25519_reduce(e * f),
        auth.ed25519_reduce(g * h),
        auth.ed25519_reduce(f * g),
        auth.ed25519_reduce(e * h)
    ];
end
$$;

create or replace function auth.verify_eddsa(_message bytea, _signature bytea, _x bytea)
returns boolean
language plpgsql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    p constant numeric := 57896044618658097711785492504343953926634992332820282019728792003956564819949;
    -- The order of the base point.
    l constant numeric := 7237005577332262213973186563042994240857116359379907606001950938285454250989;
    base constant numeric[] := array[
        15112221349535400772501151409588531511454012693041857206046113283949847762202,
        46316835694926478169428394003475163141307993866256225615783033603165251855960,
        1,
        46827403850823179245072216630277197565144205554125654976674165829533817101731
    ];
    public_key numeric[] := fixed.ed25519_point(_x);
    s numeric;
    k numeric;
    -- The sixteen points i * base + j * -public_key, four coordinates each; the neutral point first.
    multiples numeric[] := array[0, 1, 1, 0];
    digits int[];
    sum numeric[] := array[0, 1, 1, 0];
    inverse numeric;
    x numeric;
    y numeric;
begin
    -- 1. S in [0, L - 1], and a public key that is a point. R is not decoded: it is compared below.
    if length(_signature) <> 64 or public_key is null then
        return false;
    end if;
    s := fixed.little_endian(substr(_signature, 33, 32));
    if s >= l then
        return false;
    end if;

    -- 2. k = SHA-512(R || A || M).
    k := fixed.little_endian(sha512(substr(_signature, 1, 32) || _x || _message)) % l;

    -- 3. [S]B = R + [k]A without the cofactor, as `ring` checks it: the octets of [S]B - [k]A are R's.
    public_key := array[-public_key[1], public_key[2], 1, -public_key[4]];
    for i in 1 .. 15 loop
        multiples := multiples || case
            when i % 4 > 0 then auth.ed25519_add(multiples[4 * i - 3 : 4 * i], base)
            else auth.ed25519_add(multiples[4 * i - 15 : 4 * i - 12], public_key)
        end;
    end loop;
    for i in 1 .. 127 loop
        digits[i] := s % 4 + 4 * (k % 4);
        s := div(s, 4);
        k := div(k, 4);
    end loop;
    for i in reverse 127 .. 1 loop
        sum := auth.ed25519_add(sum, sum);
        sum := auth.ed25519_add(sum, sum);
        sum := auth.ed25519_add(sum, multiples[4 * digits[i] + 1 : 4 * digits[i] + 4]);
    end loop;
    inverse := fixed.inverse_mod((sum[3] % p + p) % p, p);
    x := (sum[1] * inverse % p + p) % p;
    y := (sum[2] * inverse % p + p) % p;
    -- Section 5.1.2: y, and the lowest bit of x in the highest bit.
    return fixed.little_endian(substr(_signature, 1, 32)) = y + x % 2
        * 57896044618658097711785492504343953926634992332820282019728792003956564819968;
end
$$;
comment on function auth.verify_eddsa(bytea, bytea, bytea) is
    'Whether an Ed25519 signature holds: message, signature R || S of 64 octets, public key of 32. The cofactor is not '
    'used, as RFC 8032 section 5.1.7 allows. False for a signature or key that is malformed, out of range or wrong.';
