-- Roles and schemas. Run by `migrate` at the start of every deployment, as itself; safe to repeat.
--
-- Roles belong to the cluster, not to the database, so this file says what must hold rather than what changes.
-- `optkas_owner` owns every object and has no members outside a deployment. Each function has one login, which may run
-- its own gateway functions and nothing else.
--
-- A login can change its own role: its settings and its password. So every deployment sets them back. What only a
-- superuser could have given is found by auth.deviations, at the end of the deployment.

do $$
declare
    login record;
    -- A quarter of the server's: one login cannot take all.
    connections constant int4 := current_setting('max_connections')::int4 / 4;
begin
    -- Owns every object. Row-level security is forced on its tables, so the owner cannot bypass it either.
    if not exists (select from pg_roles where rolname = 'optkas_owner') then
        create role optkas_owner nologin nosuperuser nobypassrls;
    end if;
    -- `gateway.watch_database` sees how old transactions are, and ends them.
    grant pg_read_all_stats, pg_signal_backend to optkas_owner;

    -- Reads the ledger, the log and the audit trail; granted to the people who audit.
    if not exists (select from pg_roles where rolname = 'optkas_auditor') then
        create role optkas_auditor nologin nosuperuser nobypassrls;
    end if;

    -- Settings apply at login. A login can change them for its own session: what must hold whatever
    -- the session says (the isolation level) is checked by the gateway functions themselves.
    for login in
        select *
        from (values
            -- generated from functions/endpoints.toml: begin logins
            ('anchor_checkpoint', 'read committed', '5s'),
            ('approve_release', 'serializable', '5s'),
            ('cancel_settlement', 'serializable', '5s'),
            ('collateral_webhook', 'serializable', '5s'),
            ('create_risk_run', 'serializable', '5s'),
            ('create_settlement', 'serializable', '5s'),
            ('escrow_webhook', 'serializable', '5s'),
            ('expire_settlements', 'serializable', '20s'),
            ('find_commitment', 'serializable', '5s'),
            ('get_checkpoint', 'serializable', '5s'),
            ('get_commitment', 'serializable', '5s'),
            ('get_commitment_proof', 'serializable', '5s'),
            ('get_facility', 'serializable', '5s'),
            ('get_facility_collateral', 'serializable', '5s'),
            ('get_filing', 'serializable', '5s'),
            ('get_me', 'serializable', '5s'),
            ('get_release', 'serializable', '5s'),
            ('get_risk_chart', 'serializable', '5s'),
            ('get_risk_run', 'serializable', '5s'),
            ('get_settlement', 'serializable', '5s'),
            ('get_verification', 'serializable', '5s'),
            ('list_audit', 'serializable', '5s'),
            ('list_facilities', 'serializable', '5s'),
            ('list_positions', 'serializable', '5s'),
            ('list_releases', 'serializable', '5s'),
            ('list_risk_runs', 'serializable', '5s'),
            ('list_settlements', 'serializable', '5s'),
            ('list_warnings', 'serializable', '5s'),
            ('migrate', 'serializable', '10min'),
            ('monitor_collateral', 'serializable', '20s'),
            ('platform_webhook', 'serializable', '5s'),
            ('prune_tokens', 'serializable', '5s'),
            ('reconcile_books', 'repeatable read', '2min'),
            ('request_release', 'serializable', '5s'),
            ('sequence_tlog', 'read committed', '5s'),
            ('settlement_webhook', 'serializable', '5s'),
            ('sign_checkpoint', 'read committed', '5s'),
            ('sync_jwks', 'serializable', '5s'),
            ('verify_settlement', 'serializable', '5s'),
            ('watch_database', 'read committed', '5s')
            -- generated from functions/endpoints.toml: end logins
        ) as login (name, isolation, statement_timeout)
    loop
        -- The login `migrate` runs this: bootstrap.sql has created it.
        if not exists (select from pg_roles where rolname = login.name) then
            execute format('create role %I login noinherit nosuperuser nobypassrls', login.name);
        end if;
        -- From PostgreSQL 16 on, creating a role gives this right, and restoring a dump does not.
        if login.name <> 'migrate' and current_setting('server_version_num')::int4 >= 160000
            and not pg_has_role('migrate', login.name, 'usage with admin option')
        then
            raise exception 'migrate may not alter the role %', login.name
                using hint = format('As a superuser: grant %I to migrate with admin option, inherit false, set false',
                    login.name);
        end if;
        if login.name <> 'migrate'
            and exists (select from pg_roles where rolname = login.name and rolconnlimit <> connections)
        then
            execute format('alter role %I connection limit %s', login.name, connections);
        end if;
        execute format('alter role %I reset all', login.name);
        execute format('alter role %I in database %I reset all', login.name, current_database());
        execute format('alter role %I set default_transaction_isolation = %L', login.name, login.isolation);
        execute format('alter role %I set statement_timeout = %L', login.name, login.statement_timeout);
        execute format('alter role %I set lock_timeout = %L', login.name, '3s');
        execute format('alter role %I set idle_in_transaction_session_timeout = %L', login.name, '5s');
        execute format('alter role %I set idle_session_timeout = %L', login.name, '15min');
        execute format('alter role %I set search_path = %L', login.name, '');
        execute format('alter role %I set timezone = %L', login.name, 'UTC');
        -- Under SERIALIZABLE a sequential scan reads, and so guards, the whole table: on a small table
        -- the planner would prefer it and make strangers' transactions conflict.
        execute format('alter role %I set enable_seqscan = %L', login.name, 'off');
        -- Short statements never win back what compiling them costs.
        execute format('alter role %I set jit = %L', login.name, 'off');
        execute format('grant connect on database %I to %I', current_database(), login.name);
    end loop;

    -- Nobody else may connect, or make a temporary object that could shadow a name.
    execute format('revoke all on database %I from public', current_database());
    execute format('grant connect on database %I to optkas_auditor', current_database());

    -- For this deployment only: taken back at its end.
    grant optkas_owner to migrate;
end
$$;

revoke all on schema public from public;

grant usage, create on schema deploy to optkas_owner;
create schema if not exists fixed authorization optkas_owner;
create schema if not exists auth authorization optkas_owner;
create schema if not exists ledger authorization optkas_owner;
create schema if not exists audit authorization optkas_owner;
create schema if not exists capital authorization optkas_owner;
create schema if not exists collateral authorization optkas_owner;
create schema if not exists risk authorization optkas_owner;
create schema if not exists tlog authorization optkas_owner;
create schema if not exists lane authorization optkas_owner;
create schema if not exists gateway authorization optkas_owner;

comment on schema deploy is 'What a deployment applied last: the history, and the files of the present.';
comment on schema fixed is
    'What stored rows were checked or computed with: domains, and immutable functions that never change.';
comment on schema auth is 'Who is asking: what identifies the principal of this transaction.';
comment on schema ledger is 'The commitment ledger: one claim and one outcome for every mutation, for ever.';
comment on schema audit is 'The append-only trail of every change to a domain table.';
comment on schema capital is 'The domain: allocators, facilities, settlements, accounts and their postings.';
comment on schema collateral is 'UCC collateral: filings, pledges, what they are worth, and what may be drawn on them.';
comment on schema risk is 'What is known of the credit of facilities, and the runs that were made of it.';
comment on schema tlog is 'The transparency log: places, the tree over them, and what was published of it.';
comment on schema lane is 'Where transactions that have lost a race queue: empty tables, which they lock.';
comment on schema gateway is
    'The way in: the gateway functions of each endpoint, executable by that endpoint''s login alone. A job can have '
    'several.';
