-- Who may log in, which tokens are believed, and which tokens were verified already. The database verifies tokens
-- itself, because it does not believe the function in front.

create type auth.identity as (
    kind text,
    id text,
    sub uuid,
    allocator_id uuid,
    roles text[]
);
comment on type auth.identity is
    'Who acts: a human by sub, an agent by its id, or the system by the function''s name. With the allocator that the '
    'transaction is about, and the roles that a member has there.';

create table auth.seal_key (
    only_row boolean not null default true,
    inner_pad bytea not null,
    outer_pad bytea not null,
    made_at timestamptz not null default clock_timestamp(),
    constraint seal_key_pkey primary key (only_row),
    constraint seal_key_only_row_single check (only_row),
    -- A block of SHA-256 each.
    constraint seal_key_pads_length check (octet_length(inner_pad) = 64 and octet_length(outer_pad) = 64)
);
comment on table auth.seal_key is
    'The key that identities are sealed with (auth.principal), as HMAC uses it (RFC 2104): xored with its two pads. '
    'Random, made by the database, replaced at each deployment. No login and no auditor reads it.';

create table auth.login (
    name text not null,
    kind text not null,
    isolation text not null,
    statement_timeout text not null,
    constraint login_pkey primary key (name),
    constraint login_kind_known check (kind in ('human', 'agent', 'system')),
    constraint login_isolation_known check (isolation in ('serializable', 'repeatable read', 'read committed')),
    constraint login_isolation_of_writers check (isolation = 'serializable' or kind = 'system')
);
comment on table auth.login is
    'The logins of the functions: the kind of principal that each presents, the one isolation level at which it is '
    'answered, and how long its longest statement may take.';
comment on column auth.login.name is 'The name of the role: the function''s name, with underscores.';

-- What a token must say, as the deployment configured it.
create table auth.expected_claims (
    only_row boolean not null default true,
    issuer text not null,
    audience fixed.text_255 not null,
    client_ids text[] not null,
    revision int4 not null,
    constraint expected_claims_pkey primary key (only_row),
    constraint expected_claims_only_row_single check (only_row),
    constraint expected_claims_issuer_length check (length(issuer) between 1 and 2048)
);
comment on table auth.expected_claims is
    'The issuer and audience that every token must name. One row, written by gateway.migrate alone.';
comment on column auth.expected_claims.client_ids is
    'The applications (claim client_id) whose tokens count as the person''s own. A token without the claim is the '
    'person''s.';
comment on column auth.expected_claims.revision is
    'Grows with every change. A token that was verified under another revision is verified again.';

-- The keys that tokens are verified with, and the memo of tokens that were verified.
create table auth.signing_key (
    kid text not null,
    algorithm text not null,
    x bytea,
    y bytea,
    n bytea,
    e bytea,
    registered_at timestamptz not null default clock_timestamp(),
    retired_at timestamptz,
    constraint signing_key_pkey primary key (kid),
    constraint signing_key_kid_length check (length(kid) between 1 and 255),
    constraint signing_key_algorithm_members check (
        case algorithm
            when 'ES256' then num_nulls(n, e) = 2 and fixed.p256_on_curve(x, y) is true
            when 'RS256' then num_nulls(x, y) = 2 and fixed.rsa_key_acceptable(n, e) is true
            when 'EdDSA' then num_nulls(y, n, e) = 3 and fixed.ed25519_key_acceptable(x) is true
            else false
        end
    ),
    constraint signing_key_retired_at_later check (retired_at >= registered_at)
);
comment on table auth.signing_key is
    'The issuer''s public keys, as sync-jwks saw them published. A key is retired when the issuer publishes it no '
    'longer, and in force again when it does, unless it is in auth.retired_key.';
comment on column auth.signing_key.x is 'The JWK''s member x, decoded; likewise y, n and e.';

create table auth.retired_key (
    thumbprint fixed.sha256 not null,
    reason text not null,
    retired_at timestamptz not null default clock_timestamp(),
    constraint retired_key_pkey primary key (thumbprint),
    constraint retired_key_reason_known check (reason in ('operator', 'private-members'))
);
comment on table auth.retired_key is
    'Keys that never verify a token again, under whatever kid and whoever publishes them. A row is for ever.';
comment on column auth.retired_key.thumbprint is 'The JWK''s SHA-256 thumbprint (RFC 7638).';
comment on column auth.retired_key.reason is
    'operator: a person said so. private-members: the issuer has published a private member of the key.';

create table auth.verified_token (
    token_sha256 fixed.sha256 not null,
    sub uuid not null,
    kid text not null,
    claims_revision int4 not null,
    not_before timestamptz not null,
    expires_at timestamptz not null,
    aal text,
    second_factor_at timestamptz,
    constraint verified_token_pkey primary key (token_sha256),
    constraint verified_token_kid_fkey foreign key (kid) references auth.signing_key (kid),
    constraint verified_token_aal_known check (aal in ('aal1', 'aal2'))
);
create index verified_token_expires_idx on auth.verified_token (expires_at);
comment on table auth.verified_token is
    'Tokens whose signature and claims held, so that they need not be verified again; a lost row costs one '
    'verification. Only auth.authenticate writes. A row is visible to the bearer of its token, and to prune-tokens '
    'once it has expired.';
comment on column auth.verified_token.claims_revision is
    'The revision of auth.expected_claims that the token was held to.';
comment on column auth.verified_token.not_before is 'The later of iat and nbf, as the token has it, without leeway.';
comment on column auth.verified_token.expires_at is 'The claim exp, as the token has it, without leeway.';
comment on column auth.verified_token.aal is
    'The claim aal: how the session was authenticated, aal2 with a second factor. Null if the token says neither.';
comment on column auth.verified_token.second_factor_at is
    'When a second factor was last presented in the session, as the claim amr has it; null if it has none.';
