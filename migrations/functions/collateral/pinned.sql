-- What may change in rows that are otherwise fixed. Each trigger compares the new row with the old one, changed in the
-- permitted columns alone.

create or replace function collateral.pin_party()
returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if (new.facility_id, new.party_id, new.lei, new.version)
        is distinct from (old.facility_id, old.party_id, old.lei, old.version + 1)
    then
        raise exception using
            errcode = 'OPK04',
            message = 'a party keeps its LEI, and changes by one version at a time';
    end if;
    return new;
end
$$;
comment on function collateral.pin_party() is 'A party keeps its LEI, and changes by one version at a time.';

create or replace function collateral.pin_pledge()
returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    ended collateral.pledge := old;
begin
    ended.released_on := new.released_on;
    ended.release_id := new.release_id;
    if new is distinct from ended or old.released_on is not null or not exists (
        select
        from collateral.release as r
        join collateral.release_pledge as p on (p.facility_id, p.release_id) = (r.facility_id, r.release_id)
        where r.release_id = new.release_id and r.status = 'APPROVED' and p.pledge_id = new.pledge_id
    ) then
        raise exception using errcode = 'OPK04', message = 'a pledge ends once, by an approved release that names it';
    end if;
    return new;
end
$$;
comment on function collateral.pin_pledge() is 'A pledge ends once, by an approved release that names it.';

create or replace function collateral.pin_release()
returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    approved collateral.release := old;
begin
    approved.status := 'APPROVED';
    approved.approved_by := new.approved_by;
    approved.approved_at := new.approved_at;
    -- A generated column has no value yet before the row is stored.
    approved.content_sha256 := new.content_sha256;
    if new is distinct from approved or old.status is distinct from 'REQUESTED' then
        raise exception using errcode = 'OPK04', message = 'a release is approved once, and changes in nothing else';
    end if;
    return new;
end
$$;
comment on function collateral.pin_release() is 'A release is approved once, and changes in nothing else.';

create or replace function collateral.pin_warning()
returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    closed collateral.warning := old;
begin
    closed.closed_at := new.closed_at;
    if new is distinct from closed or old.closed_at is not null then
        raise exception using errcode = 'OPK04', message = 'a warning is closed once, and changes in nothing else';
    end if;
    return new;
end
$$;
comment on function collateral.pin_warning() is 'A warning is closed once, and changes in nothing else.';
