-- What a verification leaves in the books, for every settlement that growth.sql wrote: a journal and two postings.
-- As the superuser, without foreign keys: the accounts are made up, and only how many rows an index has matters.
begin;

set local session_replication_role = replica;
set local synchronous_commit = off;
set local work_mem = '256MB';
alter table capital.journal disable trigger user;
alter table capital.posting disable trigger user;

create temp table made on commit drop as
select
    sha256(uuid_send(s.settlement_id)) as key,
    s.settlement_id,
    s.allocator_id,
    row_number() over (partition by s.allocator_id order by s.settlement_id) as version
from capital.settlement as s
where s.settlement_id not in (select j.settlement_id from capital.journal as j where j.settlement_id is not null);

insert into capital.journal
    (journal_id, allocator_id, kind, settlement_id, currency, amount_minor, commitment_key, posted_at)
select encode(substr(m.key, 1, 16), 'hex')::uuid, m.allocator_id, 'reserve', m.settlement_id, 'USD', 100, m.key,
    now() + m.version * interval '1 us'
from made as m order by m.key;

insert into capital.posting
    (account_id, account_version, journal_id, side, allocator_id, currency, moved_minor, amount_minor,
    balance_before_minor, balance_after_minor, previous_posted_at, posted_at)
select
    encode(substr(sha256(uuid_send(m.allocator_id) || leg.side || int8send(b.journals)), 1, 16), 'hex')::uuid,
    m.version, encode(substr(m.key, 1, 16), 'hex')::uuid, leg.sign, m.allocator_id, 'USD', 100, leg.sign * 100,
    leg.sign * 100 * (m.version - 1), leg.sign * 100 * m.version,
    case when m.version > 1 then now() + (m.version - 1) * interval '1 us' end, now() + m.version * interval '1 us'
from made as m
-- Other accounts each time this is run.
cross join (select count(*) as journals from capital.journal) as b
cross join (values ('\x01'::bytea, -1), ('\x02', 1)) as leg (side, sign)
order by 1, 2;

do $$
declare
    guard record;
begin
    for guard in
        select t.tgrelid::regclass as guarded, t.tgname
        from pg_trigger as t
        where t.tgrelid in ('capital.journal'::regclass, 'capital.posting'::regclass) and not t.tgisinternal
    loop
        execute format('alter table %s enable always trigger %I', guard.guarded, guard.tgname);
    end loop;
end
$$;

commit;
