-- ECDSA on P-256 with SHA-256 (RFC 7518 section 3.4), in exact numerics. A token is verified once; the memo of verified
-- tokens spares the rest.

create or replace function auth.p256_reduce(_t numeric)
returns numeric
language sql
immutable
strict
parallel safe
-- The quotient is a product with 1/p to 160 places, four times as fast as %. Only multiples of p are subtracted, so its
-- precision decides how small the residue is, never which residue it is. For |t| < 2^500 p the residue lies between -p
-- and p, or beyond by less than p / 1000.
-- A parsed body has no search path to pin, and without SET the planner inlines it.
return _t - 115792089210356248762697446949407573530086143415290314195533631308867097853951
    * trunc(_t * numeric '0.00000000000000000000000000000000000000000000000000000000000000000000000000000863'
        '61685571052093087723006588394239919487907909901666852580479680383485542315347198');

create or replace function auth.p256_double(_a numeric[])
returns numeric[]
language plpgsql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    -- "dbl-2001-b" of the Explicit-Formulas Database, for curves with a = -3. Infinity stays infinity, and no
    -- point of P-256 has y = 0.
    x numeric := _a[1];
    y numeric := _a[2];
    z numeric := _a[3];
    delta numeric := auth.p256_reduce(z * z);
    gamma numeric := auth.p256_reduce(y * y);
    beta numeric := auth.p256_reduce(x * gamma);
    alpha numeric := auth.p256_reduce(3 * (x - delta) * (x + delta));
begin
    x := auth.p256_reduce(alpha * alpha - 8 * beta);
    z := auth.p256_reduce(2 * y * z);
    y := auth.p256_reduce(alpha * (4 * beta - x) - 8 * gamma * gamma);
    return array[x, y, z];
end
$$;

create or replace function auth.p256_add(_a numeric[], _b numeric[])
returns numeric[]
language plpgsql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    -- "add-1998-cmo-2" of the Explicit-Formulas Database, with its exceptional cases.
    p constant numeric := 115792089210356248762697446949407573530086143415290314195533631308867097853951;
    z1 numeric := _a[3];
    z2 numeric := _b[3];
    z1z1 numeric;
    z2z2 numeric;
    u1 numeric;
    s1 numeric;
    h numeric;
    r numeric;
    hh numeric;
    hhh numeric;
    v numeric;
    x numeric;
    y numeric;
begin
    if z1 = 0 then
        return _b;
    elsif z2 = 0 then
        return _a;
    end if;

    z1z1 := auth.p256_reduce(z1 * z1);
    z2z2 := auth.p256_reduce(z2 * z2);
    u1 := auth.p256_reduce(_a[1] * z2z2);
    h := auth.p256_reduce(_b[1] * z1z1 - u1);
    s1 := auth.p256_reduce(z2 * z2z2);
    s1 := auth.p256_reduce(_a[2] * s1);
    r := auth.p256_reduce(z1 * z1z1);
    r := auth.p256_reduce(_b[2] * r - s1);
    if h % p = 0 then
        -- The same x: either the same point, or the negative.
        return case when r % p = 0 then auth.p256_double(_a) else array[1, 1, 0] end;
    end if;

    hh := auth.p256_reduce(h * h);
    hhh := auth.p256_reduce(h * hh);
    v := auth.p256_reduce(u1 * hh);
    x := auth.p256_reduce(r * r - hhh - 2 * v);
    y := auth.p256_reduce(r * (v - x) - s1 * hhh);
    hh := auth.p256_reduce(z1 * z2);
    return array[x, y, auth.p256_reduce(hh * h)];
end
$$;

create or replace function auth.verify_es256(_message bytea, _signature bytea, _x bytea, _y bytea)
returns boolean
language plpgsql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    p constant numeric := 115792089210356248762697446949407573530086143415290314195533631308867097853951;
    n constant numeric := 115792089210356248762697446949407573529996955224135760342422259061068512044369;
    generator constant numeric[] := array[
        48439561293906451759052585252797914202762949526041747995844080717082404635286,
        36134250956749795798585127919587881956611106672985015071877198253568414405109,
        1
    ];
    public_key numeric[];
    r numeric;
    s numeric;
    e numeric;
    inverse numeric;
    u1 numeric;
    u2 numeric;
    -- The sixteen points i * generator + j * public_key for i, j in 0 .. 3, one after the other: the three
    -- coordinates of number i + 4j start at 3 * (i + 4j) + 1. Infinity is the first.
    multiples numeric[] := array[1, 1, 0];
    digits int[];
    sum numeric[] := array[1, 1, 0];
    zz numeric;
begin
    if length(_signature) <> 64 or not fixed.p256_on_curve(_x, _y) then
        return false;
    end if;

    -- 1. Refuse r and s outside [1, n - 1].
    r := fixed.os2ip(substr(_signature, 1, 32));
    s := fixed.os2ip(substr(_signature, 33, 32));
    if r < 1 or r >= n or s < 1 or s >= n then
        return false;
    end if;

    -- 2. and 3. The hash has as many bits as n: e is the whole of it.
    e := fixed.os2ip(sha256(_message));

    -- 4. u1 = e / s, u2 = r / s (mod n).
    inverse := fixed.inverse_mod(s, n);
    u1 := e * inverse % n;
    u2 := r * inverse % n;

    -- 5. R = u1 * generator + u2 * public_key, two bits of both scalars at a time (Straus, also known as
    -- Shamir's trick).
    public_key := array[fixed.os2ip(_x), fixed.os2ip(_y), 1];
    for k in 1 .. 15 loop
        multiples := multiples || case
            when k % 4 > 0 then auth.p256_add(multiples[3 * k - 2 : 3 * k], generator)
            else auth.p256_add(multiples[3 * k - 11 : 3 * k - 9], public_key)
        end;
    end loop;
    for i in 1 .. 128 loop
        digits[i] := u1 % 4 + 4 * (u2 % 4);
        u1 := div(u1, 4);
        u2 := div(u2, 4);
    end loop;
    for i in reverse 128 .. 1 loop
        sum := auth.p256_double(auth.p256_double(sum));
        if digits[i] > 0 then
            sum := auth.p256_add(sum, multiples[3 * digits[i] + 1 : 3 * digits[i] + 3]);
        end if;
    end loop;
    if sum[3] = 0 then
        return false;
    end if;

    -- 6. to 8. The affine x of R, modulo n, must be r. Instead of dividing X by Z^2, multiply what x may be:
    -- r, or r + n where that is still below p.
    zz := auth.p256_reduce(sum[3] * sum[3]);
    return (sum[1] - r * zz) % p = 0
        or (r + n < p and (sum[1] - (r + n) * zz) % p = 0);
end
$$;
comment on function auth.verify_es256(bytea, bytea, bytea, bytea) is
    'Whether an ECDSA signature on P-256 with SHA-256 holds: message, signature r || s of 64 octets, affine public '
    'key. False for a signature or key that is malformed, out of range or wrong.';
