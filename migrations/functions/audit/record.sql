-- The writer of the audit trail: the trigger of every audited table, and the hash that each entry bears.
-- access/whole_database.sql says which tables are audited.

create or replace function audit.mutation_hash(_entry audit.trail)
returns bytea
language sql
stable
return fixed.tagged_hash(
    'optkas/audit-mutation/v1',
    convert_to(_entry.table_name, 'UTF8'),
    convert_to(_entry.operation, 'UTF8'),
    convert_to(_entry.row_key::text, 'UTF8'),
    convert_to(coalesce(_entry.old_row, 'null')::text, 'UTF8'),
    convert_to(coalesce(_entry.new_row, 'null')::text, 'UTF8'),
    convert_to(_entry.actor_kind, 'UTF8'),
    convert_to(_entry.actor_id, 'UTF8'),
    _entry.commitment_key,
    convert_to(ledger.rfc3339(_entry.at), 'UTF8')
);
comment on function audit.mutation_hash(audit.trail) is
    'The hash of an entry, computed again: a checker compares it with the one recorded.';

create or replace function audit.recorded(_row jsonb, _digested text[])
returns jsonb
language sql
stable
parallel safe
return _row || coalesce((
    select jsonb_object_agg(d.name, encode(fixed.text_sha256((_row -> d.name)::text), 'hex'))
    from unnest(_digested) as d (name)
    where _row is not null
), '{}');
comment on function audit.recorded(jsonb, text[]) is
    'A row as the trail records it: some of its columns by their SHA-256. Such columns follow from other audited rows, '
    'and would be copied whole at each change.';

create or replace function audit.record()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    who auth.identity := auth.principal();
    entry audit.trail;
    changed jsonb;
    digested text[];
    mutations text := coalesce(current_setting('optkas.mutations', true), '');
begin
    if tg_op is distinct from 'INSERT' then
        entry.old_row := to_jsonb(old);
    end if;
    if tg_op is distinct from 'DELETE' then
        entry.new_row := to_jsonb(new);
    end if;
    if tg_argv[tg_nargs - 1] like '#%' then
        digested := array(select substr(d.name, 2) from unnest(tg_argv) as d (name) where d.name like '#%');
        entry.old_row := audit.recorded(entry.old_row, digested);
        entry.new_row := audit.recorded(entry.new_row, digested);
    end if;
    changed := coalesce(entry.new_row, entry.old_row);

    entry.table_name := tg_table_schema || '.' || tg_table_name;
    entry.operation := tg_op;
    entry.row_key := (
        select jsonb_object_agg(name, changed -> name)
        from unnest(tg_argv) as key_column (name)
        where (name like '#%') is not true
    );
    entry.allocator_id := (changed ->> 'allocator_id')::uuid;
    -- Without a principal the table was reached past the gateway functions. The commitment below is missing then too,
    -- and the change is refused.
    entry.actor_kind := coalesce(who.kind, 'database');
    entry.actor_id := coalesce(who.id, session_user);
    entry.commitment_key := fixed.commitment_key();
    entry.at := clock_timestamp();
    entry.mutation_hash := audit.mutation_hash(entry);

    insert into audit.trail
        (commitment_key, allocator_id, table_name, row_key, operation, old_row, new_row,
         actor_kind, actor_id, at, mutation_hash)
    values
        (entry.commitment_key, entry.allocator_id, entry.table_name, entry.row_key, entry.operation,
         entry.old_row, entry.new_row, entry.actor_kind, entry.actor_id, entry.at, entry.mutation_hash);
    -- The number of entries and their digest, for the leaf: <number>:<digest in hex>. Reading them back from the table
    -- would make writers conflict under SERIALIZABLE. A refusal that rolls the effect back undoes this setting too.
    mutations := set_config('optkas.mutations', case mutations
        when '' then '1:' || encode(ledger.mutations_add(ledger.mutations_start(), entry.mutation_hash), 'hex')
        else (split_part(mutations, ':', 1)::int4 + 1)::text || ':' || encode(
            ledger.mutations_add(decode(split_part(mutations, ':', 2), 'hex'), entry.mutation_hash), 'hex')
    end, true);
    return null;
end
$$;
comment on function audit.record() is
    'The row trigger of every audited table. Its arguments are the columns of the primary key, then those recorded by '
    'their SHA-256, each after a #.';
