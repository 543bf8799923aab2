create or replace function gateway.get_settlement(_token text, _settlement_id uuid)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    allocator uuid := auth.authenticate_member(_token);
    settlement capital.settlement;
    people jsonb;
    transitions jsonb;
begin
    select * into settlement
    from capital.settlement as s
    where s.settlement_id = _settlement_id and s.allocator_id = allocator;
    if not found then
        return ledger.unrecorded('not-found');
    end if;

    people := capital.names_of_people(array(
        select t.actor_id
        from capital.settlement_transition as t
        where t.settlement_id = _settlement_id and t.actor_kind = 'human'
    ));
    select jsonb_agg(
        jsonb_build_object(
            'seq', t.seq,
            'from', t.from_status,
            'to', t.to_status,
            'actor', capital.actor_json(t.actor_kind, t.actor_id, people),
            'commitment_id', encode(t.commitment_key, 'hex'),
            'reason', t.reason,
            'at', ledger.rfc3339(t.at)
        )
        order by t.seq
    )
    into transitions
    from capital.settlement_transition as t
    where t.settlement_id = _settlement_id;

    return ledger.ok(capital.settlements_json(array[settlement]) -> 0 || jsonb_build_object(
        'transitions', transitions,
        'refusals', ledger.refusals_json(_settlement_id::text, allocator)
    ));
end
$$;
comment on function gateway.get_settlement is
    'GET /v1/settlements/{id}: one of the allocator''s own, with its transitions and refusals.';

grant execute on function gateway.get_settlement to get_settlement;
