-- Decoding of tokens: base64url and JSON, each with one meaning only. A text that two readers could read differently is
-- refused.

create or replace function auth.base64url_decode(_text text)
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
    'The octets of canonical base64url without padding (RFC 7515 section 2, RFC 4648 section 5). Null for any other '
    'text.';

create or replace function auth.base64url_encode(_octets bytea)
returns text
language sql
immutable
parallel safe
-- encode() pads, and breaks lines at 76.
return translate(encode(_octets, 'base64'), E'+/=\n', '-_');
comment on function auth.base64url_encode(bytea) is 'Base64url without padding (RFC 7515 section 2).';

create or replace function auth.json_within_limits(_json text)
returns boolean
language plpgsql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    -- JSON without its texts: they may contain anything. E, since a session can change what a backslash means without.
    bare constant text := regexp_replace(_json, E'"(?:[^"\\\\]|\\\\.)*"', '', 'g');
    brackets text := translate(regexp_replace(bare, '[^][{}]+', '', 'g'), '{}', '[]');
begin
    for depth in 1 .. 32 loop
        exit when brackets = '';
        brackets := replace(brackets, '[]', '');
    end loop;
    return brackets = '' and bare !~ '[-+.0-9eE]{33}' and bare !~ '[eE][-+]?[0-9]{3}';
end
$$;
comment on function auth.json_within_limits(text) is
    'Whether a JSON text is nested at most 32 deep, and has no number of more than 32 characters or of an exponent of '
    'more than two digits. What is within costs little to read, and means the same to every reader. False, too, where '
    'brackets do not match.';

create or replace function auth.json_object_strict(_octets bytea)
returns json
language plpgsql
immutable
strict
-- The handler below is a subtransaction, which a parallel plan cannot have.
parallel unsafe
set search_path = pg_catalog, pg_temp
as $$
declare
    written text;
    object json;
    duplicates boolean;
begin
    written := convert_from(_octets, 'UTF8');
    if not auth.json_within_limits(written) then
        return null;
    end if;
    object := written::json;
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
        -- Only what may contain an object is looked into.
        where json_typeof(child.value) in ('object', 'array')
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
    -- Not UTF-8, not JSON, U+0000.
    when data_exception then
        return null;
end
$$;
comment on function auth.json_object_strict(bytea) is
    'A JSON object (RFC 8259) in UTF-8. At no depth may it have duplicate member names, U+0000 or lone surrogates, '
    'and it must be within the limits of auth.json_within_limits. The type json, unlike jsonb, keeps the spelling of '
    'numbers. Null for anything else.';

-- Members of a decoded object.
create or replace function auth.json_string(_object json, _name text)
returns text
language sql
immutable
strict
parallel safe
return case when json_typeof(_object -> _name) = 'string' then _object ->> _name end;
comment on function auth.json_string(json, text) is 'The member, if it is a string; otherwise null.';

create or replace function auth.json_integer(_object json, _name text)
returns bigint
language sql
immutable
strict
parallel safe
return case
    when json_typeof(_object -> _name) = 'number' and _object ->> _name ~ '^(0|-?[1-9][0-9]{0,17})$'
    then (_object ->> _name)::bigint
end;
comment on function auth.json_integer(json, text) is
    'The member, if it is a number written as an integer of at most 18 digits; otherwise null. 1e3 and 1.0 are not '
    'written so.';
