//! Attempts of an attacker who can run any SQL.

use tests::sample_data::{AURORA, SECURED_FACILITY, find_person};

/// The attempt, the statements, and the barrier: SQLSTATE and the beginning of the message.
pub(super) const FORBIDDEN: [(&str, &str, &str); 40] = [
    (
        "reading another's settlements",
        "select from capital.settlement",
        "42501 permission denied for schema capital",
    ),
    (
        "reading another's balances",
        "select balance_minor from capital.account",
        "42501 permission denied for schema capital",
    ),
    (
        "moving another's money",
        "update capital.account set balance_minor = 0",
        "42501 permission denied for schema capital",
    ),
    (
        "reading another's collateral",
        "select from collateral.pledge",
        "42501 permission denied for schema collateral",
    ),
    (
        "letting a pledge go",
        "update collateral.pledge set released_on = current_date",
        "42501 permission denied for schema collateral",
    ),
    (
        "reading the ledger",
        "select from ledger.commitment_outcome",
        "42501 permission denied for schema ledger",
    ),
    (
        "reading the audit trail",
        "select from audit.trail",
        "42501 permission denied for schema audit",
    ),
    (
        "reading the memo",
        "select from auth.verified_token",
        "42501 permission denied for schema auth",
    ),
    (
        "forging the memo",
        "insert into auth.verified_token
         values (sha256('x'), 'a1000000-0000-4000-8000-000000000001', 'k', 1, now(), now() + interval '1 hour')",
        "42501 permission denied for schema auth",
    ),
    (
        "prolonging what the memo knows",
        "update auth.verified_token set expires_at = 'infinity'",
        "42501 permission denied for schema auth",
    ),
    (
        "registering a key of one's own",
        "insert into auth.signing_key (kid, algorithm) values ('mine', 'ES256')",
        "42501 permission denied for schema auth",
    ),
    (
        "bringing back a retired key",
        "update auth.signing_key set retired_at = null",
        "42501 permission denied for schema auth",
    ),
    (
        "accepting another issuer",
        "update auth.expected_claims set issuer = 'mine'",
        "42501 permission denied for schema auth",
    ),
    (
        "presenting past the gateway",
        "select auth.authenticate('x')",
        "42501 permission denied for schema auth",
    ),
    (
        "presenting a system",
        "select auth.authenticate_system('sync-jwks')",
        "42501 permission denied for schema auth",
    ),
    (
        "presenting an agent",
        "select auth.authenticate_agent('optkas-platform', 'platform')",
        "42501 permission denied for schema auth",
    ),
    (
        "asking who is presented",
        "select auth.sub()",
        "42501 permission denied for schema auth",
    ),
    (
        "reading the key of seals",
        "select inner_pad from auth.seal_key",
        "42501 permission denied for schema auth",
    ),
    (
        "replacing the key of seals",
        "select auth.replace_seal_key()",
        "42501 permission denied for schema auth",
    ),
    (
        "sealing an identity",
        "select auth.seal(null)",
        "42501 permission denied for schema auth",
    ),
    (
        "asking for what a seal is over",
        "select auth.sealed_octets('x')",
        "42501 permission denied for schema auth",
    ),
    (
        "choosing an allocator",
        "select auth.scope_to('a0000000-0000-4000-8000-000000000001')",
        "42501 permission denied for schema auth",
    ),
    (
        "claiming a key",
        "select ledger.claim('', '{}')",
        "42501 permission denied for schema ledger",
    ),
    (
        "becoming the owner",
        "set role optkas_owner",
        "42501 permission denied to set role",
    ),
    (
        "becoming the auditor",
        "set role optkas_auditor",
        "42501 permission denied to set role",
    ),
    (
        "becoming the key registrar's session",
        "set session authorization migrate",
        "42501 permission denied to set session authorization",
    ),
    (
        "joining the owner",
        "grant optkas_owner to current_user",
        "42501 ",
    ),
    (
        "taking another login's password",
        "alter role migrate password 'mine'",
        "42501 ",
    ),
    (
        "switching triggers and foreign keys off",
        "set session_replication_role = replica",
        "42501 permission denied to set parameter",
    ),
    (
        "having tokens logged",
        "set log_parameter_max_length = -1",
        "42501 permission denied to set parameter",
    ),
    (
        "having tokens logged when something fails",
        "set log_statement = 'all'",
        "42501 permission denied to set parameter",
    ),
    (
        "replacing a function",
        "create or replace function auth.sub() returns uuid language sql return null::uuid",
        "42501 permission denied for schema auth",
    ),
    (
        "a function's path",
        "alter function gateway.list_positions set search_path = pg_temp",
        "42501 must be owner of function",
    ),
    (
        "a temporary table",
        "create temp table verified_token (sub uuid)",
        "42501 permission denied to create temporary tables",
    ),
    (
        "a temporary type",
        "create type pg_temp.uuid as enum ('x')",
        "42501 permission denied to create temporary tables",
    ),
    (
        "a schema",
        "create schema mine",
        "42501 permission denied for database",
    ),
    (
        "a table in public",
        "create table public.mine ()",
        "42501 permission denied for schema public",
    ),
    (
        "a file",
        "copy (select 1) to '/tmp/mine'",
        "42501 ",
    ),
    (
        "the server's files",
        "select pg_read_file('postgresql.conf')",
        "42501 permission denied for function pg_read_file",
    ),
    (
        "other sessions' statements, with whatever they hold",
        "select pg_ls_waldir()",
        "42501 permission denied for function pg_ls_waldir",
    ),
];

/// Session settings that could pass for an identity.
pub(super) fn settings() -> Vec<(&'static str, String)> {
    let alice = find_person("alice").expect("alice is a sample person").sub;
    let aurora = AURORA.id;
    let set = |name: &str, value: &str| format!("select set_config('{name}', '{value}', false)");
    vec![
        ("an agent's name", set("optkas.identity", "optkas-platform")),
        ("an allocator", set("optkas.identity", &aurora.to_string())),
        ("a commitment", set("optkas.commitment", &"00".repeat(32))),
        (
            "a facility",
            set("optkas.facility", &SECURED_FACILITY.id.to_string()),
        ),
        (
            "names of old",
            [
                set("optkas.agent", "optkas-platform"),
                set("optkas.scope", &aurora.to_string()),
                set("optkas.principal_kind", "human"),
                set("optkas.principal_id", &alice.to_string()),
            ]
            .join(";"),
        ),
        (
            "another path",
            set("search_path", "auth, capital, pg_temp, pg_catalog"),
        ),
        ("no path", set("search_path", "")),
        ("other literals", set("standard_conforming_strings", "off")),
        ("null equals null", set("transform_null_equals", "on")),
        ("other plans", set("plan_cache_mode", "force_generic_plan")),
        ("a role of none", "set role none".to_owned()),
        (
            "one's own session again",
            "set session authorization default".to_owned(),
        ),
    ]
}
