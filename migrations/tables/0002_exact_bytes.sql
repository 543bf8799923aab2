-- Exact bytes: hashes, and integers of octets, that stored rows are checked or computed with. Each hash has a tag of
-- its own, so that no hash of one purpose passes for one of another.

-- `shared::commitment` has the same construction; a test holds the two equal.
create function fixed.tagged_hash(_tag text, variadic _fields bytea[])
returns bytea
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    tag bytea := sha256(convert_to(_tag, 'UTF8'));
    bytes bytea := tag || tag;
    field bytea;
begin
    foreach field in array _fields loop
        bytes := bytes || int8send(octet_length(field)) || field;
    end loop;
    return sha256(bytes);
end
$$;
comment on function fixed.tagged_hash(text, bytea[]) is
    'A hash of fields under a tag: SHA256(SHA256(tag) || SHA256(tag) || u64be(length) || field || …). The lengths '
    'keep octets from moving between fields; the tag keeps purposes apart (BIP 340).';

create function fixed.commitment_key()
returns bytea
language sql
stable
return decode(nullif(current_setting('optkas.commitment', true), ''), 'hex');
comment on function fixed.commitment_key() is 'The key of the claim in force; null without one.';

-- Texts, and what people write differently.
create function fixed.text_sha256(_text text)
returns bytea
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return sha256(convert_to(_text, 'UTF8'));
end
$$;
comment on function fixed.text_sha256(text) is 'The SHA-256 of a text in UTF-8.';

create function fixed.plain(_identifier text)
returns text
language sql
immutable
parallel safe
return regexp_replace(upper(_identifier collate "C"), '[^A-Z0-9]', '', 'g');
comment on function fixed.plain(text) is
    'An identifier as capital letters and digits only, so that two spellings are one identifier.';

create function fixed.asset_fingerprint(_identified_by text, _identifier text)
returns bytea
-- Not SQL, which would be inlined: convert_to is not immutable by declaration, though to UTF8 it is.
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return fixed.tagged_hash(
        'optkas/asset-fingerprint/v1',
        convert_to(_identified_by, 'UTF8'),
        convert_to(fixed.plain(_identifier), 'UTF8')
    );
end
$$;
comment on function fixed.asset_fingerprint(text, text) is
    'What makes an asset one thing: the LEI of the party that gave the identifier, and the identifier. The kind is '
    'left out, so one thing under two kinds stays one.';

-- Risk runs.
create function fixed.risk_run_id(_key bytea)
returns uuid
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    bytes bytea := substring(fixed.tagged_hash('optkas/risk-run/v1', _key) for 16);
begin
    bytes := set_byte(bytes, 6, (get_byte(bytes, 6) & 15) | 128);
    bytes := set_byte(bytes, 8, (get_byte(bytes, 8) & 63) | 128);
    return encode(bytes, 'hex')::uuid;
end
$$;
comment on function fixed.risk_run_id(bytea) is
    'The id of a risk run, derived from its commitment (UUID version 8, RFC 9562). The id chooses the random numbers, '
    'so the function that has seen results must not choose the id.';

-- Integers of octets: public keys use them, and the exclusion constraint of pledges.
create function fixed.os2ip(_octets bytea)
returns numeric
language plpgsql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    -- Seven octets at a time: a bigint holds so many beside its sign.
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
comment on function fixed.os2ip(bytea) is
    'The non-negative integer of big-endian octets (RFC 8017 section 4.2, SEC 1 section 2.3.8).';

-- Room: how a facility's limit is spread, and what a settlement has taken of it.
-- In PL/pgSQL, since a check would have an SQL function inlined at each statement.
create function fixed.slots(_secured boolean)
returns int4
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    -- A verification in a secured facility reads all that is utilised, since the base must bear it. More slots would
    -- make it read more rows, and wait no less.
    return case _secured when true then 1 when false then 64 end;
end
$$;
comment on function fixed.slots(boolean) is 'The number of slots of a facility, secured or not.';

create function fixed.slot_share(_minor bigint, _slots int4, _slot int4)
returns bigint
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return _minor / _slots + (_slot < _minor % _slots)::int4;
end
$$;
comment on function fixed.slot_share(bigint, int4, int4) is
    'The share of one slot in an amount that is spread evenly. The first slots have what does not divide.';

create function fixed.is_taken(_slots int4[], _amounts_minor bigint[], _amount_minor bigint)
returns boolean
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    missing bigint := _amount_minor;
    previous int4 := -1;
begin
    if (cardinality(_slots) = cardinality(_amounts_minor)) is not true then
        return false;
    end if;
    for place in 1 .. cardinality(_slots) loop
        if (_slots[place] > previous and _amounts_minor[place] between 1 and missing) is not true then
            return false;
        end if;
        previous := _slots[place];
        missing := missing - _amounts_minor[place];
    end loop;
    return (missing = 0) is true;
end
$$;
comment on function fixed.is_taken(int4[], bigint[], bigint) is
    'Whether amounts out of slots, each slot once and in order, make up an amount.';
