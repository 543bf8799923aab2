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
            'allocator_id', a.allocator_id,
            'allocator_name', a.legal_name,
            'roles', (
                select coalesce(jsonb_agg(r.role order by r.role), '[]')
                from capital.member_role as r
                where r.sub = auth.sub()
            )
        )
        from capital.allocator as a
        where a.allocator_id = allocator
    ));
end
$$;
comment on function gateway.get_me is 'GET /v1/me: the member, the allocator, and the roles that count now.';

grant execute on function gateway.get_me to get_me;
