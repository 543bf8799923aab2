-- Events of the collateral agent about filings, amendments and agreements. Each is recorded as reported; standing.sql
-- has what it does.

create or replace function collateral.require_past(_on date, _member text, _today date)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if (_on <= _today) is not true then
        perform ledger.refuse('date-ahead', jsonb_build_object('member', _member));
    end if;
end
$$;
comment on function collateral.require_past(date, text, date) is
    'Refuses date-ahead if a date is after today: what is recorded has happened. The caller says whose today.';

create or replace function collateral.require_room(_what text, _number bigint, _number_max int4)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if (_number <= _number_max) is not true then
        perform ledger.refuse('collateral-limit', jsonb_build_object('of', _what, 'number_max', _number_max));
    end if;
end
$$;
comment on function collateral.require_room(text, bigint, int4) is
    'Refuses collateral-limit where there would be more than that: what is read as a whole has a largest size.';

create or replace function collateral.require_room_for(_standing collateral.filing_standing)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Each amendment keeps the standing once more.
    perform collateral.require_room(
        'octets of the filing', octet_length(_standing::text), collateral.standing_octets_max());
    -- All filings of a facility stand in one reply, so that none is unreadable.
    perform collateral.require_room(
        'octets of filings',
        (
            select sum(collateral.listed_octets(s))
            from collateral.filing_standing as s
            where s.facility_id = _standing.facility_id
        ),
        ledger.list_octets_max()
    );
end
$$;
comment on function collateral.require_room_for(collateral.filing_standing) is
    'Refuses collateral-limit for a filing whose texts a reply has no room for, alone or with the facility''s others.';

create or replace function collateral.standing_octets_max()
returns int4
language sql
immutable
parallel safe
return 200000;
comment on function collateral.standing_octets_max() is 'The length of what one filing comes to.';

create or replace function collateral.require_filing(_filing_id uuid)
returns collateral.filing
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    filing collateral.filing;
begin
    select * into filing
    from collateral.filing as f
    where f.facility_id = collateral.facility_id() and f.filing_id = _filing_id;
    if not found then
        perform ledger.refuse('not-found', '{"resource": "filing"}');
    end if;
    return filing;
end
$$;
comment on function collateral.require_filing(uuid) is
    'The filing, if it is of the facility that is set; else refuses not-found.';

create or replace function collateral.record_filing(_facility uuid, _data jsonb)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    filing constant uuid := (_data ->> 'filing_id')::uuid;
    party record;
    standing collateral.filing_standing;
begin
    perform collateral.require_past(
        (_data ->> 'filed_on')::date, 'filed_on', collateral.office_today(_data ->> 'office'));
    perform collateral.require_room(
        'filings', (select count(*) + 1 from collateral.filing as f where f.facility_id = _facility), 2000);
    insert into collateral.filing
        (facility_id, filing_id, office, file_number, filed_at, filed_on, designation, description, document_sha256)
    values
        (_facility, filing, _data ->> 'office', _data ->> 'file_number', (_data ->> 'filed_at')::timestamptz,
         (_data ->> 'filed_on')::date, _data ->> 'designation', _data ->> 'description',
         decode(_data ->> 'document_sha256', 'hex'))
    on conflict do nothing;
    if not found then
        perform ledger.refuse('already-exists');
    end if;
    perform collateral.take_place(_facility, 'filing', fixed.tagged_hash(
        'optkas/filing-number/v1',
        convert_to(_data ->> 'office', 'UTF8'),
        convert_to(fixed.plain(_data ->> 'file_number'), 'UTF8')
    ), filing);
    for party in
        select 'debtor' as role, p.party_id, p.name
        from jsonb_to_recordset(_data -> 'debtors') as p (party_id uuid, name text)
        union all
        select 'secured', p.party_id, p.name
        from jsonb_to_recordset(_data -> 'secured_parties') as p (party_id uuid, name text)
    loop
        perform collateral.require_party(party.party_id);
        insert into collateral.filing_party (facility_id, filing_id, role, party_id, name)
        values (_facility, filing, party.role, party.party_id, party.name);
    end loop;
    standing := collateral.recompute_standing(filing);
    perform collateral.require_room_for(standing);
    return collateral.standing_json(standing, _data ->> 'office');
end
$$;
comment on function collateral.record_filing(uuid, jsonb) is
    'filing.recorded: a UCC-1 with its parties. The reply says what it comes to.';

create or replace function collateral.record_amendment(_facility uuid, _data jsonb)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    filing constant uuid := (_data ->> 'filing_id')::uuid;
    release constant uuid := (_data ->> 'release_id')::uuid;
    office constant text := (collateral.require_filing(filing)).office;
    standing collateral.filing_standing;
begin
    perform collateral.require_past((_data ->> 'filed_on')::date, 'filed_on', collateral.office_today(office));
    perform collateral.require_party((_data ->> 'party_id')::uuid);
    perform collateral.require_party((_data ->> 'replaces_party_id')::uuid);
    if release is not null and not exists (
        select
        from collateral.release as r
        where r.facility_id = _facility and r.filing_id = filing and r.release_id = release
    ) then
        perform ledger.refuse('not-found', '{"resource": "release"}');
    end if;
    -- Each amendment writes the standing anew.
    perform collateral.require_room('amendments', (
        select count(*) + 1 from collateral.amendment as a where a.facility_id = _facility and a.filing_id = filing
    ), 100);
    insert into collateral.amendment
        (facility_id, amendment_id, filing_id, file_number, filed_at, filed_on, kind, action, role, party_id, name,
         replaces_party_id, description, release_id, document_sha256)
    values
        (_facility, (_data ->> 'amendment_id')::uuid, filing, _data ->> 'file_number',
         (_data ->> 'filed_at')::timestamptz, (_data ->> 'filed_on')::date, _data ->> 'kind', _data ->> 'action',
         _data ->> 'role', (_data ->> 'party_id')::uuid, _data ->> 'name', (_data ->> 'replaces_party_id')::uuid,
         _data ->> 'description', release, decode(_data ->> 'document_sha256', 'hex'))
    on conflict do nothing;
    if not found then
        perform ledger.refuse('already-exists');
    end if;
    standing := collateral.recompute_standing(filing);
    -- What ends or continues a filing is always recorded.
    if (_data ->> 'kind' in ('termination', 'continuation')) is not true then
        perform collateral.require_room_for(standing);
    end if;
    return collateral.standing_json(standing, office);
end
$$;
comment on function collateral.record_amendment(uuid, jsonb) is
    'amendment.recorded: a UCC-3, whatever its effect. The reply says which effect it has.';

create or replace function collateral.record_agreement(_facility uuid, _data jsonb)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    perform collateral.require_past((_data ->> 'dated_on')::date, 'dated_on', collateral.latest_today());
    perform collateral.require_party((_data ->> 'debtor_party_id')::uuid);
    perform collateral.require_party((_data ->> 'secured_party_id')::uuid);
    insert into collateral.agreement
        (facility_id, agreement_id, debtor_party_id, secured_party_id, asset_kinds, dated_on, ends_on, document_sha256)
    values
        (_facility, (_data ->> 'agreement_id')::uuid, (_data ->> 'debtor_party_id')::uuid,
         (_data ->> 'secured_party_id')::uuid,
         array(select k.kind from jsonb_array_elements_text(_data -> 'asset_kinds') as k (kind)),
         (_data ->> 'dated_on')::date, (_data ->> 'ends_on')::date, decode(_data ->> 'document_sha256', 'hex'))
    on conflict do nothing;
    if not found then
        perform ledger.refuse('already-exists');
    end if;
end
$$;
comment on function collateral.record_agreement(uuid, jsonb) is 'agreement.recorded: a security agreement.';
