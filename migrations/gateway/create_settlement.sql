create or replace function gateway.create_settlement(
    _token text,
    _claim jsonb,
    _facility_id uuid,
    _amount_minor bigint,
    _currency text,
    _value_date date,
    _uetr uuid,
    _reference text,
    _expires_at timestamptz
)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    allocator uuid := auth.authenticate_member(_token);
    known ledger.reply := ledger.claim('', _claim);
    facility capital.facility;
    created capital.settlement;
    refusal text;
    members text;
begin
    if known.outcome is not null then
        return known;
    end if;

    begin
        perform auth.require_role('maker');
        facility := capital.require_admission(_facility_id);
        if facility.currency is distinct from _currency then
            perform ledger.refuse('currency-mismatch', jsonb_build_object('expected', facility.currency));
        end if;
        -- known: without a time there is no expiry
        if _expires_at <= clock_timestamp() then
            perform ledger.refuse('expired', jsonb_build_object('expires_at', ledger.rfc3339(_expires_at)));
        end if;
        if exists (
            select from capital.settlement as s where s.allocator_id = allocator and s.uetr = _uetr
        ) then
            perform ledger.refuse('uetr-in-use');
        end if;
        -- Nothing may be refused below.

        insert into capital.settlement
            (allocator_id, facility_id, secured, amount_minor, currency, value_date, uetr, reference, expires_at,
             created_by)
        values
            (allocator, _facility_id, facility.secured, _amount_minor, _currency, _value_date, _uetr, _reference,
             _expires_at, auth.sub())
        returning * into created;
        insert into capital.settlement_transition
            (settlement_id, seq, allocator_id, to_status, actor_kind, actor_id, commitment_key, at)
        values
            (created.settlement_id, 1, allocator, created.status, 'human', created.created_by::text,
             fixed.commitment_key(), created.updated_at);
    exception
        when sqlstate 'OPK01' then
            get stacked diagnostics refusal = message_text, members = pg_exception_detail;
            return ledger.conclude_refused(allocator, refusal, members);
    end;
    return ledger.conclude('accepted', 201, allocator, capital.settlement_json(created));
end
$$;
comment on function gateway.create_settlement is
    'POST /v1/settlements: a maker proposes a settlement. PENDING; no capital moves.';

grant execute on function gateway.create_settlement to create_settlement;
