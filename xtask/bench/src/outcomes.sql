-- Outcomes that come from nowhere: what sequences and signs looks at nothing else, and real ones take a
-- millisecond each.
set session_replication_role = replica;
insert into ledger.commitment_outcome
    (key, principal_kind, principal_id, outcome, status, body, epoch, leaf)
select
    o.key, 'system', 'bench', 'accepted', 200, '{}', 1,
    '{"v":1,"key":"' || encode(o.key, 'hex') || '","fingerprint":"' || encode(sha256(o.key), 'hex')
        || '","actor":{"kind":"system","id_hash":"' || encode(o.key, 'hex')
        || '"},"operation":"create-settlement","resource":""'
        || ',"attempt":"00000000-0000-4000-8000-000000000000","occurred_at":null'
        || ',"claimed_at":"2026-11-23T01:02:03.123456Z","allocator_id":"a1000000-0000-4000-8000-000000000001"'
        || ',"outcome":"accepted","status":200,"committed_at":"2026-11-23T01:02:03.123456Z","body_hash":"'
        || encode(o.key, 'hex') || '","mutations":2,"mutations_hash":"' || encode(o.key, 'hex') || '"}'
from (
    select sha256(convert_to(gen_random_uuid()::text, 'UTF8')) as key from generate_series(1, $number)
) as o
order by o.key;
reset session_replication_role;
