-- Events of the collateral agent about evidence: valuations, custody receipts, searches. One document can speak of
-- several assets.

create or replace function collateral.record_valuation(_facility uuid, _data jsonb)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    asset_ids constant uuid[] := array(
        select v.asset_id from jsonb_to_recordset(_data -> 'assets') as v (asset_id uuid)
    );
    facility_currency text := (select f.currency from capital.facility as f where f.facility_id = _facility);
begin
    perform collateral.require_past((_data ->> 'valued_on')::date, 'valued_on', collateral.latest_today());
    if facility_currency is distinct from _data ->> 'currency' then
        perform ledger.refuse('currency-mismatch', jsonb_build_object('expected', facility_currency));
    end if;
    perform collateral.require_assets(_facility, asset_ids);
    if exists (
        select
        from collateral.valuation as v
        where v.facility_id = _facility
            and v.asset_id = any (asset_ids)
            and v.valuation_id = (_data ->> 'valuation_id')::uuid
    ) then
        perform ledger.refuse('already-exists');
    end if;
    insert into collateral.valuation (facility_id, asset_id, valuation_id, valued_on, value_minor, document_sha256)
    select
        _facility, v.asset_id, (_data ->> 'valuation_id')::uuid, (_data ->> 'valued_on')::date, v.value_minor,
        decode(_data ->> 'document_sha256', 'hex')
    from jsonb_to_recordset(_data -> 'assets') as v (asset_id uuid, value_minor bigint);
    perform collateral.recount_holdings(_facility, asset_ids);
end
$$;
comment on function collateral.record_valuation(uuid, jsonb) is
    'valuation.recorded: one document, values of one or more assets.';

create or replace function collateral.record_receipt(_facility uuid, _data jsonb)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    asset_ids constant uuid[] := array(
        select a.id::uuid from jsonb_array_elements_text(_data -> 'asset_ids') as a (id)
    );
    foreign_asset uuid;
begin
    perform collateral.require_past((_data ->> 'held_on')::date, 'held_on', collateral.latest_today());
    perform collateral.require_assets(_facility, asset_ids);
    -- A receipt is the word of its own custodian, and of no other.
    select a.asset_id into foreign_asset
    from collateral.asset as a
    where a.facility_id = _facility and a.asset_id = any (asset_ids)
        and a.custodian is distinct from _data ->> 'custodian'
    limit 1;
    if found then
        perform ledger.refuse('custodian-mismatch', jsonb_build_object('asset_id', foreign_asset));
    end if;
    if exists (
        select
        from collateral.custody_receipt as r
        where r.facility_id = _facility
            and r.asset_id = any (asset_ids)
            and r.receipt_id = (_data ->> 'receipt_id')::uuid
    ) then
        perform ledger.refuse('already-exists');
    end if;
    insert into collateral.custody_receipt (facility_id, asset_id, receipt_id, held_on, document_sha256)
    select
        _facility, a.id, (_data ->> 'receipt_id')::uuid, (_data ->> 'held_on')::date,
        decode(_data ->> 'document_sha256', 'hex')
    from unnest(asset_ids) as a (id);
    perform collateral.recount_holdings(_facility, asset_ids);
end
$$;
comment on function collateral.record_receipt(uuid, jsonb) is
    'custody.confirmed: one document, of one custodian, for one or more assets.';

create or replace function collateral.record_search(_facility uuid, _data jsonb)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    perform collateral.require_past(
        (_data ->> 'through_on')::date, 'through_on', collateral.office_today(_data ->> 'office'));
    perform collateral.require_party((_data ->> 'party_id')::uuid);
    insert into collateral.search (facility_id, search_id, office, party_id, searched_name, through_on, document_sha256)
    values
        (_facility, (_data ->> 'search_id')::uuid, _data ->> 'office', (_data ->> 'party_id')::uuid,
         _data ->> 'searched_name', (_data ->> 'through_on')::date, decode(_data ->> 'document_sha256', 'hex'))
    on conflict do nothing;
    if not found then
        perform ledger.refuse('already-exists');
    end if;
    insert into collateral.search_finding
        (facility_id, search_id, file_number, filed_at, secured_party, subordination_sha256)
    select
        _facility, (_data ->> 'search_id')::uuid, f.file_number, f.filed_at, f.secured_party,
        decode(f.subordination_sha256, 'hex')
    from jsonb_to_recordset(_data -> 'findings')
        as f (file_number text, filed_at timestamptz, secured_party text, subordination_sha256 text);
end
$$;
comment on function collateral.record_search(uuid, jsonb) is
    'search.reported: what stands against the debtor in that office, without our own filings.';
