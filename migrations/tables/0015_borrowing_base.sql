-- Eligibility rules, the sums that the borrowing base is computed from, and the bases that settlements rested on. Sums
-- are kept as they change, so that a settlement does not add up all pledges.

-- Eligibility rules.
create table collateral.rules (
    facility_id uuid not null,
    version fixed.version not null,
    previous_version int4 generated always as (nullif(version - 1, 0)) stored,
    concentration_cap_bp int4 not null,
    coverage_floor_bp int4 not null,
    valuation_age_max_days fixed.days not null,
    receipt_age_max_days fixed.days not null,
    lapse_guard_days fixed.days not null,
    reserves_minor fixed.money not null,
    recorded_at timestamptz not null default clock_timestamp(),
    commitment_key fixed.sha256 not null default fixed.commitment_key(),
    constraint rules_pkey primary key (facility_id, version),
    constraint rules_facility_fkey foreign key (facility_id) references capital.facility (facility_id),
    constraint rules_previous_fkey foreign key (facility_id, previous_version)
        references collateral.rules (facility_id, version),
    constraint rules_commitment_fkey foreign key (commitment_key) references ledger.commitment_ledger (key),
    constraint rules_concentration_cap_range check (concentration_cap_bp between 1 and 10000),
    constraint rules_coverage_floor_range check (coverage_floor_bp between 0 and 1000000)
);
comment on table collateral.rules is
    'What is eligible and how far, one version after the other. The latest holds. Append-only.';
comment on column collateral.rules.concentration_cap_bp is
    'How much of all that is eligible one obligor may owe, in basis points.';
comment on column collateral.rules.coverage_floor_bp is
    'The least coverage of what is drawn, in basis points: 12000 is 120%.';

create table collateral.rule_kind (
    facility_id uuid not null,
    version int4 not null,
    asset_kind fixed.asset_kind not null,
    advance_rate_bp fixed.share_bp not null,
    haircut_bp fixed.share_bp not null,
    constraint rule_kind_pkey primary key (facility_id, version, asset_kind),
    constraint rule_kind_rules_fkey foreign key (facility_id, version)
        references collateral.rules (facility_id, version)
);
comment on table collateral.rule_kind is
    'Haircut and advance rate of a kind of assets. A kind without a row is not eligible. Append-only.';

-- What pledges count for. The sums equal what collateral.sums_recomputed adds up anew.
create table collateral.holding (
    facility_id uuid not null,
    pledge_id uuid not null,
    asset_id uuid not null,
    asset_kind fixed.asset_kind not null,
    obligor text not null,
    valued_on date,
    value_minor bigint,
    held_on date,
    contested boolean not null default false,
    counts boolean not null generated always as (
        valued_on is not null and held_on is not null and not contested
    ) stored,
    constraint holding_pkey primary key (facility_id, pledge_id),
    constraint holding_asset_key unique (facility_id, asset_id),
    constraint holding_pledge_fkey foreign key (facility_id, pledge_id)
        references collateral.pledge (facility_id, pledge_id),
    constraint holding_value_matches check ((valued_on is null) = (value_minor is null))
);
comment on table collateral.holding is
    'Each pledge in force, with its latest valuation and receipt. A pledge counts once it has both, unless another '
    'facility''s pledge of the asset comes first.';
create index holding_valued_idx on collateral.holding (facility_id, valued_on) where counts;
create index holding_held_idx on collateral.holding (facility_id, held_on) where counts;

create table collateral.cover (
    facility_id uuid not null,
    filing_id uuid not null,
    agreement_id uuid not null,
    debtor_party_id uuid not null,
    asset_kind fixed.asset_kind not null,
    pledges bigint not null,
    constraint cover_pkey primary key (facility_id, filing_id, agreement_id, debtor_party_id, asset_kind),
    constraint cover_filing_fkey foreign key (facility_id, filing_id)
        references collateral.filing (facility_id, filing_id),
    constraint cover_agreement_fkey foreign key (facility_id, agreement_id)
        references collateral.agreement (facility_id, agreement_id),
    constraint cover_debtor_fkey foreign key (facility_id, debtor_party_id)
        references collateral.party (facility_id, party_id),
    constraint cover_pledges_positive check (pledges >= 0)
);
comment on table collateral.cover is
    'How many pledges in force rely on a filing, an agreement and a debtor, for a kind of assets. What must hold is '
    'asked once for all of them.';
create index cover_agreement_idx on collateral.cover (facility_id, agreement_id);
create index cover_debtor_idx on collateral.cover (facility_id, debtor_party_id);

create table collateral.kind_sum (
    facility_id uuid not null,
    asset_kind fixed.asset_kind not null,
    holdings bigint not null,
    value_minor bigint not null,
    constraint kind_sum_pkey primary key (facility_id, asset_kind),
    constraint kind_sum_facility_fkey foreign key (facility_id) references capital.facility (facility_id),
    constraint kind_sum_not_negative check (holdings >= 0 and value_minor >= 0)
);
comment on table collateral.kind_sum is 'The values that count, by kind of assets, before any rule.';

create table collateral.obligor_sum (
    facility_id uuid not null,
    obligor text not null,
    holdings bigint not null,
    value_minor bigint not null,
    constraint obligor_sum_pkey primary key (facility_id, obligor),
    constraint obligor_sum_facility_fkey foreign key (facility_id) references capital.facility (facility_id),
    constraint obligor_sum_not_negative check (holdings >= 0 and value_minor >= 0)
);
comment on table collateral.obligor_sum is
    'The values that count, by obligor. They tell which obligors can be over the cap.';
create index obligor_sum_value_idx on collateral.obligor_sum (facility_id, value_minor);

create table collateral.obligor_kind_sum (
    facility_id uuid not null,
    obligor text not null,
    asset_kind fixed.asset_kind not null,
    holdings bigint not null,
    value_minor bigint not null,
    constraint obligor_kind_sum_pkey primary key (facility_id, obligor, asset_kind),
    constraint obligor_kind_sum_facility_fkey foreign key (facility_id) references capital.facility (facility_id),
    constraint obligor_kind_sum_not_negative check (holdings >= 0 and value_minor >= 0)
);
comment on table collateral.obligor_kind_sum is 'The values that count, by obligor and kind.';

-- A change of the sums, and a base with all that it follows from.
create type collateral.sum as (
    obligor text,
    asset_kind text,
    holdings bigint,
    value_minor numeric
);
comment on type collateral.sum is
    'How many holdings count, and their value: of one obligor and kind, or of one kind with no obligor.';

create type collateral.figures as (
    rules_version int4,
    computed_on date,
    holdings bigint,
    eligible_minor numeric,
    excess_minor numeric,
    reserves_minor numeric,
    base_minor numeric,
    drawn_minor numeric,
    availability_minor numeric,
    coverage_bp numeric,
    inputs text
);
comment on type collateral.figures is 'A borrowing base with all that it follows from.';

create table collateral.borrowing_base (
    facility_id uuid not null,
    settlement_id uuid not null,
    version int4 not null,
    inputs text not null,
    inputs_sha256 fixed.sha256 not null generated always as (fixed.text_sha256(inputs)) stored,
    -- Numeric: several kinds together can exceed 64 bits, and so can the coverage of a small amount drawn.
    base_minor numeric not null,
    drawn_minor numeric not null,
    availability_minor numeric not null generated always as (base_minor - drawn_minor) stored,
    coverage_bp numeric,
    computed_at timestamptz not null default clock_timestamp(),
    commitment_key fixed.sha256 not null default fixed.commitment_key(),
    constraint borrowing_base_pkey primary key (settlement_id, version),
    constraint borrowing_base_settlement_fkey foreign key (facility_id, settlement_id)
        references capital.settlement (facility_id, settlement_id),
    constraint borrowing_base_commitment_fkey foreign key (commitment_key) references ledger.commitment_ledger (key),
    constraint borrowing_base_not_negative check (base_minor >= 0 and drawn_minor >= 0)
);
comment on table collateral.borrowing_base is
    'The base that each step of a settlement rested on, before the step was taken. Append-only.';
comment on column collateral.borrowing_base.version is 'The settlement''s version before the step.';
comment on column collateral.borrowing_base.inputs is 'All that the figures follow from, in jsonb''s text form.';
create index borrowing_base_facility_idx on collateral.borrowing_base (facility_id);

-- Warnings.
create table collateral.warning (
    warning_id uuid not null default gen_random_uuid(),
    facility_id uuid not null,
    kind text not null,
    subject text not null,
    occurrence fixed.version not null,
    figures jsonb not null,
    opened_at timestamptz not null default clock_timestamp(),
    closed_at timestamptz,
    constraint warning_pkey primary key (facility_id, kind, subject, occurrence),
    constraint warning_warning_id_key unique (warning_id),
    constraint warning_facility_fkey foreign key (facility_id) references capital.facility (facility_id),
    constraint warning_kind_known check (
        kind in (
            'asset-contested', 'base-short', 'continuation-closing', 'continuation-open', 'coverage-short',
            'custody-stale', 'filing-contested', 'filing-disputed', 'filing-lapsed', 'filing-terminated',
            'search-adverse', 'valuation-stale'
        )
    ),
    constraint warning_closed_at_later check (closed_at >= opened_at)
);
comment on table collateral.warning is
    'What the monitor has found. A warning is opened once, and closed once when its reason has gone.';
comment on column collateral.warning.subject is
    'The filing or asset that the warning is about, or an empty text for the whole facility.';
create unique index warning_open_idx on collateral.warning (facility_id, kind, subject) where closed_at is null;
-- Two, so that a page of open warnings does not read through all that were ever closed.
create index warning_open_newest_idx
    on collateral.warning (facility_id, opened_at desc, warning_id desc) where closed_at is null;
create index warning_closed_newest_idx
    on collateral.warning (facility_id, opened_at desc, warning_id desc) where closed_at is not null;

create type collateral.finding as (
    kind text,
    subject text,
    figures jsonb
);
comment on type collateral.finding is 'A reason to warn.';
