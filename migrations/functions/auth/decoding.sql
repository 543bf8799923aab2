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
    'A JSON object (RFC 8259) in UTF-8. At no depth may it have duplicate member names, U+0000 or lone surrogates. The '
    'type json, unlike jsonb, keeps the spelling of numbers. Null for anything else.';

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
