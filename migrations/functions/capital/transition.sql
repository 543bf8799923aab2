-- The steps of a settlement's state machine, with what each means for the books and for the facility's limit. A
-- settlement changes its state in no other way.

create or replace function capital.has_room(_utilisation capital.facility_utilisation, _amount_minor bigint)
returns boolean
language sql
immutable
return (_utilisation).utilised_minor <= (_utilisation).limit_minor - _amount_minor;
comment on function capital.has_room(capital.facility_utilisation, bigint) is
    'Whether a facility has room for so much more under its limit.';

create or replace function capital.room_reason(_settlement capital.settlement)
returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select ledger.reason('facility-limit', jsonb_build_object(
            'room_minor', (u.limit_minor - u.utilised_minor)::text,
            'required_minor', _settlement.amount_minor::text))
        from capital.facility_utilisation as u
        where u.facility_id = _settlement.facility_id
            and capital.has_room(u, _settlement.amount_minor) is not true
    );
end
$$;
comment on function capital.room_reason(capital.settlement) is
    'facility-limit, where the facility has not enough room for the settlement; else null.';

create or replace function capital.utilise_facility(_settlement capital.settlement)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    update capital.facility_utilisation as u
    set utilised_minor = u.utilised_minor + _settlement.amount_minor
    where u.facility_id = _settlement.facility_id
        and capital.has_room(u, _settlement.amount_minor);
    if not found then
        perform ledger.refuse_for(capital.room_reason(_settlement));
    end if;
end
$$;
comment on function capital.utilise_facility(capital.settlement) is
    'Takes room under the facility''s limit. Refuses facility-limit if there is not enough.';

create or replace function capital.transition(_settlement capital.settlement, _to text, _reason text default null)
returns capital.settlement
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    who constant auth.identity := auth.principal();
    moved capital.settlement;
    journal_id uuid;
begin
    with stepped as (
        update capital.settlement as s
        set version = s.version + 1,
            previous_status = s.status,
            status = _to,
            updated_at = clock_timestamp(),
            verified_by = case _to when 'VERIFIED' then who.sub else s.verified_by end
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
            perform capital.utilise_facility(moved);
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
                update capital.facility_utilisation as u
                set utilised_minor = u.utilised_minor - moved.amount_minor
                where u.facility_id = moved.facility_id;
            end if;
    end case;
    return moved;
end
$$;
comment on function capital.transition(capital.settlement, text, text) is
    'Takes one step of the state machine, with its postings. The caller has checked that the step is due; constraints '
    'say whether it is legal.';
