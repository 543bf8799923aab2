-- Parties: registered organisations, as the onboarding platform reports them.

create or replace function collateral.require_party(_party_id uuid)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if _party_id is not null and not exists (
        select
        from collateral.party as p
        where p.facility_id = collateral.facility_id() and p.party_id = _party_id
    ) then
        perform ledger.refuse('not-found', '{"resource": "party"}');
    end if;
end
$$;
comment on function collateral.require_party(uuid) is
    'Refuses not-found unless the party, where one is named, is of the facility that is set.';

create or replace function collateral.record_party(_data jsonb)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    facility constant uuid := (_data ->> 'facility_id')::uuid;
    party constant uuid := (_data ->> 'party_id')::uuid;
    lei text;
begin
    perform collateral.set_secured_facility(facility);
    select p.lei into lei from collateral.party as p where p.facility_id = facility and p.party_id = party;
    if not found then
        insert into collateral.party
            (facility_id, party_id, legal_name, organic_name, jurisdiction, organisation_number, lei, bic)
        values
            (facility, party, _data ->> 'legal_name', _data ->> 'organic_name', _data ->> 'jurisdiction',
             _data ->> 'organisation_number', _data ->> 'lei', _data ->> 'bic');
        return;
    end if;
    if lei is distinct from _data ->> 'lei' then
        perform ledger.refuse('already-exists');
    end if;
    update collateral.party as p
    set version = p.version + 1,
        legal_name = _data ->> 'legal_name',
        organic_name = _data ->> 'organic_name',
        jurisdiction = _data ->> 'jurisdiction',
        organisation_number = _data ->> 'organisation_number',
        bic = _data ->> 'bic',
        commitment_key = fixed.commitment_key()
    where p.facility_id = facility and p.party_id = party;
end
$$;
comment on function collateral.record_party(jsonb) is 'party.recorded: a party, or its new name or jurisdiction.';
