-- The seal. An authentication establishes who acts, and writes it to a setting with a MAC. Every policy asks the
-- setting, and believes it if the MAC is right. So a token, its key and its member are looked up once a transaction.
--
-- The setting is `optkas.identity`: the MAC in 64 hexadecimal digits, then a value of auth.identity as text. The MAC is
-- HMAC-SHA-256 (RFC 2104). A login can write the setting. It cannot make the MAC, whose key it cannot read.

create or replace function auth.sealed_octets(_identity text)
returns bytea
language sql
stable
-- The first three have a length of their own, and no login's name has a space.
return int4send(pg_backend_pid())
    || timestamptz_send(transaction_timestamp())
    -- The next transaction id of the server, as this transaction first asked: it grows, whatever the clock does.
    || int4send(age('3'::xid))
    || convert_to(session_user || ' ' || _identity, 'UTF8');
comment on function auth.sealed_octets(text) is
    'What a seal is over: session, transaction, login and identity. In another transaction or session it is something '
    'else.';

create or replace function auth.hmac(_key auth.seal_key, _octets bytea)
returns bytea
language sql
immutable
parallel safe
return sha256((_key).outer_pad || sha256((_key).inner_pad || _octets));
comment on function auth.hmac(auth.seal_key, bytea) is 'HMAC-SHA-256 (RFC 2104).';

create or replace function auth.seal(_identity auth.identity)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    key auth.seal_key;
    sealed text;
begin
    select * into key from auth.seal_key as k where k.only_row;
    if not found then
        raise exception using errcode = 'OPK04', message = 'seal-key-missing';
    end if;
    -- An expression, and no statement, whose plan could have the key as a constant.
    sealed := set_config(
        'optkas.identity',
        encode(auth.hmac(key, auth.sealed_octets(_identity::text)), 'hex') || _identity::text,
        true
    );
end
$$;
comment on function auth.seal(auth.identity) is
    'Seals who acts, until the transaction ends. Only an authentication may call it, with what it has established.';

create or replace function auth.principal()
returns auth.identity
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    sealed constant text := nullif(current_setting('optkas.identity', true), '');
    key auth.seal_key;
    who auth.identity;
begin
    select * into key from auth.seal_key as k where k.only_row;
    if (
        encode(auth.hmac(key, auth.sealed_octets(substr(sealed, 65))), 'hex') = left(sealed, 64)
    ) is not true then
        return null;
    end if;
    who := substr(sealed, 65)::auth.identity;
    -- Not now(): that is when the transaction began. A job is its login, which nothing withdraws.
    if who.kind = 'system'
        or clock_timestamp() - transaction_timestamp() <= auth.transaction_age_max()
    then
        return who;
    end if;
    return null;
end
$$;
comment on function auth.principal() is
    'Who acts in this transaction: null before authentication, and for people and agents once the transaction is too '
    'old. A policy reads a member of it as (select …), once a query.';

create or replace function auth.replace_seal_key()
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    -- 488 random bits, of the server's own generator.
    key constant bytea := sha256(
        uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
        || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
    );
    inner_pad bytea := decode(repeat('36', 64), 'hex');
    outer_pad bytea := decode(repeat('5c', 64), 'hex');
begin
    for place in 0 .. 31 loop
        inner_pad := set_byte(inner_pad, place, get_byte(inner_pad, place) # get_byte(key, place));
        outer_pad := set_byte(outer_pad, place, get_byte(outer_pad, place) # get_byte(key, place));
    end loop;
    delete from auth.seal_key;
    insert into auth.seal_key (inner_pad, outer_pad) values (inner_pad, outer_pad);
end
$$;
comment on function auth.replace_seal_key() is
    'Makes a new key for seals. A transaction that is open keeps its snapshot, and so the key that it began with.';
