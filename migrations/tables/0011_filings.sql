-- Collateral under UCC Article 9: parties, filings and security agreements. Sections are those of Article 9 as Delaware
-- has it (6 Del. C.).
--
-- Two sources that do not trust each other speak of a secured facility. The onboarding platform says who the parties
-- are and which rules hold; the facility's collateral agent says what happened.
--
-- The log proves that a record is unchanged. It does not prove that a filing was accepted, that an interest attached,
-- or who has title.

-- Parties, and what was filed.
create table collateral.party (
    facility_id uuid not null,
    party_id uuid not null,
    version fixed.version not null default 1,
    legal_name fixed.text_300 not null,
    organic_name fixed.text_300 not null,
    jurisdiction fixed.subdivision not null,
    organisation_number text not null,
    lei fixed.lei not null,
    bic fixed.bic,
    commitment_key fixed.sha256 not null default fixed.commitment_key(),
    constraint party_pkey primary key (facility_id, party_id),
    constraint party_facility_fkey foreign key (facility_id) references capital.facility (facility_id),
    constraint party_commitment_fkey foreign key (commitment_key) references ledger.commitment_ledger (key),
    constraint party_organisation_number_length check (length(organisation_number) between 1 and 40)
);
comment on table collateral.party is
    'Registered organisations, as the platform knows them: debtors and secured parties. A change of name is a new '
    'version.';
comment on column collateral.party.organic_name is
    'The name on the public organic record. A financing statement must use it, to the letter (9-503(a)(1)).';
comment on column collateral.party.jurisdiction is
    'Where the party was organised (ISO 3166-2). It is located there (9-307(e)), and so one files there (9-301(1), '
    '9-501(a)(2)).';

create table collateral.filing (
    facility_id uuid not null,
    filing_id uuid not null,
    office fixed.subdivision not null,
    file_number text not null,
    filed_at fixed.instant not null,
    filed_on date not null,
    designation text not null,
    description text not null,
    document_sha256 fixed.sha256 not null,
    recorded_at timestamptz not null default clock_timestamp(),
    commitment_key fixed.sha256 not null default fixed.commitment_key(),
    constraint filing_pkey primary key (facility_id, filing_id),
    constraint filing_facility_fkey foreign key (facility_id) references capital.facility (facility_id),
    constraint filing_commitment_fkey foreign key (commitment_key) references ledger.commitment_ledger (key),
    constraint filing_file_number_length check (length(fixed.plain(file_number)) between 1 and 40),
    constraint filing_filed_on_date check (
        filed_on between (filed_at at time zone 'UTC')::date - 1 and (filed_at at time zone 'UTC')::date + 1
    ),
    constraint filing_designation_known check (
        designation in ('standard', 'public-finance', 'manufactured-home', 'transmitting-utility')
    ),
    constraint filing_description_length check (length(description) <= 16384)
);
comment on table collateral.filing is
    'UCC-1 financing statements, as filed. collateral.filing_standing says whether one is sufficient and effective. '
    'Append-only.';
comment on column collateral.filing.office is 'The state of the central filing office (ISO 3166-2).';
comment on column collateral.filing.filed_on is
    'The date of filing by the office''s own calendar, from which the office counts. The date of filed_at in UTC can '
    'differ by a day.';

-- File numbers are stored as given and compared in plain form. A facility records a filing once.
create unique index filing_office_file_number_idx on collateral.filing (facility_id, office, fixed.plain(file_number));

-- Which of several facilities counts a filing or an asset that each of them has.
create table collateral.precedence (
    subject_kind text not null,
    fingerprint fixed.sha256 not null,
    facility_id uuid not null,
    subject_id uuid not null,
    place int4 not null,
    constraint precedence_pkey primary key (subject_kind, fingerprint, facility_id),
    constraint precedence_place_key unique (subject_kind, fingerprint, place),
    constraint precedence_subject_key unique (facility_id, subject_kind, subject_id),
    constraint precedence_facility_fkey foreign key (facility_id) references capital.facility (facility_id),
    constraint precedence_subject_kind_known check (subject_kind in ('filing', 'asset'))
);
comment on table collateral.precedence is
    'Filings, and assets that are pledged, by what makes each one thing in all facilities. Where several facilities '
    'have one, the least place counts and the others do not. No reply shows another facility''s row.';
comment on column collateral.precedence.fingerprint is
    'An asset''s fingerprint; of a filing the hash of its office and its plain number.';
comment on column collateral.precedence.place is
    'Ascending as they were recorded. The platform''s decision of a dispute puts one before all others.';

create table collateral.filing_party (
    facility_id uuid not null,
    filing_id uuid not null,
    role text not null,
    party_id uuid not null,
    name fixed.text_300 not null,
    constraint filing_party_pkey primary key (facility_id, filing_id, role, party_id),
    constraint filing_party_filing_fkey foreign key (facility_id, filing_id)
        references collateral.filing (facility_id, filing_id),
    constraint filing_party_party_fkey foreign key (facility_id, party_id)
        references collateral.party (facility_id, party_id),
    constraint filing_party_role_known check (role in ('debtor', 'secured'))
);
comment on table collateral.filing_party is
    'Debtors and secured parties of a UCC-1, under the names that it gives them. Append-only.';
create index filing_party_party_idx on collateral.filing_party (facility_id, party_id);

-- What was signed.
create table collateral.agreement (
    facility_id uuid not null,
    agreement_id uuid not null,
    debtor_party_id uuid not null,
    secured_party_id uuid not null,
    asset_kinds text[] not null,
    dated_on date not null,
    ends_on date,
    document_sha256 fixed.sha256 not null,
    recorded_at timestamptz not null default clock_timestamp(),
    commitment_key fixed.sha256 not null default fixed.commitment_key(),
    constraint agreement_pkey primary key (facility_id, agreement_id),
    constraint agreement_facility_fkey foreign key (facility_id) references capital.facility (facility_id),
    constraint agreement_debtor_fkey foreign key (facility_id, debtor_party_id)
        references collateral.party (facility_id, party_id),
    constraint agreement_secured_fkey foreign key (facility_id, secured_party_id)
        references collateral.party (facility_id, party_id),
    constraint agreement_commitment_fkey foreign key (commitment_key) references ledger.commitment_ledger (key),
    constraint agreement_asset_kinds_number check (cardinality(asset_kinds) between 1 and 64),
    constraint agreement_asset_kinds_given check (array_position(asset_kinds, null) is null),
    constraint agreement_ends_on_later check (ends_on > dated_on)
);
comment on table collateral.agreement is
    'Security agreements (9-203(b)(3)(A)): which debtor gives which kinds of assets, from when until when. '
    'Append-only.';
comment on column collateral.agreement.ends_on is
    'The first day on which the agreement holds no more; null without an end.';
create index agreement_debtor_idx on collateral.agreement (facility_id, debtor_party_id);
create index agreement_secured_idx on collateral.agreement (facility_id, secured_party_id);
