-- The logins of the functions. One row a function; a login without a row is answered nothing.

delete from auth.login;
insert into auth.login (name, kind, isolation, statement_timeout)
values
    -- generated from functions/endpoints.toml: begin logins
    ('anchor_checkpoint', 'system', 'read committed', '5s'),
    ('approve_release', 'human', 'serializable', '5s'),
    ('cancel_settlement', 'human', 'serializable', '5s'),
    ('collateral_webhook', 'agent', 'serializable', '5s'),
    ('create_risk_run', 'human', 'serializable', '5s'),
    ('create_settlement', 'human', 'serializable', '5s'),
    ('escrow_webhook', 'agent', 'serializable', '5s'),
    ('expire_settlements', 'system', 'serializable', '20s'),
    ('find_commitment', 'human', 'serializable', '5s'),
    ('get_checkpoint', 'human', 'serializable', '5s'),
    ('get_commitment', 'human', 'serializable', '5s'),
    ('get_commitment_proof', 'human', 'serializable', '5s'),
    ('get_facility', 'human', 'serializable', '5s'),
    ('get_facility_collateral', 'human', 'serializable', '5s'),
    ('get_filing', 'human', 'serializable', '5s'),
    ('get_me', 'human', 'serializable', '5s'),
    ('get_release', 'human', 'serializable', '5s'),
    ('get_risk_chart', 'human', 'serializable', '5s'),
    ('get_risk_run', 'human', 'serializable', '5s'),
    ('get_settlement', 'human', 'serializable', '5s'),
    ('get_verification', 'human', 'serializable', '5s'),
    ('list_audit', 'human', 'serializable', '5s'),
    ('list_facilities', 'human', 'serializable', '5s'),
    ('list_positions', 'human', 'serializable', '5s'),
    ('list_releases', 'human', 'serializable', '5s'),
    ('list_risk_runs', 'human', 'serializable', '5s'),
    ('list_settlements', 'human', 'serializable', '5s'),
    ('list_warnings', 'human', 'serializable', '5s'),
    ('migrate', 'system', 'serializable', '10min'),
    ('monitor_collateral', 'system', 'serializable', '20s'),
    ('platform_webhook', 'agent', 'serializable', '5s'),
    ('prune_tokens', 'system', 'serializable', '5s'),
    ('reconcile_books', 'system', 'repeatable read', '2min'),
    ('request_release', 'human', 'serializable', '5s'),
    ('sequence_tlog', 'system', 'read committed', '5s'),
    ('settlement_webhook', 'agent', 'serializable', '5s'),
    ('sign_checkpoint', 'system', 'read committed', '5s'),
    ('sync_jwks', 'system', 'serializable', '5s'),
    ('verify_settlement', 'human', 'serializable', '5s'),
    ('watch_database', 'system', 'read committed', '5s')
    -- generated from functions/endpoints.toml: end logins
;

-- Each login may use the schema of the way in. What it may execute there, the function's own file says.

do $$
declare
    login text;
begin
    for login in
        select l.name from auth.login as l order by l.name
    loop
        execute format('grant usage on schema gateway to %I', login);
    end loop;
end
$$;
