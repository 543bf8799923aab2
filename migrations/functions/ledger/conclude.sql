-- Outcomes: the last write of a mutation. A claim without an outcome cannot commit, so an effect without a record
-- cannot either.

create or replace function ledger.conclude(
    _outcome text,
    _status int4,
    _allocator_id uuid,
    _body jsonb,
    _refusal text default null
)
returns ledger.reply
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    who auth.identity := auth.principal();
    mutations text;
    concluded ledger.commitment_outcome;
    body bytea;
begin
    perform audit.close_changes(who);
    mutations := current_setting('optkas.mutations');
    concluded.key := decode(current_setting('optkas.commitment'), 'hex');
    concluded.principal_kind := who.kind;
    concluded.principal_id := who.id;
    concluded.allocator_id := _allocator_id;
    concluded.outcome := _outcome;
    concluded.status := _status;
    concluded.refusal := _refusal;
    concluded.committed_at := clock_timestamp();
    concluded.body := _body || jsonb_build_object(
        'commitment', ledger.commitment_json(concluded.key, _outcome, concluded.committed_at));
    concluded.epoch := tlog.present_epoch();
    body := convert_to(concluded.body::text, 'UTF8');
    concluded.leaf := current_setting('optkas.leaf') || ledger.leaf_tail(
        concluded,
        body,
        coalesce(nullif(split_part(mutations, ':', 1), ''), '0')::int4,
        case when mutations = '' then ledger.mutations_start()
            else decode(split_part(mutations, ':', 2), 'hex') end
    );

    insert into ledger.commitment_outcome
        (key, principal_kind, principal_id, allocator_id, outcome, status, refusal, body,
         committed_at, epoch, leaf)
    values
        (concluded.key, concluded.principal_kind, concluded.principal_id, concluded.allocator_id, concluded.outcome,
         concluded.status, concluded.refusal, concluded.body, concluded.committed_at, concluded.epoch, concluded.leaf);
    -- Deferred constraints are checked here, while this principal is presented: by the commit the session could have
    -- changed what the checks can see. For the next claim of this transaction they are deferred again.
    set constraints all immediate;
    set constraints all deferred;
    return row(_outcome, _status, _refusal, concluded.body)::ledger.reply;
end
$$;
comment on function ledger.conclude(text, int4, uuid, jsonb, text) is
    'Writes the outcome of the claim, the transaction''s last write. The body is kept as it is answered; a refusal''s '
    'members are its body.';

create or replace function ledger.conclude_refused(_allocator_id uuid, _name text, _members text)
returns ledger.reply
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    return ledger.conclude('refused', null, _allocator_id, _members::jsonb, _name);
end
$$;
comment on function ledger.conclude_refused(uuid, text, text) is 'Records a refusal as the outcome of the claim.';

create or replace function ledger.conclude_refused_report(
    _allocator_id uuid,
    _name text,
    _members text,
    _event_type text,
    _data jsonb
)
returns ledger.reply
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    return ledger.conclude('refused', null, _allocator_id, _members::jsonb || jsonb_build_object(
        'report', jsonb_build_object('type', _event_type, 'data', _data)), _name);
end
$$;
comment on function ledger.conclude_refused_report(uuid, text, text, text, jsonb) is
    'Records a refusal with what the agent reported. What was reported may have happened, and its bytes are kept '
    'nowhere else.';
