-- Policies of the schema `risk`. The platform records profiles and matrices; an allocator's members record and read
-- their runs.

-- The holder of a position in a facility sees what is known of its credit, and so does the platform that reports it.
create policy profile_read on risk.profile
    for select
    to optkas_owner
    using (
        (select auth.is_platform())
        or facility_id in (
            select a.facility_id
            from capital.account as a
            where a.allocator_id = (select auth.allocator_id()) and a.kind = 'position'
        )
    );

create policy profile_record on risk.profile
    for insert
    to optkas_owner
    with check ((select auth.is_platform()));

create policy matrix_read on risk.matrix
    for select
    to optkas_owner
    using ((select (auth.principal()).kind) is not null);

create policy matrix_record on risk.matrix
    for insert
    to optkas_owner
    with check ((select auth.is_platform()));

create policy matrix_row_read on risk.matrix_row
    for select
    to optkas_owner
    using ((select (auth.principal()).kind) is not null);

create policy matrix_row_record on risk.matrix_row
    for insert
    to optkas_owner
    with check ((select auth.is_platform()));

create policy run_read on risk.run
    for select
    to optkas_owner
    using (allocator_id = (select auth.allocator_id()));

create policy run_record on risk.run
    for insert
    to optkas_owner
    with check (allocator_id = (select auth.allocator_id()) and created_by = (select auth.sub()));
