-- Signatures of tokens, verified by the database itself, on built-in types alone: no extension, so it runs
-- wherever PostgreSQL 15 to 18 does.
--
-- Everything here handles public data (tokens' text, signatures, public keys), so nothing has to take
-- constant time, and nothing does. There is no private key and no signing in this database.
--
-- One rule for bad input: a decoder returns null, a verifier returns false. Neither raises, whatever the
-- octets. All are strict: null in, null out; callers refuse what `is not true`.
--
-- A big integer is a `numeric` without fraction. numeric is exact at this size: addition and multiplication
-- never round, div() truncates, and % takes the dividend's sign.

-- ---------------------------------------------------------------------------------------------
-- Decoding.

create function auth.base64url_decode(_text text)
returns bytea
language plpgsql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    octets bytea;
begin
    -- The alphabet first, since decode() raises; a length of 4n + 1 encodes nothing.
    if _text !~ '^[A-Za-z0-9_-]*$' or length(_text) % 4 = 1 then
        return null;
    end if;
    octets := decode(rpad(translate(_text, '-_', '+/'), (length(_text) + 3) / 4 * 4, '='), 'base64');
    -- Stray bits after the last octet are refused by encoding again; encode() breaks lines at 76.
    return case when translate(encode(octets, 'base64'), E'+/=\n', '-_') = _text then octets end;
end
$$;
comment on function auth.base64url_decode(text) is
    'RFC 7515 section 2 and RFC 4648 section 5: unpadded, canonical base64url. Null for any other text.';

create function auth.json_object_strict(_octets bytea)
returns json
language plpgsql
immutable
strict
-- The handler below is a subtransaction, which a parallel plan cannot have.
parallel unsafe
set search_path = pg_catalog, pg_temp
as $$
declare
    object json;
    duplicates boolean;
begin
    object := convert_from(_octets, 'UTF8')::json;
    -- jsonb has to read every string and number: it refuses U+0000 and lone surrogates, which json keeps.
    perform object::jsonb;
    if json_typeof(object) <> 'object' then
        return null;
    end if;

    with recursive node (value) as (
        select object
        union all
        select child.value
        from node
        cross join lateral (
            select member.value
            from json_each(case json_typeof(node.value) when 'object' then node.value end) as member
            union all
            select element.value
            from json_array_elements(case json_typeof(node.value) when 'array' then node.value end) as element
        ) as child
    )
    select coalesce(bool_or(names.duplicates), false)
    into duplicates
    from node
    cross join lateral (
        -- Names are compared after their escapes are resolved.
        select count(*) > count(distinct name) as duplicates
        from json_object_keys(case json_typeof(node.value) when 'object' then node.value end) as name
    ) as names;
    return case when not duplicates then object end;
exception
    -- Not UTF-8, not JSON, U+0000, a number out of range; nested deeper than the stack allows.
    when data_exception or statement_too_complex then
        return null;
end
$$;
comment on function auth.json_object_strict(bytea) is
    'RFC 8259, one meaning only: a UTF-8 JSON object without duplicate member names, U+0000 or lone surrogates '
    'at any depth. json, not jsonb: a number keeps its spelling. Null for anything else.';

create function auth.os2ip(_octets bytea)
returns numeric
language plpgsql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    -- Seven octets at a time: as many as a bigint holds without its sign.
    padded bytea := decode(repeat('00', (7 - length(_octets) % 7) % 7), 'hex') || _octets;
    integer_value numeric := 0;
begin
    for i in 1 .. length(padded) by 7 loop
        integer_value := integer_value * 72057594037927936
            + ('x' || encode(substr(padded, i, 7), 'hex'))::bit(56)::bigint;
    end loop;
    return integer_value;
end
$$;
comment on function auth.os2ip(bytea) is
    'RFC 8017 section 4.2, SEC 1 section 2.3.8: the big-endian non-negative integer of these octets.';

create function auth.inverse_mod(_a numeric, _modulus numeric)
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
comment on function auth.inverse_mod(numeric, numeric) is
    'The inverse of a modulo a prime; a is in [1, modulus - 1].';
