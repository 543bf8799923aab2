create or replace function gateway.platform_webhook(
    _agent_id text,
    _claim jsonb,
    _event_type text,
    _data jsonb
)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    known ledger.reply;
    allocator uuid := (_data ->> 'allocator_id')::uuid;
    refusal text;
    members text;
    -- What is kept of the event. A person's name is kept in a row that can be erased, and nowhere else.
    kept constant jsonb := _data - 'display_name';
begin
    if auth.authenticate_agent(_agent_id, 'platform') is not true then
        return ledger.unrecorded('not-found');
    end if;
    perform ledger.require_event(_event_type, _data);
    known := ledger.claim('', _claim);
    if known.outcome is not null then
        return known;
    end if;

    begin
        case _event_type
            when 'allocator.onboarded' then
                perform capital.onboard_allocator(allocator, _data ->> 'legal_name');
            when 'member.granted' then
                perform capital.grant_member((_data ->> 'sub')::uuid, allocator, _data ->> 'role');
                if _data ->> 'display_name' is not null then
                    perform capital.name_member((_data ->> 'sub')::uuid, allocator, _data #>> '{display_name,text}');
                end if;
            when 'member.revoked' then
                perform capital.revoke_member((_data ->> 'sub')::uuid, allocator, _data ->> 'role');
            when 'member.named' then
                perform capital.name_member((_data ->> 'sub')::uuid, allocator, _data #>> '{display_name,text}');
            when 'member.name_erased' then
                perform capital.erase_member_name((_data ->> 'sub')::uuid, allocator);
            when 'agent.registered' then
                perform capital.register_agent(_data ->> 'agent_id', _data ->> 'kind', _data ->> 'name');
            when 'facility.opened' then
                perform capital.open_facility(
                    (_data ->> 'facility_id')::uuid, _data ->> 'name', _data ->> 'currency',
                    (_data ->> 'limit_minor')::bigint, _data ->> 'escrow_agent_id', _data ->> 'settlement_agent_id',
                    (_data ->> 'secured')::boolean, _data ->> 'collateral_agent_id',
                    (_data ->> 'lead_allocator_id')::uuid
                );
            when 'facility.admitted' then
                perform capital.admit_allocator((_data ->> 'facility_id')::uuid, allocator);
            when 'facility.excluded' then
                perform capital.exclude_allocator((_data ->> 'facility_id')::uuid, allocator);
            when 'party.recorded' then
                perform collateral.record_party(_data);
            when 'rules.recorded' then
                perform collateral.record_rules(_data);
            when 'dispute.decided' then
                perform collateral.decide_dispute(_data);
            when 'facility.risk_updated' then
                perform risk.record_profile(_data);
            when 'ratings.recorded' then
                perform risk.record_matrix(_data);
            when 'capital.deposited' then
                perform capital.move_funding(
                    'deposit', allocator, _data ->> 'currency', 'external', 'available',
                    (_data ->> 'amount_minor')::bigint, _data ->> 'reference'
                );
            when 'capital.withdrawn' then
                perform capital.move_funding(
                    'withdrawal', allocator, _data ->> 'currency', 'available', 'external',
                    (_data ->> 'amount_minor')::bigint, _data ->> 'reference'
                );
        end case;
    exception
        when sqlstate 'OPK01' then
            get stacked diagnostics refusal = message_text, members = pg_exception_detail;
            return ledger.conclude_refused_report(allocator, refusal, members, _event_type, kept);
        when serialization_failure or deadlock_detected then
            perform ledger.send_to_lane(allocator);
    end;
    return ledger.conclude('accepted', 200, allocator, jsonb_build_object(
        'duplicate', false, 'id', _claim ->> 'client_key', 'type', _event_type, 'data', kept
    ));
end
$$;
comment on function gateway.platform_webhook is
    'POST /v1/webhooks/platform/{agent}: the onboarding platform brings allocators, members, agents, facilities, their '
    'parties and rules, and capital.';

grant execute on function gateway.platform_webhook to platform_webhook;
grant usage on schema lane to platform_webhook;
-- For locking alone: there are no rows, and no policy would show one.
grant update on all tables in schema lane to platform_webhook;
