create or replace function gateway.get_filing(_token text, _facility_id uuid, _filing_id uuid)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    allocator uuid := auth.authenticate_member(_token);
    reply jsonb;
begin
    if collateral.set_facility(_facility_id) is not true then
        return ledger.unrecorded('not-found');
    end if;
    select collateral.filing_json(f, s) into reply
    from collateral.filing as f
    join collateral.filing_standing as s on s.facility_id = f.facility_id and s.filing_id = f.filing_id
    where f.facility_id = _facility_id and f.filing_id = _filing_id;
    if not found then
        return ledger.unrecorded('not-found');
    end if;
    return ledger.ok(reply || jsonb_build_object('facility_id', _facility_id, 'notice', collateral.notice()));
end
$$;
comment on function gateway.get_filing is
    'GET /v1/facilities/{id}/filings/{filing_id}: one, with what its amendments make of it.';

grant execute on function gateway.get_filing to get_filing;
