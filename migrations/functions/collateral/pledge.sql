-- Pledges: assets given as collateral under a filing and an agreement. A thing is pledged once in a facility; an
-- exclusion constraint decides a race. Where two facilities have it, the first counts.

create or replace function collateral.record_asset(_facility uuid, _data jsonb)
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
        -- An asset that is pledged again after a release must be described the same.
        if (asset.kind, asset.obligor, asset.custodian, asset.identified_by, asset.identifier) is distinct from (
            _data ->> 'asset_kind', _data ->> 'obligor', _data ->> 'custodian', _data ->> 'identified_by',
            _data ->> 'identifier'
        ) then
            perform ledger.refuse('already-exists', '{"resource": "asset"}');
        end if;
        return asset;
    end if;
    insert into collateral.asset (facility_id, asset_id, kind, obligor, custodian, identified_by, identifier)
    values
        (_facility, (_data ->> 'asset_id')::uuid, _data ->> 'asset_kind', _data ->> 'obligor', _data ->> 'custodian',
         _data ->> 'identified_by', _data ->> 'identifier')
    on conflict do nothing
    returning * into asset;
    if not found then
        -- The same thing is known under another id.
        perform ledger.refuse('already-pledged');
    end if;
    return asset;
end
$$;
comment on function collateral.record_asset(uuid, jsonb) is 'The asset of a pledge, recorded at its first one.';

create or replace function collateral.pledge(_facility uuid, _data jsonb)
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
    perform collateral.require_past((_data ->> 'pledged_on')::date, 'pledged_on', collateral.latest_today());
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
        -- Of two that race one waits here until the other has committed.
        when exclusion_violation then
            perform ledger.refuse('already-pledged');
    end;
    perform collateral.take_place(_facility, 'asset', asset.fingerprint, asset.asset_id);
    insert into collateral.holding (facility_id, pledge_id, asset_id, asset_kind, obligor)
    values (_facility, (_data ->> 'pledge_id')::uuid, asset.asset_id, asset.kind, asset.obligor);
    insert into collateral.cover as c (facility_id, filing_id, agreement_id, debtor_party_id, asset_kind, pledges)
    values (_facility, filing, agreement, debtor, asset.kind, 1)
    on conflict on constraint cover_pkey do update set pledges = c.pledges + 1;
    perform collateral.recount_holdings(_facility, array[asset.asset_id]);
    -- Of a termination and a pledge that race, one sees the other.
    if exists (
        select
        from collateral.amendment as a
        where a.facility_id = _facility and a.filing_id = filing and a.kind = 'termination'
    ) then
        perform collateral.recompute_standing(filing);
    end if;
    return jsonb_build_object('fingerprint', encode(asset.fingerprint, 'hex'));
end
$$;
comment on function collateral.pledge(uuid, jsonb) is 'asset.pledged: one asset, under one filing and one agreement.';

create or replace function collateral.require_assets(_facility uuid, _asset_ids uuid[])
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
comment on function collateral.require_assets(uuid, uuid[]) is
    'Refuses not-found, and names an asset, unless the facility has all of them.';
