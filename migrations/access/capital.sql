-- Triggers and policies of the schema `capital`, for each table alone. The platform onboards; an allocator sees its own
-- rows; an agent sees the settlements of the facilities that name it.

-- Who takes part.
create policy allocator_read on capital.allocator
    for select
    to optkas_owner
    using (allocator_id = (select auth.allocator_id()) or (select auth.is_platform()));

create policy allocator_onboard on capital.allocator
    for insert
    to optkas_owner
    with check ((select auth.is_platform()));

-- The allocator of a member is found here, so these two policies cannot ask for it.
create policy member_read on capital.member
    for select
    to optkas_owner
    using (sub = (select auth.sub()) or (select auth.is_platform()));

create policy member_grant on capital.member
    for insert
    to optkas_owner
    with check ((select auth.is_platform()));

create policy member_mark_named on capital.member
    for update
    to optkas_owner
    using ((select auth.is_platform()));

-- A member sees the names of the members of its own allocator. An agent sees none.
create policy member_name_read on capital.member_name
    for select
    to optkas_owner
    using (
        ((select (auth.principal()).kind) = 'human' and allocator_id = (select auth.allocator_id()))
        or (select auth.is_platform())
    );

create policy member_name_give on capital.member_name
    for insert
    to optkas_owner
    with check ((select auth.is_platform()));

create policy member_name_correct on capital.member_name
    for update
    to optkas_owner
    using ((select auth.is_platform()));

create policy member_name_erase on capital.member_name
    for delete
    to optkas_owner
    using ((select auth.is_platform()));

create policy member_role_read on capital.member_role
    for select
    to optkas_owner
    using (sub = (select auth.sub()) or (select auth.is_platform()));

create policy member_role_grant on capital.member_role
    for insert
    to optkas_owner
    with check ((select auth.is_platform()));

create policy member_role_revoke on capital.member_role
    for delete
    to optkas_owner
    using ((select auth.is_platform()));

create policy agent_read on capital.agent
    for select
    to optkas_owner
    using (
        agent_id = (select auth.agent_id())
        or (select auth.is_platform())
        or (select auth.is_system('migrate'))
    );

create policy agent_register on capital.agent
    for insert
    to optkas_owner
    with check (
        ((select auth.is_platform()) and kind <> 'platform')
        or ((select auth.is_system('migrate')) and kind = 'platform')
    );

-- A person sees the facilities that the person's allocator takes part in.
create policy facility_read on capital.facility
    for select
    to optkas_owner
    using (
        case (select (auth.principal()).kind)
            when 'human' then capital.takes_part((select auth.allocator_id()), facility_id, lead_allocator_id)
            when 'agent' then true
            when 'system' then true
        end
    );

create policy facility_open on capital.facility
    for insert
    to optkas_owner
    with check ((select auth.is_platform()));

create policy admission_read on capital.admission
    for select
    to optkas_owner
    using (allocator_id = (select auth.allocator_id()) or (select auth.is_platform()));

create policy admission_admit on capital.admission
    for insert
    to optkas_owner
    with check ((select auth.is_platform()));

create policy admission_exclude on capital.admission
    for delete
    to optkas_owner
    using ((select auth.is_platform()));

create policy facility_slot_read on capital.facility_slot
    for select
    to optkas_owner
    using ((select (auth.principal()).kind) is not null);

create policy facility_slot_open on capital.facility_slot
    for insert
    to optkas_owner
    with check ((select auth.is_platform()));

-- The utilised amount moves only with a settlement of the allocator that this transaction is about.
create policy facility_slot_move on capital.facility_slot
    for update
    to optkas_owner
    using ((select auth.allocator_id()) is not null);

-- Settlements.
create constraint trigger settlement_transition_last
    after insert on capital.settlement_transition
    deferrable initially deferred
    for each row execute function capital.require_last_transition();

create trigger settlement_pinned
    before update on capital.settlement
    for each row execute function capital.pin_settlement();

create policy settlement_read on capital.settlement
    for select
    to optkas_owner
    using (
        allocator_id = (select auth.allocator_id())
        or ((select auth.agent_id()) is not null and capital.agent_serves(facility_id))
        or ((select auth.is_system('expire-settlements')) and expires_at <= now())
    );

create policy settlement_create on capital.settlement
    for insert
    to optkas_owner
    with check (
        (allocator_id, created_by) = (select p.allocator_id, p.sub from auth.principal() as p)
    );

create policy settlement_move on capital.settlement
    for update
    to optkas_owner
    using (allocator_id = (select auth.allocator_id()));

create policy settlement_transition_read on capital.settlement_transition
    for select
    to optkas_owner
    using (allocator_id = (select auth.allocator_id()));

create policy settlement_transition_append on capital.settlement_transition
    for insert
    to optkas_owner
    with check (
        (allocator_id, actor_kind, actor_id) = (select p.allocator_id, p.kind, p.id from auth.principal() as p)
    );

-- Books.
create trigger posting_last
    after insert on capital.posting
    referencing new table as added
    for each statement execute function capital.require_last_posting();

create policy account_own on capital.account
    to optkas_owner
    using (allocator_id = (select auth.allocator_id()))
    with check (allocator_id = (select auth.allocator_id()));

create policy journal_own on capital.journal
    to optkas_owner
    using (allocator_id = (select auth.allocator_id()))
    with check (allocator_id = (select auth.allocator_id()));

create policy posting_own on capital.posting
    to optkas_owner
    using (allocator_id = (select auth.allocator_id()))
    with check (allocator_id = (select auth.allocator_id()));

-- Reconciliation reads the books of every allocator.
create policy allocator_reconcile on capital.allocator
    for select
    to optkas_owner
    using ((select auth.is_system('reconcile-books')));

create policy settlement_reconcile on capital.settlement
    for select
    to optkas_owner
    using ((select auth.is_system('reconcile-books')));
