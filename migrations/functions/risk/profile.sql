-- Events of the platform about credit: profiles of facilities and the rating migration matrix. Each event records the
-- next version; the latest holds.

create or replace function risk.matrix_in_force()
returns int4
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (select m.version from risk.matrix as m order by m.version desc limit 1);
end
$$;
comment on function risk.matrix_in_force() is 'The latest version of the matrix; null before the first.';

create or replace function risk.record_profile(_data jsonb)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    facility constant uuid := (_data ->> 'facility_id')::uuid;
begin
    if not exists (select from capital.facility as f where f.facility_id = facility) then
        perform ledger.refuse('not-found', '{"resource": "facility"}');
    end if;
    if _data ->> 'rating' is not null and not exists (
        select
        from risk.matrix_row as r
        where r.version = risk.matrix_in_force() and r.rating = _data ->> 'rating'
    ) then
        perform ledger.refuse('rating-unknown');
    end if;
    insert into risk.profile
        (facility_id, version, pd_ppb, lgd_mean_ppb, lgd_deviation_ppb, loadings_ppb, rating)
    values (
        facility,
        1 + coalesce((
            select p.version from risk.profile as p where p.facility_id = facility order by p.version desc limit 1
        ), 0),
        (_data ->> 'pd_ppb')::int4,
        (_data #>> '{lgd,mean_ppb}')::int4,
        (_data #>> '{lgd,deviation_ppb}')::int4,
        array(
            select l.ppb::int4
            from jsonb_array_elements_text(_data -> 'loadings_ppb') with ordinality as l (ppb, place)
            order by l.place
        ),
        _data ->> 'rating'
    );
end
$$;
comment on function risk.record_profile(jsonb) is
    'facility.risk_updated: the next version of what is known of a facility''s credit.';

create or replace function risk.record_matrix(_data jsonb)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    ratings constant int4 := jsonb_array_length(_data -> 'ratings');
    next_version constant int4 := coalesce(risk.matrix_in_force(), 0) + 1;
begin
    insert into risk.matrix (version) values (next_version);
    insert into risk.matrix_row (version, place, rating, probabilities_ppb, losses_ppb)
    select
        next_version, r.place - 1, r.entry ->> 'rating',
        array(
            select p.ppb::int4
            from jsonb_array_elements_text(r.entry -> 'probabilities_ppb') with ordinality as p (ppb, place)
            order by p.place
        ),
        array(
            select l.ppb::int4
            from jsonb_array_elements_text(r.entry -> 'losses_ppb') with ordinality as l (ppb, place)
            order by l.place
        )
    from jsonb_array_elements(_data -> 'ratings') with ordinality as r (entry, place);
    if exists (
        select
        from risk.matrix_row as r
        where r.version = next_version and cardinality(r.losses_ppb) is distinct from ratings
    ) then
        raise exception using errcode = 'OPK04', message = 'a matrix has a row a rating, and a column more';
    end if;
end
$$;
comment on function risk.record_matrix(jsonb) is 'ratings.recorded: the next version of the migration matrix.';
