-- The audit trail: every change to a domain table, old and new, by whom, under which commitment.

create table audit.trail (
    id bigint generated always as identity,
    xid xid8 not null default pg_current_xact_id(),
    commitment_key bytea not null,
    allocator_id uuid,
    table_name text not null,
    row_key jsonb not null,
    operation text not null,
    old_row jsonb,
    new_row jsonb,
    actor_kind text not null,
    actor_id text not null,
    at timestamptz not null,
    mutation_hash bytea not null,
    constraint trail_pkey primary key (id),
    -- No change without a commitment claimed in the very same transaction, by the very same actor.
    constraint trail_claim_fkey foreign key (commitment_key, xid, actor_kind, actor_id)
        references ledger.commitment_ledger (key, xid, principal_kind, principal_id),
    constraint trail_operation_rows check (
        (operation = 'INSERT' and old_row is null and new_row is not null)
        or (operation = 'UPDATE' and old_row is not null and new_row is not null)
        or (operation = 'DELETE' and old_row is not null and new_row is null)
    ),
    constraint trail_mutation_hash_length check (octet_length(mutation_hash) = 32)
);
comment on table audit.trail is 'One row for every row inserted, updated or deleted in a domain table. Append-only.';
comment on column audit.trail.id is 'Unique and rising, not gap-free: a refused mutation leaves a gap.';
comment on column audit.trail.mutation_hash is
    'ledger.tagged_hash(''optkas/audit-mutation/v1'', table, operation, row key, old, new, actor kind, actor id, commitment key, time), rows in jsonb''s text form.';

create index trail_allocator_id_idx on audit.trail (allocator_id, id desc);
create index trail_commitment_key_idx on audit.trail (commitment_key);

create trigger trail_append_only
    before update or delete or truncate on audit.trail
    for each statement execute function ledger.forbid_change();
alter table audit.trail enable always trigger trail_append_only;

create function audit.mutation_hash(_entry audit.trail)
returns bytea
language sql
stable
return ledger.tagged_hash(
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
comment on function audit.mutation_hash(audit.trail) is 'Re-derives the hash of an entry: what a checker compares.';

create function audit.record()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    who auth.principal_name := auth.principal();
    entry audit.trail;
    changed jsonb;
begin
    if tg_op <> 'INSERT' then
        entry.old_row := to_jsonb(old);
    end if;
    if tg_op <> 'DELETE' then
        entry.new_row := to_jsonb(new);
    end if;
    changed := coalesce(entry.new_row, entry.old_row);

    entry.table_name := tg_table_schema || '.' || tg_table_name;
    entry.operation := tg_op;
    entry.row_key := (
        select jsonb_object_agg(name, changed -> name) from unnest(tg_argv) as key_column (name)
    );
    entry.allocator_id := (changed ->> 'allocator_id')::uuid;
    -- Nobody presented means somebody reached the table without a gateway function; the commitment
    -- below is missing then too, and the change is refused.
    entry.actor_kind := coalesce(who.kind, 'database');
    entry.actor_id := coalesce(who.id, session_user);
    entry.commitment_key := decode(nullif(current_setting('optkas.commitment', true), ''), 'hex');
    entry.at := clock_timestamp();
    entry.mutation_hash := audit.mutation_hash(entry);

    insert into audit.trail
        (commitment_key, allocator_id, table_name, row_key, operation, old_row, new_row,
         actor_kind, actor_id, at, mutation_hash)
    values
        (entry.commitment_key, entry.allocator_id, entry.table_name, entry.row_key, entry.operation,
         entry.old_row, entry.new_row, entry.actor_kind, entry.actor_id, entry.at, entry.mutation_hash);
    return null;
end
$$;
comment on function audit.record() is
    'Row trigger of every domain table; its arguments are the columns of the primary key.';

create function audit.watch(_table regclass, variadic _key_columns text[])
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    table_name text := (select relname from pg_class where oid = _table);
    key_columns text := (select string_agg(quote_literal(name), ', ') from unnest(_key_columns) as name);
begin
    -- ALWAYS: these fire in a session with session_replication_role = replica as well.
    execute format(
        'create trigger %I after insert or update or delete on %s for each row execute function audit.record(%s)',
        table_name || '_audit', _table, key_columns);
    execute format('alter table %s enable always trigger %I', _table, table_name || '_audit');
    -- TRUNCATE fires no row trigger, and so would leave no trace.
    execute format(
        'create trigger %I before truncate on %s for each statement execute function ledger.forbid_change()',
        table_name || '_no_truncate', _table);
    execute format('alter table %s enable always trigger %I', _table, table_name || '_no_truncate');
    execute format('alter table %s enable row level security', _table);
    execute format('alter table %s force row level security', _table);
end
$$;
comment on function audit.watch(regclass, text[]) is
    'Puts a domain table under audit and under row-level security. For migrations.';

alter table audit.trail enable row level security;
alter table audit.trail force row level security;

create policy trail_record on audit.trail
    for insert
    to optkas_owner
    with check (xid = pg_current_xact_id());
create policy trail_audit on audit.trail
    for select
    to optkas_auditor
    using (true);

grant usage on schema audit to optkas_auditor;
grant select on audit.trail to optkas_auditor;
