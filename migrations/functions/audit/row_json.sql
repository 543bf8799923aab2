-- Changes as replies show them.

create or replace function audit.row_json(_table text, _row jsonb)
returns jsonb
language sql
stable
return (
    select jsonb_object_agg(m.key, case
        when m.value = 'null' then m.value
        when c.type = 'bytea'::regtype then to_jsonb(substr(m.value #>> '{}', 3))
        when c.type = 'timestamptz'::regtype then to_jsonb(ledger.rfc3339((m.value #>> '{}')::timestamptz))
        when c.type in ('int8'::regtype, 'numeric'::regtype) then to_jsonb(m.value #>> '{}')
        when c.type = 'int8[]'::regtype then (
            select jsonb_agg(e.value #>> '{}' order by e.place)
            from jsonb_array_elements(m.value) with ordinality as e (value, place)
        )
        else m.value
    end)
    from jsonb_each(_row) as m
    left join (
        select a.attname::text as name, coalesce(nullif(t.typbasetype, 0), t.oid) as type
        from pg_attribute as a
        join pg_type as t on t.oid = a.atttypid
        where a.attrelid = to_regclass(_table) and a.attnum > 0
    ) as c on c.name = m.key
);
comment on function audit.row_json(text, jsonb) is
    'A row of that table as replies show it: 64-bit numbers as strings of digits, instants as RFC 3339, octets in '
    'hexadecimal without a prefix. The hash of an entry is of the row as the trail has it.';

create or replace function audit.changes(_entry audit.trail)
returns table (
    id bigint,
    place int4,
    commitment_key bytea,
    allocator_id uuid,
    table_name text,
    row_key jsonb,
    command text,
    old_row jsonb,
    new_row jsonb
)
language sql
stable
begin atomic
    select
        (_entry).id, c.place::int4, (_entry).commitment_key, (_entry).allocator_id, c.value ->> 'table',
        (
            select jsonb_object_agg(k.name, coalesce(nullif(c.value -> 'new', 'null'), c.value -> 'old') -> k.name)
            from jsonb_array_elements_text(c.value -> 'key') as k (name)
        ),
        c.value ->> 'command',
        nullif(c.value -> 'old', 'null'),
        nullif(c.value -> 'new', 'null')
    from jsonb_array_elements((_entry).changes::jsonb) with ordinality as c (value, place);
end;
comment on function audit.changes(audit.trail) is
    'The changed rows of an entry, in the order of the changes. A key is the values of its columns.';
