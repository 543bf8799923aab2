-- Claims: the first write of a mutation. What is claimed arrives as one object,
--
--   {"attempt": text, "client_key": text, "fingerprint": hex, "occurred_at": RFC 3339 or null}
--
-- The key is derived here and nowhere else: from the principal that was authenticated, from the operation, which is the
-- login's own function, and from what the caller sent. So nobody can claim a key of somebody else.

create or replace function ledger.commitment_id(
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
    return fixed.tagged_hash(
        'optkas/idempotency-key/v1',
        convert_to(_principal_kind, 'UTF8'),
        convert_to(_principal_id, 'UTF8'),
        convert_to(_operation, 'UTF8'),
        convert_to(_resource, 'UTF8'),
        convert_to(_client_key, 'UTF8')
    );
end
$$;
comment on function ledger.commitment_id(text, text, text, text, text) is
    'The commitment''s name. It contains the principal, so nobody can claim a key of somebody else.';

create or replace function ledger.operation()
returns text
language sql
stable
return replace(session_user::text, '_', '-');
comment on function ledger.operation() is 'The operation that this login claims: its function''s name.';

create or replace function ledger.commitment_json(_key bytea, _outcome text, _committed_at timestamptz)
returns jsonb
language sql
stable
return jsonb_build_object(
    'id', encode(_key, 'hex'),
    'outcome', _outcome,
    'committed_at', ledger.rfc3339(_committed_at)
);
comment on function ledger.commitment_json(bytea, text, timestamptz) is 'A commitment as replies show it.';

create or replace function ledger.claimed(_resource text, _claim jsonb)
returns ledger.commitment_ledger
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    who auth.identity := auth.principal();
    claimed ledger.commitment_ledger;
begin
    claimed.principal_kind := who.kind;
    claimed.principal_id := who.id;
    claimed.operation := ledger.operation();
    claimed.resource := _resource;
    claimed.attempt := _claim ->> 'attempt';
    claimed.fingerprint := decode(_claim ->> 'fingerprint', 'hex');
    claimed.occurred_at := (_claim ->> 'occurred_at')::timestamptz;
    claimed.key := ledger.commitment_id(
        who.kind, who.id, claimed.operation, _resource, _claim ->> 'client_key'
    );
    -- A part that is missing makes the key unknown.
    if claimed.key is null or claimed.attempt is null or claimed.fingerprint is null then
        raise exception using errcode = 'OPK04', message = 'claim-incomplete';
    end if;
    return claimed;
end
$$;
comment on function ledger.claimed(text, jsonb) is 'The row of a claim, its key derived. Nothing is written.';

create or replace function ledger.recall(_claimed ledger.commitment_ledger)
returns ledger.reply
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    first record;
    commitment jsonb;
begin
    select l.fingerprint, l.attempt, o.outcome, o.status, o.refusal, o.body, o.committed_at
    into first
    from ledger.commitment_ledger as l
    join ledger.commitment_outcome as o on o.key = l.key
    where l.key = _claimed.key;
    if not found then
        return null;
    end if;

    commitment := ledger.commitment_json(_claimed.key, first.outcome, first.committed_at);
    if first.fingerprint is distinct from _claimed.fingerprint then
        return row('reused', null, null, jsonb_build_object('commitment', commitment))::ledger.reply;
    end if;
    if first.attempt = _claimed.attempt then
        return row('replayed', first.status, first.refusal, first.body)::ledger.reply;
    end if;
    return row('duplicate', null, null, jsonb_build_object(
        'commitment', commitment,
        'original', jsonb_build_object(
            'outcome', first.outcome,
            'status', first.status,
            'refusal', first.refusal,
            'body', first.body,
            'committed_at', ledger.rfc3339(first.committed_at)
        )
    ))::ledger.reply;
end
$$;
comment on function ledger.recall(ledger.commitment_ledger) is
    'The reply due to a key that is known; null for one that is free, which stays free.';

create or replace function ledger.claim(_resource text, _claim jsonb)
returns ledger.reply
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    claimed ledger.commitment_ledger := ledger.claimed(_resource, _claim);
    put text;
begin
    -- The insert comes first, with no look before it. Of two racing claims one waits here. When the other has committed
    -- it fails with 40001, and the next try, with a new snapshot, finds the row.
    claimed.claimed_at := clock_timestamp();
    insert into ledger.commitment_ledger
        (key, fingerprint, principal_kind, principal_id, operation, resource, attempt, occurred_at, claimed_at)
    values
        (claimed.key, claimed.fingerprint, claimed.principal_kind, claimed.principal_id, claimed.operation,
         claimed.resource, claimed.attempt, claimed.occurred_at, claimed.claimed_at)
    on conflict on constraint commitment_ledger_pkey do nothing;
    if found then
        put := set_config('optkas.commitment', encode(claimed.key, 'hex'), true)
            || audit.open_changes()
            || set_config('optkas.leaf', ledger.leaf_head(claimed), true);
        return null;
    end if;
    return ledger.recall(claimed);
end
$$;
comment on function ledger.claim(text, jsonb) is
    'Claims the key for this transaction and returns null; or returns the reply due to a key that is known.';

create or replace function ledger.fingerprint(_resource text, _body bytea)
returns bytea
language sql
stable
return fixed.tagged_hash(
    'optkas/request-fingerprint/v1',
    convert_to(ledger.operation(), 'UTF8'),
    convert_to(_resource, 'UTF8'),
    _body
);
comment on function ledger.fingerprint(text, bytea) is
    'The hash of a request''s bytes, for this login''s operation on that resource.';

create or replace function ledger.claim_system(_resource text, _claim jsonb)
returns ledger.reply
language sql
return ledger.claim(_resource, _claim || jsonb_build_object(
    'fingerprint', encode(ledger.fingerprint(_resource, convert_to(_claim ->> 'body', 'UTF8')), 'hex')
));
comment on function ledger.claim_system(text, jsonb) is
    'A claim of a job, which has no request: its `body` stands for the bytes that the fingerprint is of.';
