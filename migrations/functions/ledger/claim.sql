create or replace function ledger.idempotency_key(
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
comment on function ledger.idempotency_key(text, text, text, text, text) is
    'The commitment''s name. It contains the principal, so nobody can claim a key of somebody else.';

create or replace function ledger.commitment_json(_key bytea, _outcome text, _committed_at timestamptz)
returns jsonb
language sql
stable
return jsonb_build_object(
    'idempotency_key', encode(_key, 'hex'),
    'outcome', _outcome,
    'committed_at', ledger.rfc3339(_committed_at)
);

create or replace function ledger.recall(
    _attempt text,
    _operation text,
    _resource text,
    _client_key text,
    _key bytea,
    _fingerprint bytea
)
returns ledger.reply
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    who auth.principal_name := auth.principal();
    first record;
    commitment jsonb;
begin
    if _key is distinct from ledger.idempotency_key(
        who.kind, who.id, _operation, _resource, _client_key
    ) then
        raise exception using errcode = 'OPK04', message = 'idempotency-key-not-derived';
    end if;

    select l.fingerprint, l.attempt, o.outcome, o.status, o.refusal, o.body, o.committed_at
    into first
    from ledger.commitment_ledger as l
    join ledger.commitment_outcome as o on o.key = l.key
    where l.key = _key;
    if not found then
        return null;
    end if;

    commitment := ledger.commitment_json(_key, first.outcome, first.committed_at);
    if first.fingerprint <> _fingerprint then
        return row('reused', null, null, jsonb_build_object('commitment', commitment))::ledger.reply;
    end if;
    if first.attempt = _attempt then
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
comment on function ledger.recall(text, text, text, text, bytea, bytea) is
    'The reply due to a key that is known; null for one that is free, which stays free.';

create or replace function ledger.claim(
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
    claimed ledger.commitment_ledger;
    put text;
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
    claimed.key := _key;
    claimed.fingerprint := _fingerprint;
    claimed.principal_kind := who.kind;
    claimed.principal_id := who.id;
    claimed.operation := _operation;
    claimed.resource := _resource;
    claimed.attempt := _attempt;
    claimed.claimed_at := clock_timestamp();
    insert into ledger.commitment_ledger
        (key, fingerprint, principal_kind, principal_id, operation, resource, attempt, claimed_at)
    values
        (claimed.key, claimed.fingerprint, claimed.principal_kind, claimed.principal_id, claimed.operation,
         claimed.resource, claimed.attempt, claimed.claimed_at)
    on conflict on constraint commitment_ledger_pkey do nothing;
    if found then
        put := set_config('optkas.commitment', encode(_key, 'hex'), true)
            || set_config('optkas.mutations', '', true)
            || set_config('optkas.leaf', ledger.leaf_head(claimed), true);
        return null;
    end if;
    return ledger.recall(_attempt, _operation, _resource, _client_key, _key, _fingerprint);
end
$$;
comment on function ledger.claim(text, text, text, text, bytea, bytea) is
    'Claims the key for this transaction and returns null; or returns the reply due to a key that is known.';
