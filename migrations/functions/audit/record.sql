-- The writer of the audit trail. The trigger of every audited table notes each change in a setting. What is noted is
-- written as an entry before the outcome is. So a mutation of ten rows writes one or two entries.
--
-- A login can write the setting, and gains nothing by it. A claim empties it, and until the outcome is written no
-- statement of the login runs. access/whole_database.sql says which tables are audited.

create or replace function audit.mutation_hash(_entry audit.trail)
returns bytea
language sql
stable
return fixed.tagged_hash(
    'optkas/audit-mutation/v1',
    convert_to(coalesce(_entry.allocator_id::text, ''), 'UTF8'),
    convert_to(_entry.changes::text, 'UTF8'),
    convert_to(_entry.actor_kind, 'UTF8'),
    convert_to(_entry.actor_id, 'UTF8'),
    _entry.commitment_key,
    convert_to(ledger.rfc3339(_entry.at), 'UTF8')
);
comment on function audit.mutation_hash(audit.trail) is
    'The hash of an entry. A checker computes it again, and compares it with the one recorded.';

create or replace function audit.open_changes()
returns text
language sql
return set_config('optkas.changes', '[', true)
    || set_config('optkas.changes_of_allocator', '[', true)
    || set_config('optkas.changed_allocator', '', true)
    || set_config('optkas.mutations', '', true);
comment on function audit.open_changes() is
    'Lets changes be noted, until close_changes. Before and after, a change of an audited table is refused.';

create or replace function audit.write_entry(_setting text, _allocator_id uuid, _who auth.identity)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    noted constant text := current_setting(_setting);
    mutations text := current_setting('optkas.mutations');
    entry audit.trail;
begin
    if noted = '[' then
        return;
    end if;
    entry.allocator_id := _allocator_id;
    entry.changes := noted || ']';
    entry.actor_kind := _who.kind;
    entry.actor_id := _who.id;
    entry.commitment_key := fixed.commitment_key();
    entry.at := clock_timestamp();
    entry.mutation_hash := audit.mutation_hash(entry);
    insert into audit.trail (commitment_key, allocator_id, changes, actor_kind, actor_id, at, mutation_hash)
    values
        (entry.commitment_key, entry.allocator_id, entry.changes, entry.actor_kind, entry.actor_id, entry.at,
         entry.mutation_hash);
    -- The number of entries and their digest, for the leaf: <number>:<digest in hex>. Reading them back from the table
    -- would make writers conflict under SERIALIZABLE. A refusal that rolls the effect back undoes this setting too.
    mutations := set_config(_setting, '[', true) || set_config('optkas.mutations', case mutations
        when '' then '1:' || encode(ledger.mutations_add(ledger.mutations_start(), entry.mutation_hash), 'hex')
        else (split_part(mutations, ':', 1)::int4 + 1)::text || ':' || encode(
            ledger.mutations_add(decode(split_part(mutations, ':', 2), 'hex'), entry.mutation_hash), 'hex')
    end, true);
end
$$;
comment on function audit.write_entry(text, uuid, auth.identity) is
    'Writes what a setting has noted as an entry, if it has any.';

create or replace function audit.close_changes(_who auth.identity)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    emptied text;
begin
    perform audit.write_entry(
        'optkas.changes_of_allocator', nullif(current_setting('optkas.changed_allocator'), '')::uuid, _who);
    perform audit.write_entry('optkas.changes', null, _who);
    emptied := set_config('optkas.changes', '', true);
end
$$;
comment on function audit.close_changes(auth.identity) is
    'Writes what is noted and not yet written. A change that comes later is refused.';

create or replace function audit.recorded(_row json, _digested text[])
returns json
language sql
stable
parallel safe
return (
    select json_object_agg(m.key, case
        when m.key = any (_digested) then to_json(encode(fixed.text_sha256(m.value::text), 'hex'))
        else m.value
    end)
    from json_each(_row) as m
);
comment on function audit.recorded(json, text[]) is
    'A row as the trail records it: some of its columns by their SHA-256. Such columns follow from other audited rows, '
    'and would be copied whole at each change.';

create or replace function audit.record()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    setting text := 'optkas.changes';
    old_row json := case tg_op when 'INSERT' then null else row_to_json(old) end;
    new_row json := case tg_op when 'DELETE' then null else row_to_json(new) end;
    allocator text;
    noted text;
begin
    if nullif(current_setting('optkas.changes', true), '') is null then
        raise exception using errcode = 'OPK04', message = 'change-without-claim';
    end if;
    if tg_argv[1] = 'of-allocator' then
        allocator := case tg_op when 'DELETE' then old.allocator_id else new.allocator_id end;
    end if;
    if allocator is not null then
        setting := 'optkas.changes_of_allocator';
        if allocator is distinct from current_setting('optkas.changed_allocator') then
            -- An entry belongs to one allocator, who alone may read it.
            if current_setting(setting) is distinct from '[' then
                perform audit.write_entry(
                    setting, current_setting('optkas.changed_allocator')::uuid, auth.principal());
            end if;
            noted := set_config('optkas.changed_allocator', allocator, true);
        end if;
    end if;
    if tg_nargs > 2 then
        old_row := audit.recorded(old_row, tg_argv[2:]);
        new_row := audit.recorded(new_row, tg_argv[2:]);
    end if;

    noted := current_setting(setting);
    -- Each note copies what is noted before it.
    if octet_length(noted) > 32768 then
        perform audit.write_entry(setting, allocator::uuid, auth.principal());
        noted := '[';
    end if;
    noted := set_config(setting, noted || case noted when '[' then '' else ',' end
        || tg_argv[0] || tg_op
        || '","old":' || coalesce(old_row::text, 'null')
        || ',"new":' || coalesce(new_row::text, 'null') || '}', true);
    return null;
end
$$;
comment on function audit.record() is
    'The row trigger of every audited table. Its arguments: how a change begins in JSON, of-allocator if the table has '
    'a column allocator_id, then the columns that are recorded by their SHA-256.';
