-- Policies of the schema `tlog`. All principals read the log; each job writes the tables of its own step.

-- No row of the log is an allocator's own: all may read.
do $$
declare
    name text;
begin
    foreach name in array array[
        'epoch', 'entry', 'node', 'turn', 'horizon', 'checkpoint', 'anchor_intent', 'anchor_transaction', 'anchor'
    ]
    loop
        execute format('create policy %I on tlog.%I for select to optkas_owner using (true)', name || '_read', name);
    end loop;
end
$$;

create policy epoch_open on tlog.epoch
    for insert
    to optkas_owner
    with check ((select auth.is_system('migrate')));

create policy entry_place on tlog.entry
    for insert
    to optkas_owner
    with check ((select auth.is_system('sequence-tlog')));

create policy node_place on tlog.node
    for insert
    to optkas_owner
    with check ((select auth.is_system('sequence-tlog')));

-- Locking a row for update is a change to the eyes of row-level security.
create policy turn_take on tlog.turn
    for update
    to optkas_owner
    using ((select auth.is_system('sequence-tlog')));

create policy horizon_take on tlog.horizon
    to optkas_owner
    using ((select auth.is_system('sequence-tlog')))
    with check ((select auth.is_system('sequence-tlog')));

create policy checkpoint_publish on tlog.checkpoint
    for insert
    to optkas_owner
    with check ((select auth.is_system('sign-checkpoint')));

create policy anchor_intent_prepare on tlog.anchor_intent
    for insert
    to optkas_owner
    with check ((select auth.is_system('anchor-checkpoint')));

create policy anchor_transaction_prepare on tlog.anchor_transaction
    for insert
    to optkas_owner
    with check ((select auth.is_system('anchor-checkpoint')));

create policy anchor_confirm on tlog.anchor
    for insert
    to optkas_owner
    with check ((select auth.is_system('anchor-checkpoint')));
