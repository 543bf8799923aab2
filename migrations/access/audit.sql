-- Policies of the schema `audit`. A transaction adds entries of its own, and an allocator reads its own.

create policy trail_record on audit.trail
    for insert
    to optkas_owner
    with check (xid = pg_current_xact_id());

create policy trail_read on audit.trail
    for select
    to optkas_owner
    using (allocator_id = (select auth.allocator_id()));
