-- What is told of collateral, one function an event: by the platform (parties, rules), by the collateral agent (all that happened),
-- by two members (releases), by the monitor (warnings).

create function collateral.require_past(_on date, _member text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Today in UTC: an office west of it is never ahead.
    if _on > (now() at time zone 'UTC')::date then
        perform ledger.refuse('date-ahead', jsonb_build_object('member', _member));
    end if;
end
$$;
comment on function collateral.require_past(date, text) is 'Refuses date-ahead: what is recorded has happened.';

create function collateral.require_party(_party_id uuid)
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

create function collateral.require_filing(_filing_id uuid)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if not exists (
        select
        from collateral.filing as f
        where f.facility_id = collateral.facility_id() and f.filing_id = _filing_id
    ) then
        perform ledger.refuse('not-found', '{"resource": "filing"}');
    end if;
end
$$;

create function collateral.enter_secured(_facility_id uuid)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if not collateral.enter(_facility_id) then
        perform ledger.refuse('not-found', '{"resource": "facility"}');
    end if;
    if not (select f.secured from capital.facility as f where f.facility_id = _facility_id) then
        perform ledger.refuse('unsecured');
    end if;
end
$$;
comment on function collateral.enter_secured(uuid) is 'Turns to a secured facility, or refuses.';

create function collateral.lead_allocator_id()
returns uuid
language sql
stable
return (select f.lead_allocator_id from capital.facility as f where f.facility_id = collateral.facility_id());
comment on function collateral.lead_allocator_id() is 'Whose affair the collateral of the facility entered is.';

-- ---------------------------------------------------------------------------------------------
-- The platform.

-- Replaced by one that has to be told whether the facility is secured.
-- squawk-ignore ban-drop-function
drop function capital.open_facility(uuid, text, text, bigint, text, text);

create function capital.open_facility(
    _facility_id uuid,
    _name text,
    _currency text,
    _limit_minor bigint,
    _escrow_agent_id text,
    _settlement_agent_id text,
    _secured boolean,
    _collateral_agent_id text,
    _lead_allocator_id uuid
)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if _secured is null then
        raise exception using errcode = 'OPK04', message = 'a facility is opened with collateral, or explicitly without';
    end if;
    if exists (select from capital.facility as f where f.facility_id = _facility_id) then
        perform ledger.refuse('already-exists');
    end if;
    perform capital.require_agent(_escrow_agent_id, 'escrow', 'escrow_agent');
    perform capital.require_agent(_settlement_agent_id, 'settlement', 'settlement_agent');
    if _secured then
        perform capital.require_agent(_collateral_agent_id, 'collateral', 'collateral_agent');
        perform capital.require_allocator(_lead_allocator_id);
    end if;
    insert into capital.facility
        (facility_id, name, currency, escrow_agent_id, settlement_agent_id, secured, collateral_agent_id, lead_allocator_id)
    values
        (_facility_id, _name, _currency, _escrow_agent_id, _settlement_agent_id, _secured, _collateral_agent_id,
         _lead_allocator_id);
    insert into capital.facility_utilisation (facility_id, limit_minor)
    values (_facility_id, _limit_minor);
end
$$;
comment on function capital.open_facility(uuid, text, text, bigint, text, text, boolean, text, uuid) is 'facility.opened';

create function collateral.record_party(_data jsonb)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    facility constant uuid := (_data ->> 'facility_id')::uuid;
    party constant uuid := (_data ->> 'party_id')::uuid;
    lei text;
begin
    perform collateral.enter_secured(facility);
    select p.lei into lei from collateral.party as p where p.facility_id = facility and p.party_id = party;
    if not found then
        insert into collateral.party
            (facility_id, party_id, legal_name, organic_name, jurisdiction, organisation_number, lei, bic)
        values
            (facility, party, _data ->> 'legal_name', _data ->> 'organic_name', _data ->> 'jurisdiction',
             _data ->> 'organisation_number', _data ->> 'lei', _data ->> 'bic');
        return;
    end if;
    if lei <> _data ->> 'lei' then
        perform ledger.refuse('already-exists');
    end if;
    update collateral.party as p
    set version = p.version + 1,
        legal_name = _data ->> 'legal_name',
        organic_name = _data ->> 'organic_name',
        jurisdiction = _data ->> 'jurisdiction',
        organisation_number = _data ->> 'organisation_number',
        bic = _data ->> 'bic',
        commitment_key = ledger.commitment_key()
    where p.facility_id = facility and p.party_id = party;
end
$$;
comment on function collateral.record_party(jsonb) is 'party.recorded: a party, or its new name or jurisdiction.';

create function collateral.record_rules(_data jsonb)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    facility constant uuid := (_data ->> 'facility_id')::uuid;
    next_version int4;
begin
    perform collateral.enter_secured(facility);
    next_version := coalesce((collateral.rules_in_force(facility)).version, 0) + 1;
    insert into collateral.rules
        (facility_id, version, concentration_cap_bp, coverage_floor_bp, valuation_age_max_days, receipt_age_max_days,
         lapse_guard_days, reserves_minor)
    values
        (facility, next_version, (_data ->> 'concentration_cap_bp')::int4, (_data ->> 'coverage_floor_bp')::int4,
         (_data ->> 'valuation_age_max_days')::int4, (_data ->> 'receipt_age_max_days')::int4,
         (_data ->> 'lapse_guard_days')::int4, (_data ->> 'reserves_minor')::bigint);
    insert into collateral.rule_kind (facility_id, version, asset_kind, advance_rate_bp, haircut_bp)
    select facility, next_version, k.asset_kind, k.advance_rate_bp, k.haircut_bp
    from jsonb_to_recordset(_data -> 'kinds') as k (asset_kind text, advance_rate_bp int4, haircut_bp int4);
end
$$;
comment on function collateral.record_rules(jsonb) is 'rules.recorded: the next version of a facility''s eligibility rules.';

-- ---------------------------------------------------------------------------------------------
-- The collateral agent. The facility has been entered.

create function collateral.record_filing(_facility uuid, _data jsonb)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    filing constant uuid := (_data ->> 'filing_id')::uuid;
    party record;
begin
    perform collateral.require_past((_data ->> 'filed_on')::date, 'filed_on');
    -- The number may be taken in a facility that this agent does not see.
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
    return collateral.standing_json(collateral.stand(filing));
end
$$;
comment on function collateral.record_filing(uuid, jsonb) is 'filing.recorded';

create function collateral.record_amendment(_facility uuid, _data jsonb)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    filing constant uuid := (_data ->> 'filing_id')::uuid;
    release constant uuid := (_data ->> 'release_id')::uuid;
begin
    perform collateral.require_filing(filing);
    perform collateral.require_past((_data ->> 'filed_on')::date, 'filed_on');
    perform collateral.require_party((_data ->> 'party_id')::uuid);
    perform collateral.require_party((_data ->> 'replaces_party_id')::uuid);
    if release is not null and not exists (
        select
        from collateral.release as r
        where r.facility_id = _facility and r.filing_id = filing and r.release_id = release
    ) then
        perform ledger.refuse('not-found', '{"resource": "release"}');
    end if;
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
    return collateral.standing_json(collateral.stand(filing));
end
$$;
comment on function collateral.record_amendment(uuid, jsonb) is
    'amendment.recorded: always recorded; the reply says what effect it has.';

create function collateral.record_agreement(_facility uuid, _data jsonb)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    perform collateral.require_past((_data ->> 'dated_on')::date, 'dated_on');
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
    return '{}';
end
$$;
comment on function collateral.record_agreement(uuid, jsonb) is 'agreement.recorded';

create function collateral.record_asset(_facility uuid, _data jsonb)
returns collateral.asset
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    asset collateral.asset;
begin
    select * into asset
    from collateral.asset as a
    where a.facility_id = _facility and a.asset_id = (_data ->> 'asset_id')::uuid;
    if found then
        -- Pledged once more, after a release: the same asset, described the same.
        if (asset.kind, asset.obligor, asset.custodian, asset.identified_by, asset.identifier) is distinct from (
            _data ->> 'kind', _data ->> 'obligor', _data ->> 'custodian', _data ->> 'identified_by', _data ->> 'identifier'
        ) then
            perform ledger.refuse('already-exists', '{"resource": "asset"}');
        end if;
        return asset;
    end if;
    insert into collateral.asset (facility_id, asset_id, kind, obligor, custodian, identified_by, identifier)
    values
        (_facility, (_data ->> 'asset_id')::uuid, _data ->> 'kind', _data ->> 'obligor', _data ->> 'custodian',
         _data ->> 'identified_by', _data ->> 'identifier')
    on conflict do nothing
    returning * into asset;
    if not found then
        -- The same thing under another id.
        perform ledger.refuse('already-pledged');
    end if;
    return asset;
end
$$;

create function collateral.pledge(_facility uuid, _data jsonb)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    asset collateral.asset;
    filing constant uuid := (_data ->> 'filing_id')::uuid;
    agreement constant uuid := (_data ->> 'agreement_id')::uuid;
    debtor constant uuid := (_data ->> 'debtor_party_id')::uuid;
begin
    perform collateral.require_past((_data ->> 'pledged_on')::date, 'pledged_on');
    perform collateral.require_filing(filing);
    perform collateral.require_party(debtor);
    if not exists (
        select
        from collateral.agreement as a
        where a.facility_id = _facility and a.agreement_id = agreement
    ) then
        perform ledger.refuse('not-found', '{"resource": "agreement"}');
    end if;
    if exists (
        select
        from collateral.pledge as p
        where p.facility_id = _facility and p.pledge_id = (_data ->> 'pledge_id')::uuid
    ) then
        perform ledger.refuse('already-exists');
    end if;
    asset := collateral.record_asset(_facility, _data -> 'asset');
    begin
        insert into collateral.pledge
            (facility_id, pledge_id, asset_id, fingerprint, filing_id, agreement_id, debtor_party_id, pledged_on)
        values
            (_facility, (_data ->> 'pledge_id')::uuid, asset.asset_id, asset.fingerprint, filing, agreement, debtor,
             (_data ->> 'pledged_on')::date);
    exception
        -- Whose it is, this agent may not know. Of two that race one waits here until the other has committed.
        when exclusion_violation then
            perform ledger.refuse('already-pledged');
    end;
    insert into collateral.holding (facility_id, pledge_id, asset_id, asset_kind, obligor)
    values (_facility, (_data ->> 'pledge_id')::uuid, asset.asset_id, asset.kind, asset.obligor);
    insert into collateral.cover as c (facility_id, filing_id, agreement_id, debtor_party_id, asset_kind, pledges)
    values (_facility, filing, agreement, debtor, asset.kind, 1)
    on conflict on constraint cover_pkey do update set pledges = c.pledges + 1;
    perform collateral.recount(_facility, array[asset.asset_id]);
    return jsonb_build_object('fingerprint', encode(asset.fingerprint, 'hex'));
end
$$;
comment on function collateral.pledge(uuid, jsonb) is 'asset.pledged';

create function collateral.require_assets(_facility uuid, _asset_ids uuid[])
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    unknown uuid;
begin
    select u.id into unknown
    from unnest(_asset_ids) as u (id)
    where not exists (
        select from collateral.asset as a where a.facility_id = _facility and a.asset_id = u.id
    )
    limit 1;
    if found then
        perform ledger.refuse('not-found', jsonb_build_object('resource', 'asset', 'asset_id', unknown));
    end if;
end
$$;

create function collateral.record_valuation(_facility uuid, _data jsonb)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    asset_ids constant uuid[] := array(
        select v.asset_id from jsonb_to_recordset(_data -> 'assets') as v (asset_id uuid)
    );
    facility_currency text := (select f.currency from capital.facility as f where f.facility_id = _facility);
begin
    perform collateral.require_past((_data ->> 'as_of')::date, 'as_of');
    if facility_currency <> _data ->> 'currency' then
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
    insert into collateral.valuation (facility_id, asset_id, valuation_id, as_of, value_minor, document_sha256)
    select
        _facility, v.asset_id, (_data ->> 'valuation_id')::uuid, (_data ->> 'as_of')::date, v.value_minor,
        decode(_data ->> 'document_sha256', 'hex')
    from jsonb_to_recordset(_data -> 'assets') as v (asset_id uuid, value_minor bigint);
    perform collateral.recount(_facility, asset_ids);
    return '{}';
end
$$;
comment on function collateral.record_valuation(uuid, jsonb) is 'valuation.recorded: one document, values of one or more assets.';

create function collateral.record_receipt(_facility uuid, _data jsonb)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    asset_ids constant uuid[] := array(select a.id::uuid from jsonb_array_elements_text(_data -> 'assets') as a (id));
    foreign_asset uuid;
begin
    perform collateral.require_past((_data ->> 'as_of')::date, 'as_of');
    perform collateral.require_assets(_facility, asset_ids);
    -- A receipt is its custodian's word, and nobody else's.
    select a.asset_id into foreign_asset
    from collateral.asset as a
    where a.facility_id = _facility and a.asset_id = any (asset_ids) and a.custodian <> _data ->> 'custodian'
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
    insert into collateral.custody_receipt (facility_id, asset_id, receipt_id, as_of, document_sha256)
    select
        _facility, a.id, (_data ->> 'receipt_id')::uuid, (_data ->> 'as_of')::date,
        decode(_data ->> 'document_sha256', 'hex')
    from unnest(asset_ids) as a (id);
    perform collateral.recount(_facility, asset_ids);
    return '{}';
end
$$;
comment on function collateral.record_receipt(uuid, jsonb) is 'custody.confirmed: one document, of one custodian, for one or more assets.';

create function collateral.record_search(_facility uuid, _data jsonb)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    perform collateral.require_past((_data ->> 'through_on')::date, 'through_on');
    perform collateral.require_party((_data ->> 'party_id')::uuid);
    insert into collateral.search (facility_id, search_id, office, party_id, searched_name, through_on, document_sha256)
    values
        (_facility, (_data ->> 'search_id')::uuid, _data ->> 'office', (_data ->> 'party_id')::uuid,
         _data ->> 'searched_name', (_data ->> 'through_on')::date, decode(_data ->> 'document_sha256', 'hex'))
    on conflict do nothing;
    if not found then
        perform ledger.refuse('already-exists');
    end if;
    insert into collateral.search_finding (facility_id, search_id, file_number, filed_at, secured_party, subordination_sha256)
    select
        _facility, (_data ->> 'search_id')::uuid, f.file_number, f.filed_at, f.secured_party,
        decode(f.subordination_sha256, 'hex')
    from jsonb_to_recordset(_data -> 'findings')
        as f (file_number text, filed_at timestamptz, secured_party text, subordination_sha256 text);
    return '{}';
end
$$;
comment on function collateral.record_search(uuid, jsonb) is 'search.reported: what stands against the debtor in that office, our own filings left out.';

-- ---------------------------------------------------------------------------------------------
-- Releases.

create function collateral.release_life()
returns interval
language sql
immutable
parallel safe
return interval '7 days';
comment on function collateral.release_life() is 'How long a request waits for its approval.';

create function collateral.release_pledges_max()
returns int4
language sql
immutable
parallel safe
return 1000;
comment on function collateral.release_pledges_max() is 'Of one release: each takes some 2 ms when it ends, of the 5 s that a statement has, and 220 octets of the content.';

create function collateral.release_content(
    _facility_id uuid,
    _kind text,
    _filing_id uuid,
    _pledge_ids uuid[],
    _reason text
)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    rules collateral.rules := collateral.rules_in_force(_facility_id);
    present collateral.figures := collateral.base_again(_facility_id, rules);
    left_over collateral.figures := collateral.base_again(_facility_id, rules, _pledge_ids);
begin
    return (
        select jsonb_build_object(
            'facility_id', _facility_id,
            'kind', _kind,
            'reason', _reason,
            'filing', jsonb_build_object(
                'filing_id', f.filing_id,
                'office', f.office,
                'file_number', f.file_number,
                'filed_on', f.filed_on,
                'document_sha256', encode(f.document_sha256, 'hex'),
                'lapse_on', s.lapse_on,
                'debtors', s.debtors,
                'secured_parties', s.secured_parties
            ),
            'assets', (
                select coalesce(jsonb_agg(jsonb_build_object(
                    'pledge_id', p.pledge_id,
                    'asset_id', p.asset_id,
                    'fingerprint', encode(p.fingerprint, 'hex'),
                    'value_minor', h.value_minor::text
                ) order by p.pledge_id), '[]')
                from collateral.pledge as p
                left join collateral.holding as h on h.facility_id = p.facility_id and h.pledge_id = p.pledge_id
                where p.facility_id = _facility_id
                    and p.filing_id = _filing_id
                    and p.pledge_id = any (_pledge_ids)
                    and p.released_on is null
            ),
            'exposure', jsonb_build_object(
                'drawn_minor', present.drawn_minor::text,
                'base_minor', present.base_minor::text,
                'base_after_minor', left_over.base_minor::text,
                'availability_minor', present.availability_minor::text,
                'availability_after_minor', left_over.availability_minor::text,
                'coverage_bp', present.coverage_bp,
                'coverage_after_bp', left_over.coverage_bp,
                -- What is drawn and would have no base under it any more.
                'uncovered_minor', greatest(-left_over.availability_minor, 0)::text
            )
        )::text
        from collateral.filing as f
        join collateral.filing_standing as s on s.facility_id = f.facility_id and s.filing_id = f.filing_id
        where f.facility_id = _facility_id and f.filing_id = _filing_id
    );
end
$$;
comment on function collateral.release_content(uuid, text, uuid, uuid[], text) is
    'What a release would do, as it is now, to the byte: requested, shown and approved as one text.';

create function collateral.release_json(_release collateral.release)
returns jsonb
language sql
stable
return jsonb_build_object(
    'id', (_release).release_id,
    'facility_id', (_release).facility_id,
    'status', (_release).status,
    'requested_by', (_release).requested_by,
    'requested_at', ledger.rfc3339((_release).requested_at),
    'expires_at', ledger.rfc3339((_release).requested_at + collateral.release_life()),
    'approved_by', (_release).approved_by,
    'approved_at', ledger.rfc3339((_release).approved_at),
    'content', (_release).content::jsonb,
    'content_sha256', encode(collateral.text_sha256((_release).content), 'hex'),
    'notice', collateral.notice()
);
comment on function collateral.release_json(collateral.release) is 'A release as replies show it.';

create function collateral.request_release(
    _facility_id uuid,
    _kind text,
    _filing_id uuid,
    _pledge_ids uuid[],
    _reason text
)
returns collateral.release
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    live constant uuid[] := array(
        select p.pledge_id
        from collateral.pledge as p
        where p.facility_id = _facility_id and p.filing_id = _filing_id and p.released_on is null
        order by p.pledge_id
    );
    -- A termination lets go of all that is pledged under the filing.
    named constant uuid[] := case _kind
        when 'termination' then live
        else array(select distinct n.id from unnest(_pledge_ids) as n (id))
    end;
    requested collateral.release;
begin
    if _kind = 'assets' and named = '{}' then
        raise exception using errcode = 'OPK04', message = 'a release of assets names them';
    end if;
    perform collateral.require_filing(_filing_id);
    if not named <@ live then
        perform ledger.refuse('not-found', '{"resource": "pledge"}');
    end if;
    -- Whoever approves has to be shown all of it, and it has to take effect in one statement.
    if cardinality(named) > collateral.release_pledges_max() then
        perform ledger.refuse('release-large', jsonb_build_object(
            'pledges', cardinality(named), 'pledges_max', collateral.release_pledges_max()));
    end if;
    insert into collateral.release (facility_id, allocator_id, kind, filing_id, reason, content, requested_by)
    values
        (_facility_id, collateral.lead_allocator_id(), _kind, _filing_id, _reason,
         collateral.release_content(_facility_id, _kind, _filing_id, named, _reason), auth.sub())
    returning * into requested;
    insert into collateral.release_pledge (facility_id, release_id, pledge_id)
    select _facility_id, requested.release_id, n.id
    from unnest(named) as n (id);
    return requested;
end
$$;
comment on function collateral.request_release(uuid, text, uuid, uuid[], text) is
    'Writes down what is to be released and what that leaves. Nothing is released.';

create function collateral.approve_release(_release collateral.release, _content_sha256 bytea)
returns collateral.release
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    today constant date := (now() at time zone 'UTC')::date;
    named constant uuid[] := array(
        select p.pledge_id
        from collateral.release_pledge as p
        where p.facility_id = _release.facility_id and p.release_id = _release.release_id
    );
    present constant text := collateral.release_content(
        _release.facility_id, _release.kind, _release.filing_id,
        case _release.kind when 'assets' then named else array(
            select p.pledge_id
            from collateral.pledge as p
            where p.facility_id = _release.facility_id
                and p.filing_id = _release.filing_id
                and p.released_on is null
        ) end,
        _release.reason
    );
    changes collateral.sum[];
    approved collateral.release;
begin
    -- What was requested, what the approver saw, and what it would do now: one and the same.
    if _content_sha256 <> _release.content_sha256 or present <> _release.content then
        perform ledger.refuse('release-changed', jsonb_build_object(
            'requested_sha256', encode(_release.content_sha256, 'hex'),
            'present_sha256', encode(collateral.text_sha256(present), 'hex')));
    end if;
    -- Nothing may be refused below.

    update collateral.release as r
    set status = 'APPROVED', approved_by = auth.sub(), approved_at = now()
    where r.release_id = _release.release_id
    returning r.* into strict approved;

    with gone as (
        delete from collateral.holding as h
        where h.facility_id = approved.facility_id and h.pledge_id = any (named)
        returning h.*
    )
    select array_agg(row(g.obligor, g.asset_kind, g.holdings, g.value_minor)::collateral.sum)
    into changes
    from (
        select h.obligor, h.asset_kind, -count(*) as holdings, -sum(h.value_minor) as value_minor
        from gone as h
        where h.counts
        group by h.obligor, h.asset_kind
    ) as g;
    if changes is not null then
        perform collateral.add(approved.facility_id, changes);
    end if;

    update collateral.cover as c
    set pledges = c.pledges - g.pledges
    from (
        select p.filing_id, p.agreement_id, p.debtor_party_id, a.kind, count(*) as pledges
        from collateral.pledge as p
        join collateral.asset as a on a.facility_id = p.facility_id and a.asset_id = p.asset_id
        where p.facility_id = approved.facility_id and p.pledge_id = any (named)
        group by p.filing_id, p.agreement_id, p.debtor_party_id, a.kind
    ) as g
    where c.facility_id = approved.facility_id
        and (c.filing_id, c.agreement_id, c.debtor_party_id, c.asset_kind)
            = (g.filing_id, g.agreement_id, g.debtor_party_id, g.kind);

    update collateral.pledge as p
    set released_on = greatest(today, p.pledged_on), release_id = approved.release_id
    where p.facility_id = approved.facility_id and p.pledge_id = any (named);
    perform collateral.stand(approved.filing_id);
    return approved;
end
$$;
comment on function collateral.approve_release(collateral.release, bytea) is
    'Takes effect: the pledges end, and an amendment filed under this release has its effect.';

-- ---------------------------------------------------------------------------------------------
-- Reading.

create function collateral.standing_json(_standing collateral.filing_standing)
returns jsonb
language sql
stable
return jsonb_build_object(
    'lapse_on', (_standing).lapse_on,
    'continuation_opens_on', collateral.continuation_opens((_standing).lapse_on),
    'state', case
        when (_standing).terminated_on is not null then 'terminated'
        when (_standing).lapse_on < (now() at time zone 'UTC')::date then 'lapsed'
        when (_standing).disputed then 'disputed'
        when (_standing).debtors = '[]' or (_standing).secured_parties = '[]' or (_standing).descriptions = '[]'
            then 'insufficient'
        else 'effective'
    end,
    'terminated_on', (_standing).terminated_on,
    'debtors', (_standing).debtors,
    'secured_parties', (_standing).secured_parties,
    'descriptions', (_standing).descriptions,
    'effects', (_standing).effects
);
comment on function collateral.standing_json(collateral.filing_standing) is 'What a filing comes to today, as replies show it.';

create function collateral.filings_json(_facility_id uuid)
returns jsonb
language sql
stable
return (
    select jsonb_build_object(
        'filings', coalesce(jsonb_agg(
            jsonb_build_object(
                'filing_id', (o.filing).filing_id,
                'office', (o.filing).office,
                'file_number', (o.filing).file_number,
                'filed_at', ledger.rfc3339((o.filing).filed_at),
                'filed_on', (o.filing).filed_on,
                'designation', (o.filing).designation,
                'document_sha256', encode((o.filing).document_sha256, 'hex'),
                'commitment', encode((o.filing).commitment_key, 'hex')
            ) || collateral.standing_json(o.standing)
            order by (o.filing).filed_at, (o.filing).filing_id
        ) filter (where o.octets <= 2000000), '[]'),
        'filings_left_out', count(*) filter (where o.octets > 2000000)
    )
    from (
        select
            r.filing,
            r.standing,
            sum(1000 + octet_length((r.standing)::text)) over (
                order by r.relied_on desc, (r.filing).filed_at desc, (r.filing).filing_id
            ) as octets
        from (
            select f as filing, s as standing, exists (
                select
                from collateral.cover as c
                where c.facility_id = f.facility_id and c.filing_id = f.filing_id and c.pledges > 0
            ) as relied_on
            from collateral.filing as f
            join collateral.filing_standing as s on s.facility_id = f.facility_id and s.filing_id = f.filing_id
            where f.facility_id = _facility_id
        ) as r
    ) as o
);
comment on function collateral.filings_json(uuid) is
    'The facility''s filings, the earliest first: those that pledges rely on, then the newest, as many as a reply has room for.';

create function collateral.warnings_json(_facility_id uuid)
returns jsonb
language sql
stable
return coalesce((
    select jsonb_agg(jsonb_build_object(
        'kind', w.kind, 'subject', nullif(w.subject, ''), 'opened_at', ledger.rfc3339(w.opened_at), 'detail', w.detail
    ) order by w.opened_at, w.kind, w.subject)
    from collateral.warning as w
    where w.facility_id = _facility_id and w.closed_at is null
), '[]');
comment on function collateral.warnings_json(uuid) is 'The facility''s open warnings.';

create function collateral.facility_json(_facility capital.facility)
returns jsonb
language sql
stable
return jsonb_build_object(
    'id', (_facility).facility_id,
    'name', (_facility).name,
    'currency', (_facility).currency,
    'secured', (_facility).secured,
    'lead_allocator_id', (_facility).lead_allocator_id,
    'agents', jsonb_build_object(
        'escrow', (_facility).escrow_agent_id,
        'settlement', (_facility).settlement_agent_id,
        'collateral', (_facility).collateral_agent_id
    ),
    'limit_minor', (select u.limit_minor::text from capital.facility_utilisation as u where u.facility_id = (_facility).facility_id),
    'utilised_minor', (select u.utilised_minor::text from capital.facility_utilisation as u where u.facility_id = (_facility).facility_id),
    'opened_at', ledger.rfc3339((_facility).opened_at)
);
comment on function collateral.facility_json(capital.facility) is 'A facility as replies show it.';

create function collateral.rules_json(_rules collateral.rules)
returns jsonb
language sql
stable
return case when (_rules).version is not null then jsonb_build_object(
    'version', (_rules).version,
    'concentration_cap_bp', (_rules).concentration_cap_bp,
    'coverage_floor_bp', (_rules).coverage_floor_bp,
    'valuation_age_max_days', (_rules).valuation_age_max_days,
    'receipt_age_max_days', (_rules).receipt_age_max_days,
    'lapse_guard_days', (_rules).lapse_guard_days,
    'reserves_minor', (_rules).reserves_minor::text,
    'kinds', (
        select coalesce(jsonb_agg(jsonb_build_object(
            'asset_kind', k.asset_kind, 'advance_rate_bp', k.advance_rate_bp, 'haircut_bp', k.haircut_bp
        ) order by k.asset_kind), '[]')
        from collateral.rule_kind as k
        where k.facility_id = (_rules).facility_id and k.version = (_rules).version
    ),
    'commitment', encode((_rules).commitment_key, 'hex')
) end;
comment on function collateral.rules_json(collateral.rules) is 'Eligibility rules as replies show them; null without any.';

-- ---------------------------------------------------------------------------------------------
-- Warnings.

create type collateral.finding as (
    kind text,
    subject text,
    detail jsonb
);
comment on type collateral.finding is 'What there is to warn of.';

create function collateral.findings(_facility_id uuid)
returns setof collateral.finding
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    today constant date := (now() at time zone 'UTC')::date;
    rules collateral.rules := collateral.rules_in_force(_facility_id);
    base collateral.figures;
    problem jsonb;
begin
    return query
    select k.kind, s.filing_id::text, k.detail
    from collateral.filing_standing as s
    cross join lateral (
        values
            ('continuation-open', s.terminated_on is null
                and today between collateral.continuation_opens(s.lapse_on) and s.lapse_on,
                jsonb_build_object('lapse_on', s.lapse_on)),
            ('continuation-closing', s.terminated_on is null and today between s.lapse_on - 30 and s.lapse_on,
                jsonb_build_object('lapse_on', s.lapse_on)),
            ('filing-lapsed', s.terminated_on is null and s.lapse_on < today,
                jsonb_build_object('lapse_on', s.lapse_on)),
            ('filing-terminated', s.terminated_on is not null,
                jsonb_build_object('terminated_on', s.terminated_on)),
            ('filing-disputed', s.disputed, '{}'::jsonb)
    ) as k (kind, due, detail)
    where s.facility_id = _facility_id
        and k.due
        and exists (
            select
            from collateral.cover as c
            where c.facility_id = _facility_id and c.filing_id = s.filing_id and c.pledges > 0
        );

    for problem in
        select p.value
        from jsonb_array_elements(collateral.cover_problems(_facility_id, 0, today)) as p
        where p.value ->> 'type' = 'urn:optkas:problem:search-adverse'
    loop
        return query
        select distinct 'search-adverse', s.value ->> 'filing_id', s.value
        from jsonb_array_elements(problem -> 'subjects') as s;
    end loop;

    if rules.version is null then
        return;
    end if;
    return query
    select replace(p.value ->> 'type', 'urn:optkas:problem:', ''), '', jsonb_build_object('oldest', p.value -> 'oldest')
    from jsonb_array_elements(collateral.stale_problems(_facility_id, rules)) as p;
    base := collateral.base_again(_facility_id, rules);
    if base.availability_minor < 0 then
        return next row('base-short', '', jsonb_build_object('availability_minor', base.availability_minor::text))::collateral.finding;
    end if;
    if base.coverage_bp < rules.coverage_floor_bp then
        return next row('coverage-short', '', jsonb_build_object(
            'coverage_bp', base.coverage_bp, 'floor_bp', rules.coverage_floor_bp))::collateral.finding;
    end if;
end
$$;
comment on function collateral.findings(uuid) is 'All there is to warn of in a facility now.';

create function collateral.claim_warning(_attempt text, _facility_id uuid, _change text, _warning collateral.warning)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    client_key text := concat_ws(':', _change, _warning.kind, _warning.subject, _warning.occurrence);
    known ledger.reply := ledger.claim(
        _attempt, 'monitor-collateral', _facility_id::text, client_key,
        ledger.idempotency_key('system', 'monitor-collateral', 'monitor-collateral', _facility_id::text, client_key),
        ledger.tagged_hash(
            'optkas/request-fingerprint/v1',
            convert_to('monitor-collateral', 'UTF8'), convert_to(_facility_id::text, 'UTF8'), convert_to(client_key, 'UTF8')
        )
    );
begin
    return known.outcome is null;
end
$$;
comment on function collateral.claim_warning(text, uuid, text, collateral.warning) is
    'The commitment of one warning''s opening or closing, under a key that follows from it.';

create function collateral.warn(_attempt text, _facility_id uuid)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    lead uuid := collateral.lead_allocator_id();
    found_now constant collateral.finding[] := array(select f from collateral.findings(_facility_id) as f);
    warning collateral.warning;
    one collateral.finding;
    opened int4 := 0;
    closed int4 := 0;
begin
    for warning in
        select w.*
        from collateral.warning as w
        where w.facility_id = _facility_id and w.closed_at is null
        order by w.kind, w.subject
    loop
        continue when exists (
            select from unnest(found_now) as f where f.kind = warning.kind and f.subject = warning.subject
        );
        continue when not collateral.claim_warning(_attempt, _facility_id, 'closed', warning);
        update collateral.warning as w
        set closed_at = now()
        where (w.facility_id, w.kind, w.subject, w.occurrence)
            = (_facility_id, warning.kind, warning.subject, warning.occurrence);
        perform ledger.conclude('accepted', 200, lead, jsonb_build_object(
            'warning', warning.kind, 'facility_id', _facility_id, 'subject', nullif(warning.subject, ''), 'change', 'closed'));
        closed := closed + 1;
    end loop;

    foreach one in array found_now loop
        continue when exists (
            select
            from collateral.warning as w
            where w.facility_id = _facility_id and w.kind = one.kind and w.subject = one.subject and w.closed_at is null
        );
        warning := null;
        warning.kind := one.kind;
        warning.subject := one.subject;
        warning.occurrence := 1 + (
            select coalesce(max(w.occurrence), 0)
            from collateral.warning as w
            where w.facility_id = _facility_id and w.kind = one.kind and w.subject = one.subject
        );
        continue when not collateral.claim_warning(_attempt, _facility_id, 'opened', warning);
        insert into collateral.warning (facility_id, kind, subject, occurrence, detail)
        values (_facility_id, one.kind, one.subject, warning.occurrence, one.detail);
        perform ledger.conclude('accepted', 200, lead, jsonb_build_object(
            'warning', one.kind, 'facility_id', _facility_id, 'subject', nullif(one.subject, ''), 'change', 'opened',
            'detail', one.detail));
        opened := opened + 1;
    end loop;

    return jsonb_build_object(
        'facility_id', _facility_id,
        'opened', opened,
        'closed', closed,
        'open', (
            select coalesce(jsonb_object_agg(k.kind, k.number), '{}')
            from (
                select w.kind, count(*) as number
                from collateral.warning as w
                where w.facility_id = _facility_id and w.closed_at is null
                group by w.kind
            ) as k
        )
    );
end
$$;
comment on function collateral.warn(text, uuid) is
    'Opens a warning for all that is found and closes those whose reason has gone: each once, whoever runs beside.';
