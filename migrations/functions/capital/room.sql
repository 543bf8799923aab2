-- Room: what a facility's limit leaves. It is spread over slots; a settlement takes room from them and gives it back.

create or replace function capital.utilised_minor(_facility_id uuid)
returns bigint
-- Not SQL, whose body would be planned at each call.
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select sum(s.utilised_minor)::bigint
        from capital.facility_slot as s
        where s.facility_id = _facility_id
    );
end
$$;
comment on function capital.utilised_minor(uuid) is
    'Capital that all allocators together have reserved, escrowed or settled into a facility.';

create or replace function capital.room_reason(_settlement capital.settlement)
returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    room_minor constant bigint := coalesce((
        select sum(s.limit_minor - s.utilised_minor)::bigint
        from capital.facility_slot as s
        where s.facility_id = _settlement.facility_id
    ), 0);
begin
    if room_minor >= _settlement.amount_minor then
        return null;
    end if;
    return ledger.reason('facility-limit', jsonb_build_object(
        'room_minor', room_minor::text, 'required_minor', _settlement.amount_minor::text));
end
$$;
comment on function capital.room_reason(capital.settlement) is
    'facility-limit, where all slots of the facility together have not enough room for the settlement; else null.';

create or replace function capital.take_room(
    _settlement capital.settlement,
    out slots int4[],
    out amounts_minor bigint[]
)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    number constant int4 := fixed.slots(_settlement.secured);
    -- The last octet of a random id.
    home constant int4 := get_byte(uuid_send(_settlement.settlement_id), 15) % number;
    missing bigint := _settlement.amount_minor;
    room bigint;
    taken bigint[] := array_fill(0::bigint, array[number], array[0]);
begin
    update capital.facility_slot as s
    set utilised_minor = s.utilised_minor + _settlement.amount_minor
    where s.facility_id = _settlement.facility_id
        and s.slot = home
        and s.utilised_minor <= s.limit_minor - _settlement.amount_minor;
    if found then
        slots := array[home];
        amounts_minor := array[_settlement.amount_minor];
        return;
    end if;

    -- From one slot to the next, and no further than it must: what is read here is what others may not change.
    for place in home .. home + number - 1 loop
        select least(s.limit_minor - s.utilised_minor, missing) into room
        from capital.facility_slot as s
        where s.facility_id = _settlement.facility_id and s.slot = place % number;
        if room > 0 then
            taken[place % number] := room;
            missing := missing - room;
        end if;
        exit when missing = 0;
    end loop;
    if missing is distinct from 0 then
        perform ledger.refuse_for(capital.room_reason(_settlement));
    end if;
    -- In the order of slots, so that two who take from several cannot deadlock.
    for place in 0 .. number - 1 loop
        continue when taken[place] = 0;
        update capital.facility_slot as s
        set utilised_minor = s.utilised_minor + taken[place]
        where s.facility_id = _settlement.facility_id and s.slot = place;
        slots := slots || place;
        amounts_minor := amounts_minor || taken[place];
    end loop;
end
$$;
comment on function capital.take_room(capital.settlement) is
    'Takes room for a settlement: from one slot, or from as many as it needs. Refuses facility-limit where all '
    'together have not enough.';

create or replace function capital.give_room_back(_settlement capital.settlement)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    for place in 1 .. cardinality(_settlement.room_slots) loop
        update capital.facility_slot as s
        set utilised_minor = s.utilised_minor - _settlement.room_taken[place]
        where s.facility_id = _settlement.facility_id and s.slot = _settlement.room_slots[place];
    end loop;
end
$$;
comment on function capital.give_room_back(capital.settlement) is
    'Gives back what a settlement has taken, to the slots that it was taken from.';
