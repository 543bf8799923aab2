-- Assets, the pledges of them, and their release. One thing is pledged once at a time in a facility, and counts in one
-- facility; two members release it together.

create table collateral.asset (
    facility_id uuid not null,
    asset_id uuid not null,
    kind fixed.asset_kind not null,
    obligor fixed.text_140 not null,
    custodian fixed.lei not null,
    identified_by fixed.lei not null,
    identifier text not null,
    fingerprint fixed.sha256 not null generated always as (fixed.asset_fingerprint(identified_by, identifier)) stored,
    constraint asset_pkey primary key (facility_id, asset_id),
    constraint asset_fingerprint_key unique (facility_id, asset_id, fingerprint),
    constraint asset_facility_fingerprint_key unique (facility_id, fingerprint),
    constraint asset_facility_fkey foreign key (facility_id) references capital.facility (facility_id),
    constraint asset_identifier_length check (length(fixed.plain(identifier)) between 1 and 140)
);
comment on table collateral.asset is 'What can be pledged. Append-only.';
comment on column collateral.asset.obligor is
    'Who owes. For concentration, equal texts are one obligor. An LEI where there is one.';
comment on column collateral.asset.custodian is
    'The LEI of the party that keeps the asset, or the document that embodies it.';
comment on column collateral.asset.identified_by is
    'The LEI of the party that gave the identifier: an originator, a registry or a custodian. A custodian''s '
    'identifier names account and lot.';
comment on column collateral.asset.fingerprint is 'Computed by the database, never reported.';

create table collateral.release (
    release_id uuid not null default gen_random_uuid(),
    facility_id uuid not null,
    allocator_id uuid not null,
    kind text not null,
    filing_id uuid not null,
    amendment text,
    reason fixed.text_140 not null,
    content text not null,
    content_sha256 fixed.sha256 not null generated always as (fixed.text_sha256(content)) stored,
    created_by uuid not null,
    created_at timestamptz not null default clock_timestamp(),
    status text not null default 'REQUESTED',
    approved_by uuid,
    approved_at timestamptz,
    constraint release_pkey primary key (release_id),
    constraint release_facility_key unique (facility_id, release_id),
    constraint release_filing_key unique (facility_id, filing_id, release_id),
    constraint release_lead_fkey foreign key (facility_id, allocator_id)
        references capital.facility (facility_id, lead_allocator_id),
    constraint release_filing_fkey foreign key (facility_id, filing_id)
        references collateral.filing (facility_id, filing_id),
    constraint release_created_by_fkey foreign key (created_by, allocator_id)
        references capital.member (sub, allocator_id),
    constraint release_approved_by_fkey foreign key (approved_by, allocator_id)
        references capital.member (sub, allocator_id),
    constraint release_kind_known check (kind in ('assets', 'termination', 'amendment')),
    -- Only what deletes or restates needs a release of its own; each has its members, and no others.
    constraint release_amendment_members check (
        (kind in ('assets', 'termination') and amendment is null)
        or (
            kind = 'amendment'
            and coalesce(
                case amendment::jsonb ->> 'kind'
                    when 'collateral' then
                        amendment::jsonb ->> 'action' in ('delete', 'restate')
                        and length(amendment::jsonb ->> 'description') between 1 and 16384
                        and num_nulls(amendment::jsonb ->> 'role', amendment::jsonb ->> 'party_id') = 2
                    when 'party' then
                        amendment::jsonb ->> 'action' = 'delete'
                        and amendment::jsonb ->> 'role' in ('debtor', 'secured')
                        and amendment::jsonb ->> 'party_id' is not null
                        and amendment::jsonb ->> 'description' is null
                end, false)
        )
    ),
    -- Four eyes: the approver is another member.
    constraint release_status_members check (
        (status = 'REQUESTED' and approved_by is null and approved_at is null)
        or (
            status = 'APPROVED'
            and approved_by is not null
            and approved_at is not null
            and approved_by <> created_by
        )
    )
);
comment on table collateral.release is
    'Requests to release assets, to terminate a filing (9-513), or to amend it so that it covers less. A request takes '
    'effect when another member has approved exactly this content.';
comment on column collateral.release.amendment is
    'What the amendment must say that is authorised, in jsonb''s text form; null for the other kinds.';
comment on column collateral.release.content is
    'What is approved, to the byte: filing, assets, and the exposure that loses its cover. It is in jsonb''s text '
    'form.';
create index release_allocator_created_idx
    on collateral.release (allocator_id, created_at desc, release_id desc);
create index release_created_by_idx on collateral.release (created_by, allocator_id);
create index release_approved_by_idx on collateral.release (approved_by, allocator_id);

create table collateral.pledge (
    facility_id uuid not null,
    pledge_id uuid not null,
    asset_id uuid not null,
    fingerprint fixed.sha256 not null,
    filing_id uuid not null,
    agreement_id uuid not null,
    debtor_party_id uuid not null,
    pledged_on date not null,
    released_on date,
    release_id uuid,
    recorded_at timestamptz not null default clock_timestamp(),
    commitment_key fixed.sha256 not null default fixed.commitment_key(),
    constraint pledge_pkey primary key (facility_id, pledge_id),
    constraint pledge_asset_fkey foreign key (facility_id, asset_id, fingerprint)
        references collateral.asset (facility_id, asset_id, fingerprint),
    constraint pledge_filing_fkey foreign key (facility_id, filing_id)
        references collateral.filing (facility_id, filing_id),
    constraint pledge_agreement_fkey foreign key (facility_id, agreement_id)
        references collateral.agreement (facility_id, agreement_id),
    constraint pledge_debtor_fkey foreign key (facility_id, debtor_party_id)
        references collateral.party (facility_id, party_id),
    -- A pledge ends by a release of its own filing.
    constraint pledge_release_fkey foreign key (facility_id, filing_id, release_id)
        references collateral.release (facility_id, filing_id, release_id),
    constraint pledge_commitment_fkey foreign key (commitment_key) references ledger.commitment_ledger (key),
    constraint pledge_released_on_matches check (
        (released_on is null and release_id is null)
        or (released_on is not null and release_id is not null and released_on >= pledged_on)
    ),
    -- GiST compares for equality only with an extension. Ranges do without it: facility and fingerprint are a number,
    -- and two ranges of one number each overlap exactly when the numbers are equal.
    constraint pledge_fingerprint_once exclude using gist (
        numrange(
            fixed.os2ip(uuid_send(facility_id) || fingerprint), fixed.os2ip(uuid_send(facility_id) || fingerprint), '[]'
        ) with &&,
        daterange(pledged_on, released_on) with &&
    )
);
comment on table collateral.pledge is 'Which asset is pledged under which filing and agreement, from when until when.';
comment on column collateral.pledge.released_on is
    'The first day on which the asset is pledged no more; null while it is.';
create index pledge_asset_idx on collateral.pledge (facility_id, asset_id);
create index pledge_filing_idx on collateral.pledge (facility_id, filing_id, pledge_id) where released_on is null;
create index pledge_agreement_idx on collateral.pledge (facility_id, agreement_id);
create index pledge_debtor_idx on collateral.pledge (facility_id, debtor_party_id);
create index pledge_release_idx on collateral.pledge (facility_id, filing_id, release_id);

create table collateral.release_pledge (
    facility_id uuid not null,
    release_id uuid not null,
    pledge_id uuid not null,
    constraint release_pledge_pkey primary key (facility_id, release_id, pledge_id),
    constraint release_pledge_release_fkey foreign key (facility_id, release_id)
        references collateral.release (facility_id, release_id),
    constraint release_pledge_pledge_fkey foreign key (facility_id, pledge_id)
        references collateral.pledge (facility_id, pledge_id)
);
comment on table collateral.release_pledge is 'The pledges that a release names. Append-only.';
create index release_pledge_pledge_idx on collateral.release_pledge (facility_id, pledge_id);
