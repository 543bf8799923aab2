create or replace function gateway.get_me(_token text)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    allocator uuid := auth.authenticate_member(_token);
begin
    return ledger.ok((
        select jsonb_build_object(
            'sub', auth.sub(),
            'name', capital.names_of_people(array[auth.sub()::text]) -> auth.sub()::text,
            'allocator_id', a.allocator_id,
            'allocator_name', a.legal_name,
            'roles', (
                select coalesce(jsonb_agg(r.role order by r.role), '[]')
                from capital.member_role as r
                where r.sub = auth.sub()
            )
        ) || auth.assurance_json()
        from capital.allocator as a
        where a.allocator_id = allocator
    ));
end
$$;
comment on function gateway.get_me is
    'GET /v1/me: the member, the allocator, the roles that count now, and how the session was authenticated.';

grant execute on function gateway.get_me to get_me;
