-- What create-settlement leaves behind, from number $from to number $to. As the superuser. What is off
-- meanwhile: foreign keys (replica; the bench looks for orphans afterwards), the audit triggers, whose rows
-- are written here, and the check of a settlement's last transition. The hashes in the trail are of the right
-- length and nothing else: nobody verifies this database.
begin;

set local session_replication_role = replica;
set local synchronous_commit = off;
set local work_mem = '256MB';
alter table capital.settlement disable trigger settlement_audit;
alter table capital.settlement_transition disable trigger settlement_transition_audit;
alter table capital.settlement_transition disable trigger settlement_transition_last;

-- In the order of the keys, and the settlements' ids after them: random, as they are, and yet each page of an
-- index is visited once.
create temp table made on commit drop as
select
    k.n,
    k.key,
    encode(substr(k.key, 1, 16), 'hex')::uuid as settlement_id,
    ('da000000-0000-4000-8000-' || lpad(to_hex(k.i), 12, '0'))::uuid as allocator_id,
    ('db000000-0000-4000-8000-' || lpad(to_hex(k.i), 12, '0'))::uuid as sub,
    ('df000000-0000-4000-8000-' || lpad(to_hex(k.i), 12, '0'))::uuid as facility_id,
    -- A settlement a second, since the beginning of the year.
    '2026-01-01T00:00:00Z'::timestamptz + k.n * interval '1 second' as at
from (
    select n, sha256(int8send(n)) as key, n % $allocators + 1 as i
    from generate_series($from::bigint, $to::bigint) as n
) as k
order by k.key;

insert into ledger.commitment_ledger
    (key, fingerprint, principal_kind, principal_id, operation, resource, attempt, claimed_at)
select m.key, sha256(m.key), 'human', m.sub::text, 'create-settlement', '', m.settlement_id::text, m.at
from made as m order by m.key;

insert into ledger.commitment_outcome
    (key, principal_kind, principal_id, allocator_id, outcome, status, body, committed_at, epoch, leaf)
select
    m.key, 'human', m.sub::text, m.allocator_id, 'accepted', 201,
    jsonb_build_object(
        'id', m.settlement_id, 'allocator_id', m.allocator_id, 'facility_id', m.facility_id,
        'status', 'PENDING', 'amount_minor', '100', 'currency', 'USD', 'value_date', '2026-12-01',
        'uetr', null, 'reference', null, 'expires_at', null, 'created_at', m.at, 'created_by', m.sub, 'version', 1,
        'commitment', jsonb_build_object(
            'idempotency_key', encode(m.key, 'hex'), 'outcome', 'accepted', 'committed_at', m.at)
    ),
    m.at, 1,
    '{"v":1,"key":"' || encode(m.key, 'hex') || '","fingerprint":"' || encode(sha256(m.key), 'hex')
        || '","actor":{"kind":"human","id_hash":"' || encode(sha256(m.key), 'hex')
        || '"},"operation":"create-settlement","resource":"","attempt":"' || m.settlement_id
        || '","occurred_at":null,"claimed_at":"2026-11-23T01:02:03.123456Z","allocator_id":"' || m.allocator_id
        || '","outcome":"accepted","status":201,"committed_at":"2026-11-23T01:02:03.123456Z","body_hash":"'
        || encode(m.key, 'hex') || '","mutations":2,"mutations_hash":"' || encode(m.key, 'hex') || '"}'
from made as m order by m.key;

insert into capital.settlement
    (settlement_id, allocator_id, facility_id, secured, amount_minor, currency, value_date, created_by, created_at,
     updated_at)
select m.settlement_id, m.allocator_id, m.facility_id, false, 100, 'USD', '2026-12-01', m.sub, m.at, m.at
from made as m order by m.key;

insert into capital.settlement_transition
    (settlement_id, seq, allocator_id, to_status, actor_kind, actor_id, commitment_key, at)
select m.settlement_id, 1, m.allocator_id, 'PENDING', 'human', m.sub::text, m.key, m.at
from made as m order by m.key;

insert into audit.trail (commitment_key, allocator_id, changes, actor_kind, actor_id, at, mutation_hash)
select
    m.key,
    m.allocator_id,
    json_build_array(
        json_build_object(
            'table', 'capital.settlement', 'key', json_build_array('settlement_id'), 'command', 'INSERT', 'old', null,
            'new', json_build_object(
                'settlement_id', m.settlement_id, 'allocator_id', m.allocator_id, 'facility_id', m.facility_id,
                'amount_minor', 100, 'currency', 'USD', 'value_date', '2026-12-01', 'uetr', null, 'reference', null,
                'expires_at', null, 'version', 1, 'previous_status', null, 'status', 'PENDING', 'created_by', m.sub,
                'created_at', m.at, 'updated_at', m.at)
        ),
        json_build_object(
            'table', 'capital.settlement_transition', 'key', json_build_array('settlement_id', 'seq'),
            'command', 'INSERT', 'old', null,
            'new', json_build_object(
                'settlement_id', m.settlement_id, 'seq', 1, 'previous_seq', null, 'allocator_id', m.allocator_id,
                'from_status', null, 'to_status', 'PENDING', 'actor_kind', 'human', 'actor_id', m.sub,
                'commitment_key', m.key::text, 'reason', null, 'at', m.at)
        )
    ),
    'human',
    m.sub::text,
    m.at,
    sha256(m.key)
from made as m
order by m.key;

alter table capital.settlement enable always trigger settlement_audit;
alter table capital.settlement_transition enable always trigger settlement_transition_audit;
alter table capital.settlement_transition enable always trigger settlement_transition_last;

commit;
