-- Checks of public keys: auth.signing_key takes only a key that passes. Names and steps are those of the standards that
-- each comment names.

create function fixed.inverse_mod(_a numeric, _modulus numeric)
returns numeric
language plpgsql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    -- Extended Euclid; a * t = r (mod modulus) holds for both pairs at every step.
    r0 numeric := _modulus;
    r1 numeric := _a;
    t0 numeric := 0;
    t1 numeric := 1;
    quotient numeric;
    remainder numeric;
begin
    while r1 <> 0 loop
        quotient := div(r0, r1);
        remainder := r0 - quotient * r1;
        r0 := r1;
        r1 := remainder;
        remainder := t0 - quotient * t1;
        t0 := t1;
        t1 := remainder;
    end loop;
    return case when t0 < 0 then t0 + _modulus else t0 end;
end
$$;
comment on function fixed.inverse_mod(numeric, numeric) is
    'The inverse of a number modulo a prime. The number is from 1 to the modulus less 1.';

create function fixed.little_endian(_octets bytea)
returns numeric
language plpgsql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    integer_value numeric := 0;
begin
    for i in reverse length(_octets) - 1 .. 0 loop
        integer_value := integer_value * 256 + get_byte(_octets, i);
    end loop;
    return integer_value;
end
$$;
comment on function fixed.little_endian(bytea) is
    'The non-negative integer of little-endian octets (RFC 8032 section 5.1.2).';

create function fixed.p256_on_curve(_x bytea, _y bytea)
returns boolean
language plpgsql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    p constant numeric := 115792089210356248762697446949407573530086143415290314195533631308867097853951;
    b constant numeric := 41058363725152142129326129780047268409114441015993725554835256314039467401291;
    x numeric;
    y numeric;
begin
    if length(_x) <> 32 or length(_y) <> 32 then
        return false;
    end if;
    x := fixed.os2ip(_x);
    y := fixed.os2ip(_y);
    return x < p and y < p and (y * y - (x * x * x - 3 * x + b)) % p = 0;
end
$$;
comment on function fixed.p256_on_curve(bytea, bytea) is
    'Whether two coordinates are a point of P-256 (SEC 1 section 3.2.2.1): 32 octets each, below p, and y^2 = x^3 - 3x '
    '+ b. The cofactor is 1, so every such point generates the whole group.';

create function fixed.rsa_key_formed(_n bytea, _e bytea)
returns boolean
language sql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        -- Octets are minimal (RFC 7518 section 2, Base64urlUInt); get_byte() needs at least one.
        when length(_n) not between 256 and 512 or length(_e) not between 3 and 4 then false
        when get_byte(_n, 0) = 0 or get_byte(_e, 0) = 0 then false
        -- 2048 bits at least.
        when length(_n) = 256 and get_byte(_n, 0) < 128 then false
        when get_byte(_n, length(_n) - 1) % 2 = 0 or get_byte(_e, length(_e) - 1) % 2 = 0 then false
        else _e > decode('010000', 'hex') or length(_e) > 3
    end
$$;
comment on function fixed.rsa_key_formed(bytea, bytea) is
    'Whether an RSA key has the form of one: an odd modulus of 2048 to 4096 bits, an odd exponent from 65537 (FIPS '
    '186-5 section 5.1) to 2^32. Both are big-endian without leading zero octets.';

create function fixed.rsa_modulus_weak(_n bytea)
returns boolean
language plpgsql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    n constant numeric := fixed.os2ip(_n);
    -- The product of the odd primes below 752.
    primorial constant numeric :=
        '109036770458900756603520216149438572201938340011965187447647876066414569797653'
        '338734366826340326602490063850586198047063895832245458155020344842149584276744'
        '979626117006973292189740065794479316396088641831369080887268041164681593453560'
        '544410298362920842256746157156858796376612380688145664802673341305396836361110'
        '5';
    -- The primes of the published fingerprint.
    primes constant int[] := array[
        3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
        107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167
    ];
    prime int;
    residue int;
    power int;
begin
    -- 1. The factors of 2^k - 1 are known.
    if encode(_n, 'hex') ~ '^0?[137f]?f*$' then
        return true;
    end if;
    -- 2. NIST SP 800-89 section 5.3.3: no factor below 752.
    if gcd(n, primorial) <> 1 then
        return true;
    end if;
    -- 3. CVE-2017-15361 (ROCA): modulo each of these primes the modulus is a power of 65537. Of random moduli, one in
    -- 2^27 is.
    foreach prime in array primes loop
        residue := (n % prime)::int;
        power := 1;
        while power <> residue loop
            power := power * (65537 % prime) % prime;
            if power = 1 then
                return false;
            end if;
        end loop;
    end loop;
    return true;
end
$$;
comment on function fixed.rsa_modulus_weak(bytea) is
    'Whether the factors of an RSA modulus are known or easily found: 2^k - 1, a factor below 752 (NIST SP 800-89 '
    'section 5.3.3), or the fingerprint of CVE-2017-15361 (ROCA).';

create function fixed.rsa_key_acceptable(_n bytea, _e bytea)
returns boolean
language sql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case when fixed.rsa_key_formed(_n, _e) then not fixed.rsa_modulus_weak(_n) else false end
$$;
comment on function fixed.rsa_key_acceptable(bytea, bytea) is
    'Whether an RSA key may verify tokens: it has the form of one, and its modulus is not weak.';

create function fixed.ed25519_point(_octets bytea)
returns numeric[]
language plpgsql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    -- Section 5.1.3.
    p constant numeric := 57896044618658097711785492504343953926634992332820282019728792003956564819949;
    d constant numeric := 37095705934669439343138083508754565189542113879843219016388785533085940283555;
    square_root_of_minus_1 constant numeric :=
        19681161376707505956807079304988542015446066515923890162744021073123829784752;
    exponent numeric := div(p + 3, 8);
    sign int;
    y numeric;
    square numeric;
    power numeric;
    x numeric := 1;
begin
    if length(_octets) <> 32 then
        return null;
    end if;
    -- 1. The sign of x is the highest bit; y is the rest, below p.
    sign := get_byte(_octets, 31) / 128;
    y := fixed.little_endian(set_byte(_octets, 31, get_byte(_octets, 31) % 128));
    if y >= p then
        return null;
    end if;
    -- 2. and 3. x^2 = (y^2 - 1) / (d y^2 + 1); a candidate for x is (x^2)^((p + 3) / 8).
    square := (y * y - 1) * fixed.inverse_mod((d * y * y + 1) % p, p) % p;
    power := square;
    while exponent > 0 loop
        if exponent % 2 = 1 then
            x := x * power % p;
        end if;
        power := power * power % p;
        exponent := div(exponent, 2);
    end loop;
    if (x * x - square) % p <> 0 then
        x := x * square_root_of_minus_1 % p;
    end if;
    if (x * x - square) % p <> 0 then
        return null;
    end if;
    -- 4. Zero has no sign. Otherwise x or p - x is taken, whichever has the sign.
    if x = 0 and sign = 1 then
        return null;
    end if;
    if x % 2 <> sign then
        x := p - x;
    end if;
    return array[x, y, 1, x * y % p];
end
$$;
comment on function fixed.ed25519_point(bytea) is
    'The point that 32 octets encode (RFC 8032 section 5.1.3); null if they encode none.';

create function fixed.ed25519_key_acceptable(_x bytea)
returns boolean
language plpgsql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return fixed.ed25519_point(_x) is not null
        and fixed.little_endian(set_byte(_x, 31, get_byte(_x, 31) % 128)) not in (
            0,
            1,
            57896044618658097711785492504343953926634992332820282019728792003956564819948,
            2707385501144840649318225287225658788936804267575313519463743609750303402022,
            55188659117513257062467267217118295137698188065244968500265048394206261417927
        );
end
$$;
comment on function fixed.ed25519_key_acceptable(bytea) is
    'Whether octets may be an Ed25519 public key: the canonical octets of a point A with 8A not neutral. Anybody signs '
    'for the eight points of small order. They have five values of y.';
