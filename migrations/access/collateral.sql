-- Triggers and policies of the schema `collateral`, for each table alone. All who take part in a facility read its
-- rows; functions/collateral/facility.sql says who that is, and who writes.

create trigger party_pinned
    before update on collateral.party
    for each row execute function collateral.pin_party();

create trigger pledge_pinned
    before update on collateral.pledge
    for each row execute function collateral.pin_pledge();

create trigger release_pinned
    before update on collateral.release
    for each row execute function collateral.pin_release();

create trigger warning_pinned
    before update on collateral.warning
    for each row execute function collateral.pin_warning();

do $$
declare
    -- For each table: the facility that its writer may write, and whether it may insert, update and delete.
    written constant jsonb := '{
        "party": ["collateral.platform_facility_id()", "iu"],
        "rules": ["collateral.platform_facility_id()", "i"],
        "rule_kind": ["collateral.platform_facility_id()", "i"],
        "filing": ["collateral.reported_facility_id()", "i"],
        "filing_party": ["collateral.reported_facility_id()", "i"],
        "agreement": ["collateral.reported_facility_id()", "i"],
        "asset": ["collateral.reported_facility_id()", "i"],
        "amendment": ["collateral.reported_facility_id()", "i"],
        "valuation": ["collateral.reported_facility_id()", "i"],
        "custody_receipt": ["collateral.reported_facility_id()", "i"],
        "search": ["collateral.reported_facility_id()", "i"],
        "search_finding": ["collateral.reported_facility_id()", "i"],
        "release": ["collateral.led_facility_id()", "iu"],
        "release_pledge": ["collateral.led_facility_id()", "i"],
        "filing_standing": ["collateral.summed_facility_id()", "iu"],
        "cover": ["collateral.summed_facility_id()", "iu"],
        "kind_sum": ["collateral.summed_facility_id()", "iu"],
        "obligor_sum": ["collateral.summed_facility_id()", "iu"],
        "obligor_kind_sum": ["collateral.summed_facility_id()", "iu"],
        "holding": ["collateral.summed_facility_id()", "iud"],
        "borrowing_base": ["collateral.facility_id()", "i"],
        "warning": ["collateral.monitored_facility_id()", "iu"]
    }';
    written_table record;
begin
    for written_table in
        select w.key as name, w.value ->> 0 as who, w.value ->> 1 as how from jsonb_each(written) as w
    loop
        execute format(
            'create policy %I on collateral.%I for select to optkas_owner
            using (facility_id = (select collateral.facility_id()))',
            written_table.name || '_read', written_table.name);
        if written_table.how ~ 'i' then
            execute format(
                'create policy %I on collateral.%I for insert to optkas_owner
                with check (facility_id = (select %s))',
                written_table.name || '_record', written_table.name, written_table.who);
        end if;
        if written_table.how ~ 'u' then
            execute format(
                'create policy %I on collateral.%I for update to optkas_owner
                using (facility_id = (select %s))',
                written_table.name || '_change', written_table.name, written_table.who);
        end if;
        if written_table.how ~ 'd' then
            execute format(
                'create policy %I on collateral.%I for delete to optkas_owner
                using (facility_id = (select %s))',
                written_table.name || '_end', written_table.name, written_table.who);
        end if;
    end loop;
end
$$;

-- Pledges: the collateral agent begins them, and the lead allocator ends them.
create policy pledge_read on collateral.pledge
    for select
    to optkas_owner
    using (facility_id = (select collateral.facility_id()));

create policy pledge_record on collateral.pledge
    for insert
    to optkas_owner
    with check (facility_id = (select collateral.reported_facility_id()) and released_on is null);

create policy pledge_end on collateral.pledge
    for update
    to optkas_owner
    using (facility_id = (select collateral.led_facility_id()));

-- Releases. An approver knows the release, and learns the facility from it.
create policy release_own on collateral.release
    for select
    to optkas_owner
    using (allocator_id = (select auth.allocator_id()));

-- Who knows a release's id, and takes part in its facility, learns the facility from it.
create policy release_in_facility on collateral.release
    for select
    to optkas_owner
    using (
        (select (auth.principal()).kind) = 'human'
        and exists (select from capital.facility as f where f.facility_id = release.facility_id)
    );

-- Maker and checker are named in what they write.
create policy release_by_maker on collateral.release
    as restrictive
    for insert
    to optkas_owner
    with check (
        allocator_id = (select auth.allocator_id())
        and created_by = (select auth.sub())
        and status = 'REQUESTED'
    );

create policy release_by_checker on collateral.release
    as restrictive
    for update
    to optkas_owner
    using (allocator_id = (select auth.allocator_id()))
    with check (approved_by = (select auth.sub()));

-- Precedence: whether another facility has the same thing is asked for every facility.
create policy precedence_read on collateral.precedence
    for select
    to optkas_owner
    using ((select (auth.principal()).kind) is not null);

create policy precedence_record on collateral.precedence
    for insert
    to optkas_owner
    with check (facility_id = (select collateral.reported_facility_id()));

create policy precedence_decide on collateral.precedence
    for update
    to optkas_owner
    using ((select auth.is_platform()));

create policy precedence_end on collateral.precedence
    for delete
    to optkas_owner
    using (facility_id = (select collateral.led_facility_id()) and subject_kind = 'asset');
