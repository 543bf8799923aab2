-- The commitment ledger. A claim is the first write of a mutation's transaction and its outcome the
-- last; neither commits without the other, and neither ever changes.

create type ledger.reply as (
    outcome text,
    status int4,
    body jsonb
);
comment on type ledger.reply is
    'What every gateway function returns, once. outcome: ok, accepted, refused, replayed, duplicate, reused.';

-- ---------------------------------------------------------------------------------------------
-- Exact bytes. The same construction as `shared::commitment`; a test holds the two equal.

create function ledger.tagged_hash(_tag text, variadic _fields bytea[])
returns bytea
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    tag bytea := sha256(convert_to(_tag, 'UTF8'));
    bytes bytea := tag || tag;
    field bytea;
begin
    foreach field in array _fields loop
        bytes := bytes || int8send(octet_length(field)) || field;
    end loop;
    return sha256(bytes);
end
$$;
comment on function ledger.tagged_hash(text, bytea[]) is
    'SHA256(SHA256(tag) || SHA256(tag) || u64be(length) || field || …): no field can be shifted into another, no hash of one purpose taken for another (BIP 340 style tags).';

create function ledger.idempotency_key(
    _principal_kind text,
    _principal_id text,
    _operation text,
    _resource text,
    _client_key text
)
returns bytea
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return ledger.tagged_hash(
        'optkas/idempotency-key/v1',
        convert_to(_principal_kind, 'UTF8'),
        convert_to(_principal_id, 'UTF8'),
        convert_to(_operation, 'UTF8'),
        convert_to(_resource, 'UTF8'),
        convert_to(_client_key, 'UTF8')
    );
end
$$;
comment on function ledger.idempotency_key(text, text, text, text, text) is
    'The commitment''s name. It contains the principal, so nobody can claim a key of somebody else.';

-- ---------------------------------------------------------------------------------------------

create table ledger.commitment_ledger (
    key bytea not null,
    fingerprint bytea not null,
    principal_kind text not null,
    principal_id text not null,
    operation text not null,
    resource text not null,
    attempt text not null,
    xid xid8 not null default pg_current_xact_id(),
    claimed_at timestamptz not null default clock_timestamp(),
    constraint commitment_ledger_pkey primary key (key),
    constraint commitment_ledger_claim_key unique (key, xid, principal_kind, principal_id),
    constraint commitment_ledger_key_length check (octet_length(key) = 32),
    constraint commitment_ledger_fingerprint_length check (octet_length(fingerprint) = 32),
    constraint commitment_ledger_principal_kind_known check (principal_kind in ('human', 'agent', 'system')),
    constraint commitment_ledger_attempt_length check (length(attempt) between 1 and 255)
);
comment on table ledger.commitment_ledger is
    'One row for every idempotency key ever claimed. Append-only; the key is taken for ever.';
comment on column ledger.commitment_ledger.fingerprint is
    'Of the request''s raw bytes: tells a repetition from another request under the same key.';
comment on column ledger.commitment_ledger.resource is 'The id in the route, or an empty text.';
comment on column ledger.commitment_ledger.attempt is
    'The invocation that claimed. The same invocation asking again lost its connection and is answered as the first time.';
comment on column ledger.commitment_ledger.xid is
    'The claiming transaction: outcome and audit rows refer to it and to the principal, so they are of the same transaction and actor by constraint.';

create table ledger.commitment_outcome (
    key bytea not null,
    xid xid8 not null default pg_current_xact_id(),
    principal_kind text not null,
    principal_id text not null,
    allocator_id uuid,
    outcome text not null,
    status int4 not null,
    body jsonb not null,
    committed_at timestamptz not null default clock_timestamp(),
    constraint commitment_outcome_pkey primary key (key),
    constraint commitment_outcome_claim_fkey foreign key (key, xid, principal_kind, principal_id)
        references ledger.commitment_ledger (key, xid, principal_kind, principal_id),
    constraint commitment_outcome_status_matches check (
        (outcome = 'accepted' and status in (200, 201))
        or (outcome = 'refused' and status in (403, 404, 409))
    )
);
comment on table ledger.commitment_outcome is
    'What became of each claim: accepted with its effect, or refused for a business reason. Append-only.';
comment on column ledger.commitment_outcome.allocator_id is
    'Whose affair it was; null where it was no allocator''s.';

create index commitment_outcome_allocator_idx on ledger.commitment_outcome (allocator_id);

-- A claim without an outcome cannot commit.
alter table ledger.commitment_ledger
    add constraint commitment_ledger_key_outcome_fkey foreign key (key)
    references ledger.commitment_outcome (key)
    deferrable initially deferred;

create function ledger.forbid_change()
returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception using
        errcode = 'OPK04',
        message = format('%s.%s is append-only: %s refused', tg_table_schema, tg_table_name, tg_op);
end
$$;
comment on function ledger.forbid_change() is 'Statement trigger of every append-only table.';

create trigger commitment_ledger_append_only
    before update or delete or truncate on ledger.commitment_ledger
    for each statement execute function ledger.forbid_change();
alter table ledger.commitment_ledger enable always trigger commitment_ledger_append_only;

create trigger commitment_outcome_append_only
    before update or delete or truncate on ledger.commitment_outcome
    for each statement execute function ledger.forbid_change();
alter table ledger.commitment_outcome enable always trigger commitment_outcome_append_only;

-- ---------------------------------------------------------------------------------------------
-- Refusals: the business reasons. The names are those of the problem types.

create function ledger.refuse(_name text, _members jsonb default '{}')
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception using errcode = 'OPK01', message = _name, detail = _members::text;
end
$$;
comment on function ledger.refuse(text, jsonb) is
    'Ends the effect of a mutation with a named refusal. Caught by its SQLSTATE in the gateway function, which records it.';

create function ledger.problem(_name text, _members jsonb default '{}')
returns jsonb
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    problem record;
begin
    select status, title, detail into strict problem
    from (
        values
            ('not-found', 404, 'Not found', 'There is no such resource for you.'),
            ('role-missing', 403, 'Role missing', 'Your membership does not include a role this needs.'),
            ('four-eyes', 409, 'Four eyes', 'The member who created a settlement cannot verify it.'),
            ('illegal-transition', 409, 'Illegal transition', 'The settlement cannot go from its state to the one asked for.'),
            ('insufficient-capital', 409, 'Insufficient capital', 'The allocator has less available capital than the amount.'),
            ('account-limit', 409, 'Account limit', 'The account cannot hold that much.'),
            ('facility-limit', 409, 'Facility limit', 'The facility has less room under its limit than the amount.'),
            ('expired', 409, 'Expired', 'The settlement''s time has run out.'),
            ('uetr-in-use', 409, 'UETR in use', 'Another settlement of this allocator bears this UETR.'),
            ('currency-mismatch', 409, 'Currency mismatch', 'The currency is not the one of the facility or settlement.'),
            ('amount-mismatch', 409, 'Amount mismatch', 'The amount is not the one of the settlement.'),
            ('facility-mismatch', 409, 'Facility mismatch', 'The facility is not the one of the settlement.'),
            ('already-exists', 409, 'Already exists', 'This id is taken.'),
            ('member-elsewhere', 409, 'Member elsewhere', 'This person is a member of another allocator.'),
            ('not-granted', 409, 'Not granted', 'There is no such membership to revoke.'),
            ('agent-kind', 409, 'Agent of another kind', 'The agent is not registered for this task.'),
            ('keys-vanished', 409, 'Keys vanished', 'The issuer publishes none of the keys in force.'),
            ('key-changed', 409, 'Key changed', 'A kid that is known stands for another key.'),
            ('key-unacceptable', 409, 'Key unacceptable', 'A key is malformed, too weak, or of another kind than it says.')
    ) as known (name, status, title, detail)
    where known.name = _name;

    return jsonb_build_object(
        'type', 'urn:optkas:problem:' || _name,
        'title', problem.title,
        'status', problem.status,
        'detail', problem.detail
    ) || _members;
end
$$;
comment on function ledger.problem(text, jsonb) is
    'The problem document (RFC 9457) of a refusal, without the request id. An unknown name is a programmer''s error and raises.';

create function ledger.unrecorded(_name text)
returns ledger.reply
language sql
immutable
return row('refused', (ledger.problem(_name) ->> 'status')::int4, ledger.problem(_name))::ledger.reply;

comment on function ledger.unrecorded(text) is 'A refusal that claims no key: of a read, or of a stranger.';

-- ---------------------------------------------------------------------------------------------

create function ledger.commitment_json(_key bytea, _outcome text, _committed_at timestamptz)
returns jsonb
language sql
stable
return jsonb_build_object(
    'idempotency_key', encode(_key, 'hex'),
    'outcome', _outcome,
    'committed_at', ledger.rfc3339(_committed_at)
);

create function ledger.claim(
    _attempt text,
    _operation text,
    _resource text,
    _client_key text,
    _key bytea,
    _fingerprint bytea
)
returns ledger.reply
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    who auth.principal_name := auth.principal();
    first record;
    commitment jsonb;
begin
    -- The function in front computed the key; it is not believed. A caller can claim only what
    -- follows from the principal that was presented.
    if _key is distinct from ledger.idempotency_key(
        who.kind, who.id, _operation, _resource, _client_key
    ) then
        raise exception using errcode = 'OPK04', message = 'idempotency-key-not-derived';
    end if;

    -- The insert comes first, with no look before it. Of two racing claims one waits here; when the
    -- other has committed it fails with 40001, and the next try, with a new snapshot, finds the row.
    insert into ledger.commitment_ledger
        (key, fingerprint, principal_kind, principal_id, operation, resource, attempt)
    values
        (_key, _fingerprint, who.kind, who.id, _operation, _resource, _attempt)
    on conflict on constraint commitment_ledger_pkey do nothing;
    if found then
        perform set_config('optkas.commitment', encode(_key, 'hex'), true);
        return null;
    end if;

    select l.fingerprint, l.attempt, o.outcome, o.status, o.body, o.committed_at
    into strict first
    from ledger.commitment_ledger as l
    join ledger.commitment_outcome as o on o.key = l.key
    where l.key = _key;

    commitment := ledger.commitment_json(_key, first.outcome, first.committed_at);
    if first.fingerprint <> _fingerprint then
        return row('reused', 422, jsonb_build_object('commitment', commitment))::ledger.reply;
    end if;
    if first.attempt = _attempt then
        return row('replayed', first.status, first.body)::ledger.reply;
    end if;
    return row('duplicate', 409, jsonb_build_object(
        'commitment', commitment,
        'original', jsonb_build_object(
            'outcome', first.outcome,
            'status', first.status,
            'body', first.body,
            'committed_at', ledger.rfc3339(first.committed_at)
        )
    ))::ledger.reply;
end
$$;
comment on function ledger.claim(text, text, text, text, bytea, bytea) is
    'Claims the key for this transaction and returns null; or returns the reply due to a key that is known.';

create function ledger.conclude(_outcome text, _status int4, _allocator_id uuid, _body jsonb)
returns ledger.reply
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    claimed bytea := decode(current_setting('optkas.commitment'), 'hex');
    who auth.principal_name := auth.principal();
    at timestamptz := clock_timestamp();
    body jsonb := _body || jsonb_build_object('commitment', ledger.commitment_json(claimed, _outcome, at));
begin
    insert into ledger.commitment_outcome
        (key, principal_kind, principal_id, allocator_id, outcome, status, body, committed_at)
    values
        (claimed, who.kind, who.id, _allocator_id, _outcome, _status, body, at);
    -- What is deferred is checked here, while this principal is presented: at commit the session could
    -- have changed what the checks can see, and the next claim of this transaction, if any, is deferred again.
    set constraints all immediate;
    set constraints all deferred;
    return row(_outcome, _status, body)::ledger.reply;
end
$$;
comment on function ledger.conclude(text, int4, uuid, jsonb) is
    'Writes the outcome of the claim: the transaction''s last write. The body is kept as it is answered.';

create function ledger.conclude_refused(_allocator_id uuid, _name text, _members text)
returns ledger.reply
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    problem jsonb := ledger.problem(_name, _members::jsonb);
begin
    return ledger.conclude('refused', (problem ->> 'status')::int4, _allocator_id, problem);
end
$$;
comment on function ledger.conclude_refused(uuid, text, text) is 'Records a refusal as the outcome of the claim.';

-- ---------------------------------------------------------------------------------------------

alter table ledger.commitment_ledger enable row level security;
alter table ledger.commitment_ledger force row level security;
alter table ledger.commitment_outcome enable row level security;
alter table ledger.commitment_outcome force row level security;

create policy commitment_ledger_claim on ledger.commitment_ledger
    for insert
    to optkas_owner
    with check (
        (principal_kind, principal_id) = (select p.kind, p.id from auth.principal() as p)
        and xid = pg_current_xact_id()
    );
create policy commitment_ledger_read on ledger.commitment_ledger
    for select
    to optkas_owner
    using (
        (
            (principal_kind, principal_id) = (select p.kind, p.id from auth.principal() as p)
        )
        or exists (
            select from ledger.commitment_outcome as o where o.key = commitment_ledger.key
        )
    );
create policy commitment_ledger_audit on ledger.commitment_ledger
    for select
    to optkas_auditor
    using (true);

create policy commitment_outcome_conclude on ledger.commitment_outcome
    for insert
    to optkas_owner
    with check (
        (principal_kind, principal_id) = (select p.kind, p.id from auth.principal() as p)
    );
create policy commitment_outcome_audit on ledger.commitment_outcome
    for select
    to optkas_auditor
    using (true);
-- commitment_outcome_read follows in 0004, where an allocator is known.

grant usage on schema ledger to optkas_auditor;
grant select on ledger.commitment_ledger, ledger.commitment_outcome to optkas_auditor;
