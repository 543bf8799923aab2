-- The steps of a settlement's state machine, with what each means for the books and for the facility's room. A
-- settlement changes its state in no other way.

create or replace function capital.transition(_settlement capital.settlement, _to text, _reason text default null)
returns capital.settlement
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    who constant auth.identity := auth.principal();
    room record;
    moved capital.settlement := _settlement;
    journal_id uuid;
begin
    if _to = 'VERIFIED' then
        select r.slots, r.amounts_minor into strict room from capital.take_room(_settlement) as r;
        moved.room_slots := room.slots;
        moved.room_taken := room.amounts_minor;
    end if;
    with stepped as (
        update capital.settlement as s
        set version = s.version + 1,
            previous_status = s.status,
            status = _to,
            updated_at = clock_timestamp(),
            verified_by = case _to when 'VERIFIED' then who.sub else s.verified_by end,
            room_slots = moved.room_slots,
            room_taken = moved.room_taken
        where s.settlement_id = _settlement.settlement_id
        returning s.*
    ),
    step as (
        insert into capital.settlement_transition
            (settlement_id, seq, allocator_id, from_status, to_status, actor_kind, actor_id, commitment_key, reason,
             at)
        select
            s.settlement_id, s.version, s.allocator_id, s.previous_status, s.status, who.kind, who.id,
            fixed.commitment_key(), _reason, s.updated_at
        from stepped as s
    )
    select s.* into strict moved from stepped as s;

    case _to
        when 'VERIFIED' then
            journal_id := capital.move_settlement('reserve', moved, 'available', 'reserved');
        when 'ESCROWED' then
            journal_id := capital.move_settlement('escrow', moved, 'reserved', 'escrowed');
        when 'SETTLED' then
            journal_id := capital.move_settlement('settle', moved, 'escrowed', 'position');
        else
            -- CANCELLED, FAILED, EXPIRED: what was taken goes back. A PENDING settlement has taken nothing.
            if moved.previous_status = 'VERIFIED' then
                journal_id := capital.move_settlement('release', moved, 'reserved', 'available');
            elsif moved.previous_status = 'ESCROWED' then
                journal_id := capital.move_settlement('return', moved, 'escrowed', 'available');
            end if;
            if moved.previous_status is distinct from 'PENDING' then
                perform capital.give_room_back(moved);
            end if;
    end case;
    return moved;
end
$$;
comment on function capital.transition(capital.settlement, text, text) is
    'Takes one step of the state machine, with its postings. The caller has checked that the step is due; constraints '
    'say whether it is legal.';
