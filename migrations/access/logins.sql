-- The logins of the functions. One row a function; a login without a row is answered nothing.

delete from auth.login;
insert into auth.login (name, kind, isolation)
values
    -- generated from functions/endpoints.toml: begin logins
    ('anchor_checkpoint', 'system', 'read committed'),
    ('approve_release', 'human', 'serializable'),
    ('cancel_settlement', 'human', 'serializable'),
    ('collateral_webhook', 'agent', 'serializable'),
    ('create_risk_run', 'human', 'serializable'),
    ('create_settlement', 'human', 'serializable'),
    ('escrow_webhook', 'agent', 'serializable'),
    ('expire_settlements', 'system', 'serializable'),
    ('get_checkpoint', 'human', 'serializable'),
    ('get_commitment', 'human', 'serializable'),
    ('get_commitment_proof', 'human', 'serializable'),
    ('get_facility', 'human', 'serializable'),
    ('get_facility_collateral', 'human', 'serializable'),
    ('get_risk_run', 'human', 'serializable'),
    ('get_settlement', 'human', 'serializable'),
    ('list_audit', 'human', 'serializable'),
    ('list_facilities', 'human', 'serializable'),
    ('list_positions', 'human', 'serializable'),
    ('list_risk_runs', 'human', 'serializable'),
    ('list_settlements', 'human', 'serializable'),
    ('migrate', 'system', 'serializable'),
    ('monitor_collateral', 'system', 'serializable'),
    ('platform_webhook', 'agent', 'serializable'),
    ('prune_tokens', 'system', 'serializable'),
    ('reconcile_books', 'system', 'repeatable read'),
    ('request_release', 'human', 'serializable'),
    ('sequence_tlog', 'system', 'read committed'),
    ('settlement_webhook', 'agent', 'serializable'),
    ('sign_checkpoint', 'system', 'read committed'),
    ('sync_jwks', 'system', 'serializable'),
    ('verify_settlement', 'human', 'serializable')
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
