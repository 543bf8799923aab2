-- What people, facilities and allocators are called. People's names come from the platform, never from a token. They
-- stand in capital.member_name alone, and only replies to reads have them: what a mutation answers is kept for ever.

create or replace function capital.name_member(_sub uuid, _allocator_id uuid, _display_name text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    update capital.member as m
    set named_at = clock_timestamp()
    where m.sub = _sub and m.allocator_id = _allocator_id;
    if not found then
        perform ledger.refuse('not-found', '{"resource": "member"}');
    end if;
    insert into capital.member_name (sub, allocator_id, display_name)
    values (_sub, _allocator_id, _display_name)
    on conflict on constraint member_name_pkey do update set display_name = excluded.display_name;
end
$$;
comment on function capital.name_member(uuid, uuid, text) is
    'member.named, and member.granted with a name: gives a member a name, or another one.';

create or replace function capital.erase_member_name(_sub uuid, _allocator_id uuid)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    delete from capital.member_name as n
    where n.sub = _sub and n.allocator_id = _allocator_id;
    if not found then
        perform ledger.refuse('not-found', '{"resource": "name"}');
    end if;
    update capital.member as m
    set named_at = null
    where m.sub = _sub and m.allocator_id = _allocator_id;
end
$$;
comment on function capital.erase_member_name(uuid, uuid) is
    'member.name_erased: the name is gone from the database. The sub stays, wherever it is recorded.';

create or replace function capital.names_of_people(_subs text[])
returns jsonb
-- Not SQL, whose body would be planned at each call.
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select coalesce(jsonb_object_agg(n.sub, n.display_name), '{}')
        from capital.member_name as n
        where n.sub = any (_subs::uuid[])
    );
end
$$;
comment on function capital.names_of_people(text[]) is
    'The names of these people, by sub: of those whom the reader may know by name. A page asks once.';

create or replace function capital.names_of_facilities(_facility_ids uuid[])
returns jsonb
-- Not SQL, whose body would be planned at each call.
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select coalesce(jsonb_object_agg(f.facility_id, f.name), '{}')
        from capital.facility as f
        where f.facility_id = any (_facility_ids)
    );
end
$$;
comment on function capital.names_of_facilities(uuid[]) is
    'The names of these facilities, by id: of those that the reader takes part in. A page asks once.';

create or replace function capital.name_of_allocator()
returns text
-- Not SQL, whose body would be planned at each call.
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select a.legal_name from capital.allocator as a where a.allocator_id = (select auth.allocator_id())
    );
end
$$;
comment on function capital.name_of_allocator() is 'The name of the reader''s own allocator.';

create or replace function capital.actor_json(_kind text, _id text, _names jsonb)
returns jsonb
language sql
stable
return jsonb_build_object('kind', _kind, 'id', _id, 'name', case _kind when 'human' then _names -> _id end);
comment on function capital.actor_json(text, text, jsonb) is
    'Who acted, as replies to reads show it, with the name of a person whom the reader may know by name.';
