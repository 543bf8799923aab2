-- Roles and schemas. Run by `migrate` at the start of every deployment, as itself; safe to repeat.
--
-- Roles belong to the cluster, not to the database, so this file says what must hold rather than
-- what changes. `optkas_owner` owns every object and has no members outside a deployment; each
-- function has one login, which may run one gateway function and nothing else.

do $$
declare
    login text;
begin
    -- Owns every object. Row-level security is forced on its tables, so it is no way around.
    if not exists (select from pg_roles where rolname = 'optkas_owner') then
        create role optkas_owner nologin nosuperuser nobypassrls;
    end if;

    -- Reads the ledger, the log and the audit trail; granted to the people who audit.
    if not exists (select from pg_roles where rolname = 'optkas_auditor') then
        create role optkas_auditor nologin nosuperuser nobypassrls;
    end if;

    foreach login in array array[
        'anchor_checkpoint',
        'approve_release',
        'cancel_settlement',
        'collateral_webhook',
        'create_risk_run',
        'create_settlement',
        'escrow_webhook',
        'expire_settlements',
        'get_checkpoint',
        'get_commitment',
        'get_commitment_proof',
        'get_facility',
        'get_facility_collateral',
        'get_risk_run',
        'get_settlement',
        'list_audit',
        'list_facilities',
        'list_positions',
        'list_risk_runs',
        'list_settlements',
        'monitor_collateral',
        'platform_webhook',
        'prune_tokens',
        'reconcile_books',
        'request_release',
        'sequence_tlog',
        'settlement_webhook',
        'sign_checkpoint',
        'sync_jwks',
        'verify_settlement'
    ]
    loop
        if not exists (select from pg_roles where rolname = login) then
            execute format('create role %I login noinherit nosuperuser nobypassrls', login);
        end if;
    end loop;

    -- Settings apply at login. A login can change them for its own session: what must hold whatever
    -- the session says (the isolation level) is checked by the gateway functions themselves.
    foreach login in array array[
        'anchor_checkpoint',
        'approve_release',
        'cancel_settlement',
        'collateral_webhook',
        'create_risk_run',
        'create_settlement',
        'escrow_webhook',
        'expire_settlements',
        'get_checkpoint',
        'get_commitment',
        'get_commitment_proof',
        'get_facility',
        'get_facility_collateral',
        'get_risk_run',
        'get_settlement',
        'list_audit',
        'list_facilities',
        'list_positions',
        'list_risk_runs',
        'list_settlements',
        'migrate',
        'monitor_collateral',
        'platform_webhook',
        'prune_tokens',
        'reconcile_books',
        'request_release',
        'sequence_tlog',
        'settlement_webhook',
        'sign_checkpoint',
        'sync_jwks',
        'verify_settlement'
    ]
    loop
        execute format('alter role %I set default_transaction_isolation = %L', login, 'serializable');
        execute format('alter role %I set statement_timeout = %L', login, '5s');
        execute format('alter role %I set lock_timeout = %L', login, '3s');
        execute format('alter role %I set idle_in_transaction_session_timeout = %L', login, '5s');
        execute format('alter role %I set idle_session_timeout = %L', login, '15min');
        execute format('alter role %I set search_path = %L', login, '');
        execute format('alter role %I set timezone = %L', login, 'UTC');
        -- Under SERIALIZABLE a sequential scan reads, and so guards, the whole table: on a small table
        -- the planner would prefer it and make strangers' transactions conflict.
        execute format('alter role %I set enable_seqscan = %L', login, 'off');
        -- Short statements never win back what compiling them costs.
        execute format('alter role %I set jit = %L', login, 'off');
        execute format('grant connect on database %I to %I', current_database(), login);
    end loop;

    -- What keeps the log stands outside the writers' conflicts: it must neither abort them nor be aborted.
    foreach login in array array['anchor_checkpoint', 'sequence_tlog', 'sign_checkpoint'] loop
        execute format('alter role %I set default_transaction_isolation = %L', login, 'read committed');
    end loop;
    -- What adds up the books needs one snapshot of them, and must not abort a writer either.
    execute format('alter role reconcile_books set default_transaction_isolation = %L', 'repeatable read');

    -- A migration may take its time; a batch of expiries more than one statement of a person.
    execute format('alter role migrate set statement_timeout = %L', '10min');
    execute format('alter role expire_settlements set statement_timeout = %L', '20s');
    execute format('alter role reconcile_books set statement_timeout = %L', '2min');
    execute format('alter role monitor_collateral set statement_timeout = %L', '20s');

    -- No connection, and no temporary object that could shadow a name, for anybody else.
    execute format('revoke all on database %I from public', current_database());
    execute format('grant connect on database %I to optkas_auditor', current_database());

    -- For this deployment only: taken back at its end.
    grant optkas_owner to migrate;
end
$$;

revoke all on schema public from public;

create schema if not exists deploy authorization optkas_owner;
create schema if not exists fixed authorization optkas_owner;
create schema if not exists auth authorization optkas_owner;
create schema if not exists ledger authorization optkas_owner;
create schema if not exists audit authorization optkas_owner;
create schema if not exists capital authorization optkas_owner;
create schema if not exists collateral authorization optkas_owner;
create schema if not exists risk authorization optkas_owner;
create schema if not exists tlog authorization optkas_owner;
create schema if not exists gateway authorization optkas_owner;

comment on schema deploy is 'Which migrations have been applied.';
comment on schema fixed is 'What stored rows were checked or computed with: domains, and immutable functions that never change.';
comment on schema auth is 'Who is asking: what identifies the principal of this transaction.';
comment on schema ledger is 'The commitment ledger: one claim and one outcome for every mutation, for ever.';
comment on schema audit is 'The append-only trail of every change to a domain table.';
comment on schema capital is 'The domain: allocators, facilities, settlements, accounts and their postings.';
comment on schema collateral is 'UCC collateral: filings, pledges, what they are worth, and what may be drawn on them.';
comment on schema risk is 'What is known of facilities'' credit, and the runs that were made of it.';
comment on schema tlog is 'The transparency log: places, the tree over them, and what was published of it.';
comment on schema gateway is 'The way in: one function for each endpoint, executable by that endpoint''s login alone.';
