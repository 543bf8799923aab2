-- Triggers and policies of the schema `auth`, for each table alone. The deployment writes logins and expected claims,
-- sync-jwks writes keys, and a bearer sees the memo of its own token.

create policy expected_claims_read on auth.expected_claims
    for select
    to optkas_owner
    using (true);

create policy expected_claims_write on auth.expected_claims
    to optkas_owner
    using ((select auth.is_system('migrate')))
    with check ((select auth.is_system('migrate')));

create trigger signing_key_pinned
    before insert or update on auth.signing_key
    for each row execute function auth.pin_signing_key();

create policy signing_key_read on auth.signing_key
    for select
    to optkas_owner
    using (true);

create policy signing_key_write on auth.signing_key
    to optkas_owner
    using ((select auth.is_system('sync-jwks')))
    with check ((select auth.is_system('sync-jwks')));

create policy retired_key_read on auth.retired_key
    for select
    to optkas_owner
    using (true);

create policy retired_key_write on auth.retired_key
    for insert
    to optkas_owner
    with check ((select auth.is_system('sync-jwks')));

create policy verified_token_bearer on auth.verified_token
    to optkas_owner
    using (token_sha256 = (select auth.presented_token_sha256()))
    with check (token_sha256 = (select auth.presented_token_sha256()));

create policy verified_token_prune on auth.verified_token
    to optkas_owner
    using (
        (select auth.is_system('prune-tokens'))
        and expires_at < (select clock_timestamp() - auth.leeway())
    );

create policy seal_key_read on auth.seal_key
    for select
    to optkas_owner
    using (true);

create policy seal_key_replace on auth.seal_key
    to optkas_owner
    using ((select auth.is_system('migrate')))
    with check ((select auth.is_system('migrate')));

create policy login_read on auth.login
    for select
    to optkas_owner
    using (true);
create policy login_deploy on auth.login
    to optkas_owner
    using ((select auth.is_system('migrate')))
    with check ((select auth.is_system('migrate')));
