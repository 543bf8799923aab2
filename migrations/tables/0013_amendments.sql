-- Amendments to filings, and what a filing and its amendments come to by law. Each amendment is recorded as filed; what
-- it does, the law decides.

create table collateral.amendment (
    facility_id uuid not null,
    amendment_id uuid not null,
    filing_id uuid not null,
    file_number text not null,
    filed_at fixed.instant not null,
    filed_on date not null,
    kind text not null,
    action text,
    role text,
    party_id uuid,
    name fixed.text_300,
    replaces_party_id uuid,
    description text,
    release_id uuid,
    document_sha256 fixed.sha256 not null,
    recorded_at timestamptz not null default clock_timestamp(),
    commitment_key fixed.sha256 not null default fixed.commitment_key(),
    constraint amendment_pkey primary key (facility_id, amendment_id),
    constraint amendment_filing_fkey foreign key (facility_id, filing_id)
        references collateral.filing (facility_id, filing_id),
    constraint amendment_party_fkey foreign key (facility_id, party_id)
        references collateral.party (facility_id, party_id),
    constraint amendment_replaces_fkey foreign key (facility_id, replaces_party_id)
        references collateral.party (facility_id, party_id),
    constraint amendment_release_fkey foreign key (facility_id, filing_id, release_id)
        references collateral.release (facility_id, filing_id, release_id),
    -- A release authorises one amendment.
    constraint amendment_release_key unique (facility_id, release_id),
    constraint amendment_commitment_fkey foreign key (commitment_key) references ledger.commitment_ledger (key),
    constraint amendment_file_number_length check (length(fixed.plain(file_number)) between 1 and 40),
    constraint amendment_filed_on_date check (
        filed_on between (filed_at at time zone 'UTC')::date - 1 and (filed_at at time zone 'UTC')::date + 1
    ),
    -- An empty description would pass for an indication of collateral.
    constraint amendment_description_length check (length(description) between 1 and 16384),
    -- An amendment names a release only where it takes cover away: a release is good for one amendment.
    constraint amendment_release_id_use check (
        release_id is null
        or kind = 'termination'
        or (kind = 'collateral' and action in ('delete', 'restate'))
        or (kind = 'party' and action = 'delete')
    ),
    -- Each kind has its members, and no others.
    constraint amendment_kind_members check (
        (
            kind in ('continuation', 'termination')
            and num_nulls(action, role, party_id, name, replaces_party_id, description) = 6
        )
        or (
            kind = 'assignment'
            and num_nulls(party_id, name) = 0
            and num_nulls(action, role, description) = 3
        )
        or (
            kind = 'party'
            and action in ('add', 'change', 'delete') and action is not null
            and role in ('debtor', 'secured') and role is not null
            and party_id is not null
            and (name is null) = (action = 'delete')
            and num_nulls(replaces_party_id, description) = 2
        )
        or (
            kind = 'collateral'
            and action in ('add', 'delete', 'restate') and action is not null
            and description is not null
            and num_nulls(role, party_id, name, replaces_party_id) = 4
        )
    )
);
comment on table collateral.amendment is
    'UCC-3 amendments, as filed. collateral.standing_of says what each does. Append-only.';
comment on column collateral.amendment.release_id is
    'The release under which the amendment was filed, if it takes cover away.';
comment on column collateral.amendment.replaces_party_id is 'The assignor, if an assignment is of the whole.';
create index amendment_filing_idx on collateral.amendment (facility_id, filing_id, filed_at);
create index amendment_party_idx on collateral.amendment (facility_id, party_id);
create index amendment_replaces_idx on collateral.amendment (facility_id, replaces_party_id);
create index amendment_release_idx on collateral.amendment (facility_id, filing_id, release_id);

create table collateral.filing_standing (
    facility_id uuid not null,
    filing_id uuid not null,
    lapse_on date,
    terminated_on date,
    disputed boolean not null,
    debtors jsonb not null,
    secured_parties jsonb not null,
    descriptions jsonb not null,
    effects jsonb not null,
    constraint filing_standing_pkey primary key (facility_id, filing_id),
    constraint filing_standing_filing_fkey foreign key (facility_id, filing_id)
        references collateral.filing (facility_id, filing_id)
);
comment on table collateral.filing_standing is
    'What a filing and its amendments come to by law, as collateral.standing_of computes it. It can be computed anew '
    'at any time.';
comment on column collateral.filing_standing.lapse_on is 'The last day of the filing''s effect; null if it has no end.';
comment on column collateral.filing_standing.disputed is
    'Whether an amendment of record takes cover away without an approved release. It has no effect (9-510(a)), and '
    'nothing new may rest on this filing.';
comment on column collateral.filing_standing.debtors is
    'The debtors of record: [{party_id, name}]; likewise secured_parties.';
comment on column collateral.filing_standing.effects is
    'The effect of each amendment, in the order of filing: [{amendment_id, effective, cause}].';
