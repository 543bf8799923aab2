create or replace function gateway.get_me(_token text)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    allocator uuid := auth.authenticate_member(_token);
    who auth.identity := auth.principal();
begin
    return ledger.ok(jsonb_build_object(
        'sub', who.sub,
        'name', capital.names_of_people(array[who.id]) -> who.id,
        'allocator_id', allocator,
        'allocator_name', capital.name_of_allocator(),
        'roles', (select jsonb_agg(r.role order by r.role) from unnest(who.roles) as r (role))
    ) || auth.assurance_json());
end
$$;
comment on function gateway.get_me is
    'GET /v1/me: the member, the allocator, the roles that count now, and how the session was authenticated.';

grant execute on function gateway.get_me to get_me;
