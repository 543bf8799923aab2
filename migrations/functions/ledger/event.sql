-- Events: what an agent's report must say, whatever the function in front has checked.

create or replace function ledger.event_members(_event_type text)
returns text[]
language sql
immutable
parallel safe
return case
    when _event_type = 'allocator.onboarded' then array['allocator_id', 'legal_name']
    when _event_type in ('member.granted', 'member.revoked') then array['allocator_id', 'sub', 'role']
    when _event_type = 'member.named' then array['allocator_id', 'sub', 'display_name']
    when _event_type = 'member.name_erased' then array['allocator_id', 'sub']
    when _event_type = 'agent.registered' then array['agent_id', 'kind', 'name']
    when _event_type = 'facility.opened' then array[
        'facility_id', 'name', 'currency', 'limit_minor', 'escrow_agent_id', 'settlement_agent_id', 'secured'
    ]
    when _event_type in ('facility.admitted', 'facility.excluded') then array['facility_id', 'allocator_id']
    when _event_type = 'dispute.decided' then array['facility_id']
    when _event_type = 'party.recorded' then array[
        'facility_id', 'party_id', 'legal_name', 'organic_name', 'jurisdiction', 'organisation_number', 'lei'
    ]
    when _event_type = 'rules.recorded' then array[
        'facility_id', 'concentration_cap_bp', 'coverage_floor_bp', 'valuation_age_max_days', 'receipt_age_max_days',
        'lapse_guard_days', 'reserves_minor', 'kinds'
    ]
    when _event_type = 'facility.risk_updated' then array['facility_id', 'lgd', 'loadings_ppb']
    when _event_type = 'ratings.recorded' then array['ratings']
    when _event_type in ('capital.deposited', 'capital.withdrawn') then array[
        'allocator_id', 'amount_minor', 'currency', 'reference'
    ]
    when _event_type in ('escrow.funded', 'settlement.completed') then array[
        'settlement_id', 'facility_id', 'amount_minor', 'currency'
    ]
    when _event_type in ('escrow.failed', 'settlement.failed') then array['settlement_id', 'facility_id', 'reason']
    when _event_type = 'filing.recorded' then array[
        'facility_id', 'filing_id', 'office', 'file_number', 'filed_at', 'filed_on', 'designation', 'description',
        'document_sha256', 'debtors', 'secured_parties'
    ]
    when _event_type = 'amendment.recorded' then array[
        'facility_id', 'filing_id', 'amendment_id', 'file_number', 'filed_at', 'filed_on', 'kind', 'document_sha256'
    ]
    when _event_type = 'agreement.recorded' then array[
        'facility_id', 'agreement_id', 'debtor_party_id', 'secured_party_id', 'asset_kinds', 'dated_on',
        'document_sha256'
    ]
    when _event_type = 'asset.pledged' then array[
        'facility_id', 'pledge_id', 'filing_id', 'agreement_id', 'debtor_party_id', 'pledged_on', 'asset'
    ]
    when _event_type = 'valuation.recorded' then array[
        'facility_id', 'valuation_id', 'valued_on', 'currency', 'document_sha256', 'assets'
    ]
    when _event_type = 'custody.confirmed' then array[
        'facility_id', 'receipt_id', 'held_on', 'custodian', 'document_sha256', 'asset_ids'
    ]
    when _event_type = 'search.reported' then array[
        'facility_id', 'search_id', 'office', 'party_id', 'searched_name', 'through_on', 'document_sha256', 'findings'
    ]
    else '{}'
end;
comment on function ledger.event_members(text) is
    'The members that every event of this type has. What only some have, constraints of the tables decide.';

create or replace function ledger.require_event(_event_type text, _data jsonb)
returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if (
        case when jsonb_typeof(_data) = 'object'
            then jsonb_strip_nulls(_data) ?& ledger.event_members(_event_type)
        end
    ) is not true then
        raise exception using
            errcode = 'OPK04', message = 'members-missing',
            detail = array_to_string(ledger.event_members(_event_type), ', ');
    end if;
end
$$;
comment on function ledger.require_event(text, jsonb) is
    'Raises OPK04 unless an event has each member that its type must have, not null.';
