-- Policies of the schema `ledger`. A principal writes and reads its own commitments; an allocator reads those that are
-- its affair; the jobs of the log read all outcomes.

create policy commitment_ledger_claim on ledger.commitment_ledger
    for insert
    to optkas_owner
    with check (
        (principal_kind, principal_id) = (select p.kind, p.id from auth.principal() as p)
        and xid = pg_current_xact_id()
    );

-- A claim is visible with its outcome.
create policy commitment_ledger_read on ledger.commitment_ledger
    for select
    to optkas_owner
    using (
        (
            (principal_kind, principal_id) = (select p.kind, p.id from auth.principal() as p)
        )
        or exists (
            select from ledger.commitment_outcome as o where o.key = commitment_ledger.key
        )
    );

create policy commitment_outcome_conclude on ledger.commitment_outcome
    for insert
    to optkas_owner
    with check (
        (principal_kind, principal_id) = (select p.kind, p.id from auth.principal() as p)
    );

create policy commitment_outcome_read on ledger.commitment_outcome
    for select
    to optkas_owner
    using (
        allocator_id = (select auth.allocator_id())
        or (
            (principal_kind, principal_id) = (select p.kind, p.id from auth.principal() as p)
        )
    );

create policy commitment_outcome_place on ledger.commitment_outcome
    for select
    to optkas_owner
    using (
        (select auth.is_system('sequence-tlog'))
        or (select auth.is_system('sign-checkpoint'))
        or (select auth.is_system('watch-database'))
    );
