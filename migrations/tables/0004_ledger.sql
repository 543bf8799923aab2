-- The commitment ledger. A claim is the first write of a mutation's transaction, and its outcome the last. Neither
-- commits without the other, and neither ever changes.

create type ledger.reply as (
    outcome text,
    status int4,
    refusal text,
    body jsonb
);
comment on type ledger.reply is
    'The one result of every gateway function. The outcome is ok, accepted, refused, replayed, duplicate or reused. A '
    'refusal has a name and members in place of a status and a body; its words are rendered outside the database.';

create table ledger.commitment_ledger (
    key fixed.sha256 not null,
    fingerprint fixed.sha256 not null,
    principal_kind text not null,
    principal_id text not null,
    operation text not null,
    resource text not null,
    attempt fixed.text_255 not null,
    occurred_at timestamptz,
    xid xid8 not null default pg_current_xact_id(),
    claimed_at timestamptz not null default clock_timestamp(),
    constraint commitment_ledger_pkey primary key (key),
    constraint commitment_ledger_claim_key unique (key, xid, principal_kind, principal_id),
    constraint commitment_ledger_principal_kind_known check (principal_kind in ('human', 'agent', 'system')),
    -- A leaf writes a time as RFC 3339 does: four digits for the year, and no infinity.
    constraint commitment_ledger_occurred_at_range check (
        occurred_at between '0001-01-01T00:00:00Z' and '9999-12-31T23:59:59.999999Z'
    )
);
comment on table ledger.commitment_ledger is
    'One row for every idempotency key that was ever claimed, under the commitment''s id. Append-only: a key stays '
    'taken for ever.';
comment on column ledger.commitment_ledger.fingerprint is
    'The hash of the request''s raw bytes. It tells a repetition from another request under the same key.';
comment on column ledger.commitment_ledger.resource is 'The id in the route, or an empty text.';
comment on column ledger.commitment_ledger.attempt is
    'The invocation that claimed. If it lost its connection and asks again, it gets the first answer.';
comment on column ledger.commitment_ledger.occurred_at is
    'When the reported event happened, as the agent says; null if no agent says so.';
comment on column ledger.commitment_ledger.xid is
    'The claiming transaction. Outcome and audit trail refer to it and to the principal: by constraint they are of the '
    'same transaction and actor.';

create table ledger.commitment_outcome (
    key fixed.sha256 not null,
    xid xid8 not null default pg_current_xact_id(),
    principal_kind text not null,
    principal_id text not null,
    allocator_id uuid,
    outcome text not null,
    status int4,
    refusal text,
    body jsonb not null,
    committed_at timestamptz not null default clock_timestamp(),
    epoch int4 not null,
    leaf text not null,
    -- Only of refusals: what is accepted pays nothing for it.
    refused_resource text generated always as (
        case when outcome = 'refused' then nullif(leaf::jsonb ->> 'resource_id', '') end
    ) stored,
    constraint commitment_outcome_pkey primary key (key),
    constraint commitment_outcome_claim_fkey foreign key (key, xid, principal_kind, principal_id)
        references ledger.commitment_ledger (key, xid, principal_kind, principal_id),
    constraint commitment_outcome_status_matches check (
        (outcome = 'accepted' and status is not null and status in (200, 201) and refusal is null)
        or (outcome = 'refused' and status is null and refusal is not null and refusal ~ '^[a-z]+(-[a-z]+)*$')
    ),
    -- A C2SP entry bundle gives the length of an entry sixteen bits.
    constraint commitment_outcome_leaf_length check (octet_length(leaf) between 2 and 65535)
);
comment on table ledger.commitment_outcome is
    'What became of each claim: accepted with its effect, or refused for a business reason. Append-only.';
comment on column ledger.commitment_outcome.allocator_id is
    'The allocator whose affair it was; null if it was no allocator''s.';
comment on column ledger.commitment_outcome.status is
    'The HTTP status of an accepted mutation: 200, or 201 if it created something.';
comment on column ledger.commitment_outcome.refusal is 'The name of a refusal. The body holds its members.';
create index commitment_outcome_allocator_idx on ledger.commitment_outcome (allocator_id);
comment on column ledger.commitment_outcome.epoch is
    'The epoch of the transaction id. A restored cluster counts ids anew, in an epoch that comes after the old one.';
comment on column ledger.commitment_outcome.leaf is
    'The entry for the transparency log, frozen with the outcome. The log hashes exactly these characters in UTF-8.';
comment on column ledger.commitment_outcome.refused_resource is
    'The id in the route of what was refused, as the entry says; null of what was accepted, and where no id was named.';
create index commitment_outcome_refused_idx
    on ledger.commitment_outcome (allocator_id, refused_resource, committed_at desc)
    where refused_resource is not null;
create unique index commitment_outcome_place_idx on ledger.commitment_outcome (epoch, xid, key);

-- A claim without an outcome cannot commit.
alter table ledger.commitment_ledger
    add constraint commitment_ledger_key_outcome_fkey foreign key (key)
    references ledger.commitment_outcome (key)
    deferrable initially deferred;

-- Lanes. Who has lost a race locks one before its next snapshot, and so comes after those that it would meet. A row
-- lock or an advisory lock is taken by a statement that has its snapshot already, and the waiter fails all the same.
do $$
begin
    for lane in 0 .. 31 loop
        execute format('create table lane.%I ()', 'l' || to_char(lane, 'FM00'));
        execute format('comment on table lane.%I is %L', 'l' || to_char(lane, 'FM00'),
            'A lane, which has no rows. Transactions lock it one after the other.');
    end loop;
end
$$;
