-- The commitment ledger. A claim is the first write of a mutation's transaction and its outcome the
-- last; neither commits without the other, and neither ever changes.

create type ledger.reply as (
    outcome text,
    status int4,
    refusal text,
    body jsonb
);
comment on type ledger.reply is
    'What every gateway function returns, once. outcome: ok, accepted, refused, replayed, duplicate, reused. A refusal has '
    'a name and members in place of a status and a body: what a caller reads of it is rendered outside the database.';

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
    constraint commitment_ledger_principal_kind_known check (principal_kind in ('human', 'agent', 'system'))
);
comment on table ledger.commitment_ledger is
    'One row for every idempotency key ever claimed. Append-only; the key is taken for ever.';
comment on column ledger.commitment_ledger.fingerprint is
    'Of the request''s raw bytes: tells a repetition from another request under the same key.';
comment on column ledger.commitment_ledger.resource is 'The id in the route, or an empty text.';
comment on column ledger.commitment_ledger.attempt is
    'The invocation that claimed. The same invocation asking again lost its connection and is answered as the first time.';
comment on column ledger.commitment_ledger.occurred_at is
    'When an agent says that what it reports happened; null where nobody says so.';
comment on column ledger.commitment_ledger.xid is
    'The claiming transaction: outcome and audit rows refer to it and to the principal, so they are of the same transaction and actor by constraint.';

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
    'Whose affair it was; null where it was no allocator''s.';
comment on column ledger.commitment_outcome.status is 'Of an accepted mutation: 200, or 201 where it created something.';
comment on column ledger.commitment_outcome.refusal is 'The name of a refusal. Its members are the body.';
create index commitment_outcome_allocator_idx on ledger.commitment_outcome (allocator_id);
comment on column ledger.commitment_outcome.epoch is
    'Of the transaction ids: a restored cluster counts from anew, and is ordered after the one it was restored from.';
comment on column ledger.commitment_outcome.leaf is
    'The log''s entry, frozen with the outcome. What is hashed are these bytes in UTF-8, as they are here.';
create unique index commitment_outcome_place_idx on ledger.commitment_outcome (epoch, xid, key);

-- A claim without an outcome cannot commit.
alter table ledger.commitment_ledger
    add constraint commitment_ledger_key_outcome_fkey foreign key (key)
    references ledger.commitment_outcome (key)
    deferrable initially deferred;
