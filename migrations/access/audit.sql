-- Triggers and policies of the schema `audit`: what holds of one table alone.

create policy trail_record on audit.trail
    for insert
    to optkas_owner
    with check (xid = pg_current_xact_id());

create policy trail_read on audit.trail
    for select
    to optkas_owner
    using (allocator_id = (select auth.allocator_id()));
