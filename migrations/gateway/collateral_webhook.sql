create or replace function gateway.collateral_webhook(
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
    facility uuid := (_data ->> 'facility_id')::uuid;
    lead uuid;
    effect jsonb;
    refusal text;
    members text;
begin
    if auth.authenticate_agent(_agent_id, 'collateral') is not true then
        return ledger.unrecorded('not-found');
    end if;
    perform ledger.require_event(_event_type, _data);
    known := ledger.claim('', _claim);
    if known.outcome is not null then
        return known;
    end if;

    begin
        perform collateral.set_secured_facility(facility);
        lead := collateral.lead_allocator_id();
        case _event_type
            when 'filing.recorded' then
                effect := collateral.record_filing(facility, _data);
            when 'amendment.recorded' then
                effect := collateral.record_amendment(facility, _data);
            when 'agreement.recorded' then
                perform collateral.record_agreement(facility, _data);
            when 'asset.pledged' then
                effect := collateral.pledge(facility, _data);
            when 'valuation.recorded' then
                perform collateral.record_valuation(facility, _data);
            when 'custody.confirmed' then
                perform collateral.record_receipt(facility, _data);
            when 'search.reported' then
                perform collateral.record_search(facility, _data);
        end case;
    exception
        when sqlstate 'OPK01' then
            get stacked diagnostics refusal = message_text, members = pg_exception_detail;
            return ledger.conclude_refused_report(lead, refusal, members, _event_type, _data);
    end;
    return ledger.conclude('accepted', 200, lead, jsonb_build_object(
        'duplicate', false, 'id', _claim ->> 'client_key', 'type', _event_type, 'data', _data, 'effect', effect,
        'notice', collateral.notice()
    ));
end
$$;
comment on function gateway.collateral_webhook is
    'POST /v1/webhooks/collateral/{agent}: the facility''s collateral agent tells what was filed, signed, pledged, '
    'valued, held and found.';

grant execute on function gateway.collateral_webhook to collateral_webhook;
