create or replace function gateway.request_release(
    _token text,
    _claim jsonb,
    _facility_id uuid,
    _kind text,
    _filing_id uuid,
    _pledge_ids uuid[],
    _amendment jsonb,
    _reason text
)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    allocator uuid := auth.authenticate_member(_token);
    known ledger.reply := ledger.claim(_facility_id::text, _claim);
    requested collateral.release;
    refusal text;
    members text;
begin
    if known.outcome is not null then
        return known;
    end if;

    begin
        perform auth.require_role('maker');
        perform collateral.set_secured_facility(_facility_id);
        if collateral.led_facility_id() is null then
            perform ledger.refuse('not-lead');
        end if;
        requested := collateral.request_release(
            _facility_id, _kind, _filing_id, _pledge_ids, _amendment, _reason);
    exception
        when sqlstate 'OPK01' then
            get stacked diagnostics refusal = message_text, members = pg_exception_detail;
            return ledger.conclude_refused(allocator, refusal, members);
    end;
    return ledger.conclude('accepted', 201, allocator, collateral.release_json(requested));
end
$$;
comment on function gateway.request_release is
    'POST /v1/facilities/{id}/releases: a maker of the lead allocator asks to release assets, to terminate a '
    'filing, or to amend it so that it covers less. Nothing is released yet.';

grant execute on function gateway.request_release to request_release;
