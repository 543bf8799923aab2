-- The leaf: what the log says of one outcome, to the byte. docs/TLOG-LEAF.md has the format; the crate `tlog`
-- renders the same.

-- The hashes below are fixed.tagged_hash written out: every mutation pays for them, and an expression costs a
-- tenth of a call.
create or replace function ledger.leaf_head(_claim ledger.commitment_ledger)
returns text
language sql
stable
return '{"v":1,"id":"' || encode((_claim).key, 'hex')
    || '","fingerprint":"' || encode((_claim).fingerprint, 'hex')
    || '","actor":{"kind":"' || (_claim).principal_kind
    || '","id_hash":"' || encode(sha256(
        sha256('optkas/log-actor/v1'::bytea) || sha256('optkas/log-actor/v1'::bytea)
        || int8send(octet_length((_claim).principal_kind)) || convert_to((_claim).principal_kind, 'UTF8')
        || int8send(octet_length((_claim).principal_id)) || convert_to((_claim).principal_id, 'UTF8')
    ), 'hex')
    || '"},"operation":' || to_json((_claim).operation)::text
    || ',"resource_id":' || to_json((_claim).resource)::text
    || ',"attempt":' || to_json((_claim).attempt)::text
    || ',"occurred_at":' || coalesce('"' || ledger.rfc3339((_claim).occurred_at) || '"', 'null')
    || ',"claimed_at":"' || ledger.rfc3339((_claim).claimed_at) || '"';
comment on function ledger.leaf_head(ledger.commitment_ledger) is
    'The part of a leaf that the claim knows. The actor is a hash: when the person is erased, nothing is left to link.';

create or replace function ledger.leaf_tail(
    _outcome ledger.commitment_outcome,
    _body bytea,
    _mutations int4,
    _mutations_hash bytea
)
returns text
language sql
stable
return ',"allocator_id":' || coalesce('"' || (_outcome).allocator_id::text || '"', 'null')
    || ',"created_id":' || case (_outcome).status when 201 then '"' || ((_outcome).body ->> 'id') || '"' else 'null' end
    || ',"outcome":"' || (_outcome).outcome
    || case when (_outcome).refusal is null then '","status":' || (_outcome).status || ','
        else '","refusal":"' || (_outcome).refusal || '",' end
    || '"committed_at":"' || ledger.rfc3339((_outcome).committed_at)
    || '","body_hash":"' || encode(case when (_outcome).refusal is null then sha256(
        sha256('optkas/log-body/v1'::bytea) || sha256('optkas/log-body/v1'::bytea)
        || int8send(octet_length(_body)) || _body
    ) else sha256(
        sha256('optkas/log-refusal/v1'::bytea) || sha256('optkas/log-refusal/v1'::bytea)
        || int8send(octet_length((_outcome).refusal)) || convert_to((_outcome).refusal, 'UTF8')
        || int8send(octet_length(_body)) || _body
    ) end, 'hex')
    || '","mutations":' || _mutations
    || ',"mutations_hash":"' || encode(_mutations_hash, 'hex') || '"}';
comment on function ledger.leaf_tail(ledger.commitment_outcome, bytea, int4, bytea) is
    'The part of a leaf that the outcome knows, with its body in UTF-8. It has hashes of what was answered and '
    'changed, and neither in clear, but for the id of what was created. Null if that has no id: nothing is committed.';

create or replace function ledger.mutations_start()
returns bytea
language sql
immutable
parallel safe
return '\x0000000000000000000000000000000000000000000000000000000000000000'::bytea;
comment on function ledger.mutations_start() is 'The digest of no mutation.';

create or replace function ledger.mutations_add(_hash bytea, _mutation_hash bytea)
returns bytea
language sql
immutable
parallel safe
return sha256(
    sha256('optkas/log-mutations/v1'::bytea) || sha256('optkas/log-mutations/v1'::bytea)
    || '\x0000000000000020'::bytea || _hash
    || '\x0000000000000020'::bytea || _mutation_hash
);
comment on function ledger.mutations_add(bytea, bytea) is
    'The digest of a commitment''s entries in the audit trail, with one more, in the order of their ids. Both '
    'arguments are hashes of 32 octets.';
