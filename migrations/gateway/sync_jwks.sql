create or replace function gateway.sync_jwks(_attempt text, _keys jsonb)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    usable auth.signing_key[];
    published auth.signing_key;
    known auth.signing_key;
    changes jsonb := '[]';
begin
    perform auth.authenticate_system('sync-jwks');
    perform ledger.require_arguments(num_nulls(_attempt, _keys));
    usable := array(select k from auth.usable_keys(_keys) as k);

    -- The function in front drops keys that are not for us; what it sends must all be acceptable. A set
    -- that is not is refused whole, before anything is changed.
    for published in
        select * from unnest(usable)
    loop
        if auth.is_key_acceptable(published) is not true then
            return auth.refuse_key_set(_attempt, 'key-unacceptable', _keys, jsonb_build_object('kid', published.kid));
        end if;
        -- Neither may a known kid stand for another key, nor one kid for two.
        if exists (
            select
            from (
                select k.kid, k.algorithm, k.x, k.y, k.n, k.e from auth.signing_key as k
                union all
                select p.kid, p.algorithm, p.x, p.y, p.n, p.e from unnest(usable) as p
            ) as other
            where other.kid = published.kid
                and (other.algorithm, other.x, other.y, other.n, other.e)
                is distinct from (published.algorithm, published.x, published.y, published.n, published.e)
        ) then
            return auth.refuse_key_set(_attempt, 'key-changed', _keys, jsonb_build_object('kid', published.kid));
        end if;
    end loop;
    -- An issuer that rotates publishes the old key beside the new one. None of the old ones is an attack or
    -- an accident, and would lock everybody out.
    if exists (select from auth.signing_key as k where k.retired_at is null)
        and not exists (
            select
            from auth.signing_key as k
            join unnest(usable) as p on p.kid = k.kid
            where k.retired_at is null
        )
    then
        return auth.refuse_key_set(_attempt, 'keys-vanished', _keys, '{}');
    end if;
    -- Nothing may be refused below.

    for published in
        select * from unnest(usable) as p
        where not exists (
            select from auth.signing_key as k where k.kid = p.kid and k.retired_at is null
        )
    loop
        perform auth.claim_key_change(_attempt, 'in-force', published.kid);
        insert into auth.signing_key (kid, algorithm, x, y, n, e)
        values (published.kid, published.algorithm, published.x, published.y, published.n, published.e)
        on conflict on constraint signing_key_pkey do update set retired_at = null;
        changes := changes || jsonb_build_object('kid', published.kid, 'change', 'in-force');
        perform ledger.conclude('accepted', 200, null, changes -> -1);
    end loop;

    for known in
        select * from auth.signing_key as k
        where k.retired_at is null
            and not exists (select from unnest(usable) as p where p.kid = k.kid)
    loop
        perform auth.claim_key_change(_attempt, 'retired', known.kid);
        update auth.signing_key as k set retired_at = clock_timestamp() where k.kid = known.kid;
        changes := changes || jsonb_build_object('kid', known.kid, 'change', 'retired');
        perform ledger.conclude('accepted', 200, null, changes -> -1);
    end loop;

    return ledger.ok(jsonb_build_object(
        'changes', changes,
        'retired_for_ever', (
            select coalesce(jsonb_agg(p.kid order by p.kid), '[]')
            from auth.published_keys(_keys) as p
            where auth.is_retired_for_ever(p)
        )
    ));
end
$$;
comment on function gateway.sync_jwks is
    'Scheduled: makes the keys in force those that the issuer publishes, each change a commitment. All or '
    'nothing. A key that is retired for ever counts as not published.';

grant execute on function gateway.sync_jwks to sync_jwks;

create or replace function gateway.retire_key(_attempt text, _thumbprint bytea, _reason text)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    shown text := auth.base64url_encode(_thumbprint);
    known ledger.reply;
    retired auth.signing_key;
    kids jsonb := '[]';
begin
    perform auth.authenticate_system('sync-jwks');
    if exists (select from auth.retired_key as r where r.thumbprint = _thumbprint) then
        return ledger.ok(jsonb_build_object('thumbprint', shown, 'changed', false));
    end if;
    known := ledger.claim_system(shown, jsonb_build_object(
        'attempt', _attempt, 'client_key', 'retired-for-ever:' || _attempt, 'body', _reason
    ));
    if known.outcome is not null then
        return known;
    end if;
    -- Nothing may be refused below.

    for retired in
        select * from auth.signing_key as k
        where k.retired_at is null and auth.jwk_thumbprint(k) = _thumbprint
    loop
        update auth.signing_key as k set retired_at = clock_timestamp() where k.kid = retired.kid;
        kids := kids || to_jsonb(retired.kid);
    end loop;
    insert into auth.retired_key (thumbprint, reason) values (_thumbprint, _reason);
    return ledger.conclude('accepted', 200, null, jsonb_build_object(
        'thumbprint', shown, 'changed', true, 'reason', _reason, 'kids', kids
    ));
end
$$;
comment on function gateway.retire_key is
    'Retires a key for ever, by its thumbprint, in force or not, known or not. Neither a published set nor another kid '
    'brings it back. Asked again, it answers that nothing changed.';

grant execute on function gateway.retire_key to sync_jwks;
