-- Portfolio risk: what is known of each facility's credit, and the runs that were made of it.
--
-- The database says what goes into a run, to the byte. risk.book_of renders the engine's snapshot
-- (risk/src/snapshot.rs) of positions, profiles in force and collateral, as they are in the transaction that records
-- the run. Results are computed outside. Nobody needs to believe them: whoever has the snapshot can compute them again.

-- What is known of a facility's credit. Shares are in parts per billion, as the engine counts.

create function fixed.loadings_valid(_loadings_ppb int4[])
returns boolean
language sql
immutable
parallel safe
return coalesce(
    array_ndims(_loadings_ppb) = 1
    and cardinality(_loadings_ppb) between 1 and 16
    and (
        select bool_and(l is not null and l between -1000000000 and 1000000000)
            and sum(l::numeric * l) <= 990000000000000000
        from unnest(_loadings_ppb) as l
    ), false);
comment on function fixed.loadings_valid(int4[]) is
    'Whether loadings are one to sixteen, each from -1 to 1, and together explain at most 99% of the variance '
    '(risk/src/input/parse.rs).';

create function fixed.lgd_valid(_mean_ppb int4, _deviation_ppb int4)
returns boolean
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    mean constant float8 := _mean_ppb / 1e9::float8;
    deviation constant float8 := _deviation_ppb / 1e9::float8;
    total float8;
begin
    if _deviation_ppb is null then
        return _mean_ppb between 0 and 1000000000;
    end if;
    if _mean_ppb not between 1 and 999999999 or _deviation_ppb not between 1 and 999999999 then
        return false;
    end if;
    -- To the bit what risk/src/math/beta.rs computes. Otherwise a profile could be recorded that no run takes.
    total := mean * (1.0::float8 - mean) / (deviation * deviation) - 1.0::float8;
    return mean * total between 0.05::float8 and 1e5::float8
        and (1.0::float8 - mean) * total between 0.05::float8 and 1e5::float8;
end
$$;
comment on function fixed.lgd_valid(int4, int4) is
    'Whether a loss given default is a fixed share, or the mean and deviation of a Beta distribution whose parameters '
    'are from 0.05 to 100,000.';

create function fixed.migration_row_valid(_probabilities_ppb int4[], _losses_ppb int4[])
returns boolean
language sql
immutable
parallel safe
return coalesce(
    array_ndims(_probabilities_ppb) = 1
    and array_ndims(_losses_ppb) = 1
    and cardinality(_losses_ppb) between 1 and 32
    and cardinality(_probabilities_ppb) = cardinality(_losses_ppb) + 1
    and (
        select bool_and(p is not null and p between 0 and 1000000000) and sum(p::bigint) = 1000000000
        from unnest(_probabilities_ppb) as p
    )
    and (
        select bool_and(l.ppb is not null and l.ppb between -1000000000 and 1000000000 and l.ppb >= l.better)
        from (
            select u.ppb, lag(u.ppb, 1, u.ppb) over (order by u.place) as better
            from unnest(_losses_ppb) with ordinality as u (ppb, place)
        ) as l
    ), false);
comment on function fixed.migration_row_valid(int4[], int4[]) is
    'Whether a matrix row holds. Its probabilities, of each rating and of default, add up to one. Its losses never '
    'fall from a better rating to a worse.';

create table risk.profile (
    facility_id uuid not null,
    version fixed.version not null,
    previous_version int4 generated always as (nullif(version - 1, 0)) stored,
    pd_ppb int4,
    lgd_mean_ppb int4 not null,
    lgd_deviation_ppb int4,
    loadings_ppb int4[] not null,
    rating fixed.rating,
    recorded_at timestamptz not null default clock_timestamp(),
    commitment_key fixed.sha256 not null default fixed.commitment_key(),
    constraint profile_pkey primary key (facility_id, version),
    constraint profile_facility_fkey foreign key (facility_id) references capital.facility (facility_id),
    constraint profile_previous_fkey foreign key (facility_id, previous_version)
        references risk.profile (facility_id, version),
    constraint profile_commitment_fkey foreign key (commitment_key) references ledger.commitment_ledger (key),
    constraint profile_pd_range check (pd_ppb between 0 and 1000000000),
    constraint profile_pd_or_rating check (num_nonnulls(pd_ppb, rating) > 0),
    constraint profile_lgd_valid check (fixed.lgd_valid(lgd_mean_ppb, lgd_deviation_ppb)),
    constraint profile_loadings_valid check (fixed.loadings_valid(loadings_ppb))
);
comment on table risk.profile is 'A facility''s credit, one version after the other. The latest holds. Append-only.';
comment on column risk.profile.pd_ppb is
    'The probability of default over the horizon; null where the rating''s is taken. Nothing else states the horizon.';
comment on column risk.profile.lgd_deviation_ppb is
    'Null where the loss given default is fixed; otherwise it is Beta distributed.';
comment on column risk.profile.loadings_ppb is 'The loading on each factor, in an order that all facilities share.';

create table risk.matrix (
    version fixed.version not null,
    previous_version int4 generated always as (nullif(version - 1, 0)) stored,
    recorded_at timestamptz not null default clock_timestamp(),
    commitment_key fixed.sha256 not null default fixed.commitment_key(),
    constraint matrix_pkey primary key (version),
    constraint matrix_previous_fkey foreign key (previous_version) references risk.matrix (version),
    constraint matrix_commitment_fkey foreign key (commitment_key) references ledger.commitment_ledger (key)
);
comment on table risk.matrix is 'Rating migration matrices. The latest holds. Append-only.';

create table risk.matrix_row (
    version int4 not null,
    place int4 not null,
    rating fixed.rating not null,
    probabilities_ppb int4[] not null,
    losses_ppb int4[] not null,
    constraint matrix_row_pkey primary key (version, place),
    constraint matrix_row_rating_key unique (version, rating),
    constraint matrix_row_matrix_fkey foreign key (version) references risk.matrix (version),
    constraint matrix_row_valid check (fixed.migration_row_valid(probabilities_ppb, losses_ppb)),
    constraint matrix_row_place_range check (place between 0 and cardinality(losses_ppb) - 1)
);
comment on table risk.matrix_row is
    'The rows of a matrix, one a rating, from the best (place 0) to the worst. A row has the probabilities of ending '
    'in each rating and in default, and what ending in each rating costs. Append-only.';

-- Runs.
create function fixed.risk_request(_request bytea)
returns jsonb
-- Not SQL, which would be inlined: convert_from is not immutable by declaration, though from UTF8 it is.
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return convert_from(_request, 'UTF8')::jsonb;
end
$$;
comment on function fixed.risk_request(bytea) is 'The body of a request for a run, read.';

create function fixed.risk_settings(_request bytea, _run_id uuid)
returns jsonb
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    asked constant jsonb := jsonb_strip_nulls(fixed.risk_request(_request));
    -- The first 64 bits of the hash, of which the lowest 53.
    seed constant bigint := (
        'x' || left(encode(fixed.text_sha256(E'optkas-risk-seed/1\n' || _run_id || E'\n'), 'hex'), 16)
    )::bit(64)::bigint & 9007199254740991;
begin
    return jsonb_build_object(
        'levels', coalesce(asked -> 'levels', '[990000, 999000]'),
        'scenarios', coalesce(asked -> 'scenarios', '1000000'),
        'copula', coalesce(asked -> 'copula', '{"kind": "gaussian"}'),
        'method', coalesce(asked -> 'method', '"exact"'),
        'seed', coalesce(asked -> 'seed', to_jsonb(seed)),
        'run', _run_id
    );
end
$$;
comment on function fixed.risk_settings(bytea, uuid) is
    'How the run of that id is to be made: as the request asks, and with the defaults of risk/src/parameters.rs where '
    'it does not ask. The default seed follows from the id.';

create function fixed.risk_summary(_result jsonb)
returns jsonb
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if jsonb_typeof(_result) is distinct from 'object' or jsonb_typeof(_result -> 'levels') is distinct from 'array'
        or exists (
            select
            from jsonb_array_elements(_result -> 'levels') as l (level)
            where jsonb_typeof(l.level) is distinct from 'object'
        )
    then
        return null;
    end if;
    return _result - 'names' - 'histogram' || jsonb_build_object('levels', (
        select coalesce(jsonb_agg(l.level - 'contributions_minor' order by l.place), '[]')
        from jsonb_array_elements(_result -> 'levels') with ordinality as l (level, place)
    ));
end
$$;
comment on function fixed.risk_summary(jsonb) is
    'A result without what grows with the number of names. Null unless it is an object whose levels are an array of '
    'objects.';

create table risk.run (
    run_id uuid not null,
    allocator_id uuid not null,
    currency fixed.currency not null,
    created_by uuid not null,
    request bytea not null,
    created_at timestamptz not null default clock_timestamp(),
    log_size bigint not null,
    inputs jsonb not null,
    snapshot text not null,
    snapshot_sha256 fixed.sha256 not null generated always as (fixed.text_sha256(snapshot)) stored,
    result jsonb not null,
    commitment_key fixed.sha256 not null default fixed.commitment_key(),
    constraint run_pkey primary key (run_id),
    constraint run_created_by_fkey foreign key (created_by, allocator_id)
        references capital.member (sub, allocator_id),
    constraint run_commitment_fkey foreign key (commitment_key) references ledger.commitment_ledger (key),
    constraint run_run_id_derived check (run_id = fixed.risk_run_id(commitment_key)),
    constraint run_log_size_not_negative check (log_size >= 0),
    constraint run_result_length check (octet_length(result::text) <= 4194304),
    -- A result must say of itself what its row says. Only computing it again tells whether it is right.
    constraint run_result_of_snapshot check (
        coalesce(result ->> 'snapshot_sha256' = encode(snapshot_sha256, 'hex'), false)
    ),
    constraint run_result_of_currency check (coalesce(result ->> 'currency' = currency, false)),
    constraint run_request_length check (octet_length(request) between 2 and 65536),
    constraint run_request_of_currency check (coalesce(fixed.risk_request(request) ->> 'currency' = currency, false)),
    constraint run_result_of_request check (
        coalesce(result -> 'settings' = fixed.risk_settings(request, run_id), false)
    ),
    -- A list has a hundred of them in one reply.
    constraint run_result_summary_length check (
        coalesce(octet_length(fixed.risk_summary(result)::text) <= 16384, false)
    ),
    constraint run_result_of_model check (coalesce(result ->> 'model' ~ '^optkas-risk/[0-9]+$', false))
);
comment on table risk.run is 'Each run with all that it follows from. Append-only.';
comment on column risk.run.request is
    'The body of the request as it was received. The claim''s fingerprint, and so the log''s entry, is of these bytes.';
comment on column risk.run.created_at is
    'The time of the transaction that recorded the run. Its inputs are as the ledger had them then.';
comment on column risk.run.log_size is
    'The size of the latest checkpoint published then. What it covers came before this run; the run''s own entry comes '
    'after it.';
comment on column risk.run.inputs is
    'What the snapshot was rendered from: versions of accounts, profiles and the matrix, and what collateral came to.';
comment on column risk.run.snapshot is 'The engine''s inputs as bytes (risk/src/snapshot.rs), in ASCII.';
comment on column risk.run.result is 'The result as the function computed it, with settings and model version.';
create index run_allocator_created_idx on risk.run (allocator_id, created_at desc, run_id desc);
create index run_created_by_idx on risk.run (created_by, allocator_id);

-- The parts that a snapshot is rendered from.
create type risk.cover as (
    rules_version int4,
    eligible_minor numeric,
    excess_minor numeric,
    drawn_minor numeric
);
comment on type risk.cover is 'What stands behind all that is drawn in a facility.';

create type risk.name as (
    facility_id uuid,
    account_version bigint,
    exposure_minor bigint,
    secured boolean,
    profile_version int4,
    pd_ppb int4,
    lgd_mean_ppb int4,
    lgd_deviation_ppb int4,
    loadings_ppb int4[],
    rating text,
    place int4,
    cover risk.cover
);
comment on type risk.name is
    'One position, with what is known of its facility. The place is that of its rating in the matrix.';

create type risk.book as (
    snapshot text,
    inputs jsonb
);
comment on type risk.book is 'The engine''s inputs, and what they were rendered from.';
