-- Exact bytes: hashes and integers that stored rows are checked or computed with.

-- Exact bytes. The same construction as `shared::commitment`; a test holds the two equal.
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
    'SHA256(SHA256(tag) || SHA256(tag) || u64be(length) || field || …): no field can be shifted into another, no hash of one purpose taken for another (BIP 340 style tags).';

create function fixed.commitment_key()
returns bytea
language sql
stable
return decode(nullif(current_setting('optkas.commitment', true), ''), 'hex');
comment on function fixed.commitment_key() is 'Of the claim in force; null without one.';

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
comment on function fixed.text_sha256(text) is 'SHA-256 of a text in UTF-8.';

create function fixed.plain(_identifier text)
returns text
language sql
immutable
parallel safe
return regexp_replace(upper(_identifier collate "C"), '[^A-Z0-9]', '', 'g');
comment on function fixed.plain(text) is 'An identifier without what people write differently: capitals, and letters and digits alone.';

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
    'What an asset is: the LEI of whoever gave the identifier, and the identifier. The kind is not in it, so one thing under two kinds is one thing.';

-- Runs.
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
    'The run''s id, from its commitment (UUID version 8, RFC 9562): it chooses the random numbers, so the function that has seen results may not choose it.';

create function fixed.os2ip(_octets bytea)
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
comment on function fixed.os2ip(bytea) is
    'RFC 8017 section 4.2, SEC 1 section 2.3.8: the big-endian non-negative integer of these octets.';
