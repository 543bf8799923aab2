-- The audit trail: every change to a domain table, with the old and the new row, the actor and the commitment. It has
-- one row a change, written by the trigger audit.record in the same transaction.

create table audit.trail (
    id bigint generated always as identity,
    xid xid8 not null default pg_current_xact_id(),
    commitment_key fixed.sha256 not null,
    allocator_id uuid,
    table_name text not null,
    row_key jsonb not null,
    operation text not null,
    old_row jsonb,
    new_row jsonb,
    actor_kind text not null,
    actor_id text not null,
    at timestamptz not null,
    mutation_hash fixed.sha256 not null,
    constraint trail_pkey primary key (id),
    -- No change without a commitment claimed in the very same transaction, by the very same actor.
    constraint trail_claim_fkey foreign key (commitment_key, xid, actor_kind, actor_id)
        references ledger.commitment_ledger (key, xid, principal_kind, principal_id),
    -- Operation, whether there is no old row, and whether there is no new one. A check is parsed from its stored form
    -- at each statement, and this is half the length of the same in words.
    constraint trail_operation_rows check (
        row(operation, old_row is null, new_row is null)::text = any (
            '{"(INSERT,t,f)", "(UPDATE,f,f)", "(DELETE,f,t)"}'::text[]
        )
    )
);
comment on table audit.trail is 'One row for every row inserted, updated or deleted in a domain table. Append-only.';
comment on column audit.trail.id is 'Unique and rising, but not gap-free: a refused mutation leaves a gap.';
comment on column audit.trail.mutation_hash is
    'The tagged hash of table, operation, row key, old row, new row, actor kind, actor id, commitment key and time. '
    'Rows are in jsonb''s text form; the tag is ''optkas/audit-mutation/v1''.';
create index trail_allocator_id_idx on audit.trail (allocator_id, id desc);
create index trail_commitment_key_idx on audit.trail (commitment_key);
