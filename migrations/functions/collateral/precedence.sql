-- Precedence: one filing, or one asset, counts in one facility. Any agent can record what another facility has; the
-- first counts until the platform decides otherwise.

create or replace function collateral.take_place(
    _facility uuid,
    _subject_kind text,
    _fingerprint bytea,
    _subject_id uuid
)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Of two that race one is retried, and comes after the other.
    insert into collateral.precedence (subject_kind, fingerprint, facility_id, subject_id, place)
    select _subject_kind, _fingerprint, _facility, _subject_id, coalesce(max(p.place), 0) + 1
    from collateral.precedence as p
    where p.subject_kind = _subject_kind and p.fingerprint = _fingerprint;
end
$$;
comment on function collateral.take_place(uuid, text, bytea, uuid) is
    'Puts a facility''s filing or asset after all that other facilities have recorded of it.';

create or replace function collateral.comes_first(_facility uuid, _subject_kind text, _subject_id uuid)
returns boolean
language sql
stable
return not exists (
    select
    from collateral.precedence as p
    join collateral.precedence as o
        on o.subject_kind = p.subject_kind and o.fingerprint = p.fingerprint and o.place < p.place
    where p.facility_id = _facility and p.subject_kind = _subject_kind and p.subject_id = _subject_id
);
comment on function collateral.comes_first(uuid, text, uuid) is
    'Whether no other facility has the same filing or asset before this one.';

create or replace function collateral.decide_dispute(_data jsonb)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    facility constant uuid := (_data ->> 'facility_id')::uuid;
    kind constant text := case when _data ? 'asset_id' then 'asset' else 'filing' end;
    chosen collateral.precedence;
    claim collateral.precedence;
begin
    perform collateral.set_secured_facility(facility);
    select * into chosen
    from collateral.precedence as p
    where p.facility_id = facility
        and p.subject_kind = kind
        and p.subject_id = (_data ->> (kind || '_id'))::uuid;
    if not found then
        perform ledger.refuse('not-found', jsonb_build_object('resource', kind));
    end if;
    update collateral.precedence as p
    set place = (
        select min(o.place) - 1
        from collateral.precedence as o
        where o.subject_kind = chosen.subject_kind and o.fingerprint = chosen.fingerprint
    )
    where p.subject_kind = chosen.subject_kind
        and p.fingerprint = chosen.fingerprint
        and p.facility_id = chosen.facility_id;
    -- Filings are asked when a settlement rests on them; assets are in the sums of every facility that has them.
    for claim in
        select p.*
        from collateral.precedence as p
        where p.subject_kind = 'asset' and kind = 'asset' and p.fingerprint = chosen.fingerprint
        order by p.facility_id
    loop
        perform collateral.set_secured_facility(claim.facility_id);
        perform collateral.recount_holdings(claim.facility_id, array[claim.subject_id]);
    end loop;
end
$$;
comment on function collateral.decide_dispute(jsonb) is
    'dispute.decided: this facility''s filing or asset counts, and that of no other.';
