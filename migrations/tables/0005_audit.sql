-- The audit trail: every change to a domain table, with the old and the new row, the actor and the commitment. The
-- trigger audit.record notes each change, and what a mutation changed is written as one entry before its outcome.

create table audit.trail (
    id bigint generated always as identity,
    xid xid8 not null default pg_current_xact_id(),
    commitment_key fixed.sha256 not null,
    allocator_id uuid,
    changes json not null,
    actor_kind text not null,
    actor_id text not null,
    at timestamptz not null,
    mutation_hash fixed.sha256 not null,
    constraint trail_pkey primary key (id),
    -- No change without a commitment claimed in the very same transaction, by the very same actor.
    constraint trail_claim_fkey foreign key (commitment_key, xid, actor_kind, actor_id)
        references ledger.commitment_ledger (key, xid, principal_kind, principal_id)
);
comment on table audit.trail is
    'Every row that a mutation inserted, updated or deleted in a domain table. Append-only. A mutation has an entry '
    'for each allocator whose rows it changed, and one for rows of no allocator; long changes take several.';
comment on column audit.trail.id is 'Unique and rising, but not gap-free: a refused mutation leaves a gap.';
comment on column audit.trail.allocator_id is 'The allocator that all the changed rows belong to; null if to none.';
comment on column audit.trail.changes is
    'An array with an object for each changed row, in the order of the changes: its table, the columns of its key, the '
    'command, the old row and the new one.';
comment on column audit.trail.mutation_hash is
    'The tagged hash of allocator, changes, actor kind, actor id, commitment key and time. Changes are hashed as they '
    'are written, to the byte; the tag is ''optkas/audit-mutation/v1''.';
create index trail_allocator_id_idx on audit.trail (allocator_id, id desc);
create index trail_commitment_key_idx on audit.trail (commitment_key);
