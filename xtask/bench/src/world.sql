-- Allocators with a maker and a checker, and a facility each; all are admitted to the first as well. As the superuser;
-- the audit triggers are off meanwhile, since there is no commitment to record these rows under. Foreign keys and
-- checks hold.
begin;

alter table capital.allocator disable trigger allocator_audit;
alter table capital.member disable trigger member_audit;
alter table capital.member_role disable trigger member_role_audit;
alter table capital.facility disable trigger facility_audit;
alter table capital.facility_slot disable trigger facility_slot_audit;
alter table capital.admission disable trigger admission_audit;

create temp table made on commit drop as
select
    n,
    ('da000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid as allocator_id,
    ('db000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid as maker,
    ('dc000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid as checker,
    ('df000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid as facility_id
from generate_series(1, $number) as n;

insert into capital.allocator (allocator_id, legal_name)
select m.allocator_id, 'Allocator ' || m.n from made as m;
insert into capital.member (sub, allocator_id)
select p.sub, m.allocator_id from made as m cross join lateral (values (m.maker), (m.checker)) as p (sub);
insert into capital.member_role (sub, allocator_id, role)
select p.sub, m.allocator_id, p.role
from made as m cross join lateral (values (m.maker, 'maker'), (m.checker, 'checker')) as p (sub, role);
insert into capital.facility (facility_id, name, currency, escrow_agent_id, settlement_agent_id, secured, limit_minor)
select m.facility_id, 'Facility ' || m.n, 'USD', 'escrow-one', 'settle-one', false, 100000000000000000 from made as m;
insert into capital.facility_slot (facility_id, slot, secured, facility_limit_minor)
select f.facility_id, s.slot, f.secured, f.limit_minor
from made as m
join capital.facility as f on f.facility_id = m.facility_id
cross join generate_series(0, fixed.slots(f.secured) - 1) as s (slot);
insert into capital.admission (facility_id, allocator_id)
select m.facility_id, m.allocator_id from made as m
union
select first.facility_id, m.allocator_id from made as m cross join made as first where first.n = 1;

alter table capital.allocator enable always trigger allocator_audit;
alter table capital.member enable always trigger member_audit;
alter table capital.member_role enable always trigger member_role_audit;
alter table capital.facility enable always trigger facility_audit;
alter table capital.facility_slot enable always trigger facility_slot_audit;
alter table capital.admission enable always trigger admission_audit;

commit;
