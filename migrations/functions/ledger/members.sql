-- Records: arguments that a caller gives by name, where several of one type in a row could change places unseen.

create or replace function ledger.require_members(_record jsonb, _members text[])
returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- What is no object has no members, and the operators would fail on it.
    if (
        case when jsonb_typeof(_record) = 'object'
            then _record - _members = '{}' and jsonb_strip_nulls(_record) ?& _members
        end
    ) is not true then
        raise exception using
            errcode = 'OPK04', message = 'members-not-these', detail = array_to_string(_members, ', ');
    end if;
end
$$;
comment on function ledger.require_members(jsonb, text[]) is
    'Raises OPK04 unless the record has each of these members, not null, and no other.';

create or replace function ledger.require_arguments(_nulls int4)
returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if (_nulls = 0) is not true then
        raise exception using errcode = 'OPK04', message = 'argument-missing';
    end if;
end
$$;
comment on function ledger.require_arguments(int4) is
    'Raises OPK04 if arguments that must be given are null. It takes their num_nulls().';
