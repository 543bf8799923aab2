-- Evidence for what is pledged: valuations, custody receipts, and searches of the filing offices. Each is a document of
-- another party, of which the SHA-256 is kept.

create table collateral.valuation (
    facility_id uuid not null,
    asset_id uuid not null,
    valuation_id uuid not null,
    valued_on date not null,
    value_minor bigint not null,
    document_sha256 fixed.sha256 not null,
    recorded_at timestamptz not null default clock_timestamp(),
    commitment_key fixed.sha256 not null default fixed.commitment_key(),
    constraint valuation_pkey primary key (facility_id, asset_id, valuation_id),
    constraint valuation_asset_fkey foreign key (facility_id, asset_id)
        references collateral.asset (facility_id, asset_id),
    constraint valuation_commitment_fkey foreign key (commitment_key) references ledger.commitment_ledger (key),
    constraint valuation_value_range check (value_minor between 0 and 999999999999999)
);
comment on table collateral.valuation is
    'What an asset is worth by a document, in the facility''s currency. The latest date counts. Append-only.';
create index valuation_latest_idx on collateral.valuation (facility_id, asset_id, valued_on desc, recorded_at desc);

create table collateral.custody_receipt (
    facility_id uuid not null,
    asset_id uuid not null,
    receipt_id uuid not null,
    held_on date not null,
    document_sha256 fixed.sha256 not null,
    recorded_at timestamptz not null default clock_timestamp(),
    commitment_key fixed.sha256 not null default fixed.commitment_key(),
    constraint custody_receipt_pkey primary key (facility_id, asset_id, receipt_id),
    constraint custody_receipt_asset_fkey foreign key (facility_id, asset_id)
        references collateral.asset (facility_id, asset_id),
    constraint custody_receipt_commitment_fkey foreign key (commitment_key) references ledger.commitment_ledger (key)
);
comment on table collateral.custody_receipt is
    'A custodian''s document that it holds an asset. The latest date counts. Append-only.';
create index custody_receipt_latest_idx
    on collateral.custody_receipt (facility_id, asset_id, held_on desc, recorded_at desc);

create table collateral.search (
    facility_id uuid not null,
    search_id uuid not null,
    office fixed.subdivision not null,
    party_id uuid not null,
    searched_name fixed.text_300 not null,
    through_on date not null,
    document_sha256 fixed.sha256 not null,
    recorded_at timestamptz not null default clock_timestamp(),
    commitment_key fixed.sha256 not null default fixed.commitment_key(),
    constraint search_pkey primary key (facility_id, search_id),
    constraint search_party_fkey foreign key (facility_id, party_id)
        references collateral.party (facility_id, party_id),
    constraint search_commitment_fkey foreign key (commitment_key) references ledger.commitment_ledger (key)
);
comment on table collateral.search is
    'Searches of an office''s index under a debtor''s name (9-523(c)), through a date. Append-only.';
create index search_latest_idx
    on collateral.search (facility_id, office, party_id, searched_name, through_on desc, recorded_at desc);
create index search_party_idx on collateral.search (facility_id, party_id);

create table collateral.search_finding (
    facility_id uuid not null,
    search_id uuid not null,
    file_number text not null,
    filed_at fixed.instant not null,
    secured_party fixed.text_300 not null,
    subordination_sha256 fixed.sha256,
    constraint search_finding_pkey primary key (facility_id, search_id, file_number),
    constraint search_finding_search_fkey foreign key (facility_id, search_id)
        references collateral.search (facility_id, search_id),
    constraint search_finding_file_number_length check (length(file_number) between 1 and 60)
);
comment on table collateral.search_finding is
    'Filings of others against the debtor, as a search found them. Append-only.';
comment on column collateral.search_finding.subordination_sha256 is
    'The SHA-256 of the agreement by which the other party stands back (9-339); null without one.';
