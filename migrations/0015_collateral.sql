-- Collateral under UCC Article 9: what was filed, signed, pledged, valued, held and found, and for how long it holds.
--
-- A facility is secured, or explicitly not. Of a secured one two sources speak that do not trust each other: the
-- onboarding platform says who the parties are and which rules hold; the facility's collateral agent says what
-- happened. Sections are those of Article 9 as Delaware has it (6 Del. C.). What is recorded here is proved
-- unchanged by the log; that a filing was accepted, that an interest attached, who has title, it does not prove.

-- ---------------------------------------------------------------------------------------------
-- Who takes part.

create or replace function auth.login_kind()
returns text
language sql
stable
return case
    when session_user in (
        'collateral_webhook', 'escrow_webhook', 'settlement_webhook', 'platform_webhook'
    ) then 'agent'
    when session_user in (
        'anchor_checkpoint', 'expire_settlements', 'migrate', 'monitor_collateral', 'prune_tokens',
        'reconcile_books', 'sequence_tlog', 'sign_checkpoint', 'sync_jwks'
    ) then 'system'
    else 'human'
end;

create or replace function auth.forget()
returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    -- One expression: each statement of its own would be planned and run as a query.
    return set_config('optkas.token', '', true)
        || set_config('optkas.agent', '', true)
        || set_config('optkas.scope', '', true)
        || set_config('optkas.facility', '', true)
        || set_config('optkas.commitment', '', true)
        -- Rows are audited in the text form of these, whatever the session likes to see.
        || set_config('timezone', 'UTC', true)
        || set_config('bytea_output', 'hex', true);
end
$$;

-- These tables are small, and the deployment's transaction is short: facilities and agents are counted in hundreds.
alter table capital.agent
    -- squawk-ignore ban-drop-constraint
    drop constraint agent_kind_known,
    -- squawk-ignore constraint-missing-not-valid
    add constraint agent_kind_known check (kind in ('collateral', 'escrow', 'settlement', 'platform'));

alter table capital.facility
    add column secured boolean not null default false,
    add column lead_allocator_id uuid,
    add column collateral_agent_id text,
    -- squawk-ignore adding-field-with-default
    add column collateral_agent_kind text not null generated always as ('collateral') stored,
    -- squawk-ignore adding-foreign-key-constraint, constraint-missing-not-valid
    add constraint facility_lead_allocator_fkey foreign key (lead_allocator_id)
        references capital.allocator (allocator_id),
    -- squawk-ignore adding-foreign-key-constraint, constraint-missing-not-valid
    add constraint facility_collateral_agent_fkey foreign key (collateral_agent_id, collateral_agent_kind)
        references capital.agent (agent_id, kind),
    -- squawk-ignore disallowed-unique-constraint, constraint-missing-not-valid
    add constraint facility_facility_id_secured_key unique (facility_id, secured),
    -- squawk-ignore constraint-missing-not-valid
    add constraint facility_secured_members check (
        (secured and lead_allocator_id is not null and collateral_agent_id is not null)
        or (not secured and lead_allocator_id is null and collateral_agent_id is null)
    );
comment on column capital.facility.secured is
    'Whether settlements need collateral. False is said explicitly, and every reply repeats it.';
comment on column capital.facility.lead_allocator_id is 'Whose members release collateral, two of them together.';
-- squawk-ignore require-concurrent-index-creation
create index facility_lead_allocator_idx on capital.facility (lead_allocator_id);
-- squawk-ignore require-concurrent-index-creation
create index facility_collateral_agent_idx on capital.facility (collateral_agent_id);
-- Facilities from before are unsecured. From here on it has to be said: the insert is replaced with this migration.
alter table capital.facility
    -- squawk-ignore ban-drop-default
    alter column secured drop default;

-- Settlements are many. The check reads them once; whoever writes one waits for it.
alter table capital.settlement
    add column secured boolean not null default false,
    -- squawk-ignore adding-foreign-key-constraint, constraint-missing-not-valid
    add constraint settlement_facility_secured_fkey foreign key (facility_id, secured)
        references capital.facility (facility_id, secured);
comment on column capital.settlement.secured is 'Whether its facility is: its replies say so.';
-- squawk-ignore require-concurrent-index-creation
create index settlement_allocator_facility_idx on capital.settlement (allocator_id, facility_id);

create function ledger.commitment_key()
returns bytea
language sql
stable
return decode(nullif(current_setting('optkas.commitment', true), ''), 'hex');
comment on function ledger.commitment_key() is 'Of the claim in force; null without one.';

-- ---------------------------------------------------------------------------------------------
-- More refusals: of collateral, and of risk runs (0019), which come with it.

create or replace function ledger.problem(_name text, _members jsonb default '{}')
returns jsonb
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    problem record;
begin
    select status, title, detail into strict problem
    from (
        values
            ('not-found', 404, 'Not found', 'There is no such resource for you.'),
            ('role-missing', 403, 'Role missing', 'Your membership does not include a role this needs.'),
            ('four-eyes', 409, 'Four eyes', 'Who asked for it cannot be who approves it.'),
            ('illegal-transition', 409, 'Illegal transition', 'The settlement cannot go from its state to the one asked for.'),
            ('insufficient-capital', 409, 'Insufficient capital', 'The allocator has less available capital than the amount.'),
            ('account-limit', 409, 'Account limit', 'The account cannot hold that much.'),
            ('facility-limit', 409, 'Facility limit', 'The facility has less room under its limit than the amount.'),
            ('expired', 409, 'Expired', 'The settlement''s time has run out.'),
            ('uetr-in-use', 409, 'UETR in use', 'Another settlement of this allocator bears this UETR.'),
            ('currency-mismatch', 409, 'Currency mismatch', 'The currency is not the one of the facility or settlement.'),
            ('amount-mismatch', 409, 'Amount mismatch', 'The amount is not the one of the settlement.'),
            ('facility-mismatch', 409, 'Facility mismatch', 'The facility is not the one of the settlement.'),
            ('already-exists', 409, 'Already exists', 'This id is taken.'),
            ('member-elsewhere', 409, 'Member elsewhere', 'This person is a member of another allocator.'),
            ('not-granted', 409, 'Not granted', 'There is no such membership to revoke.'),
            ('agent-kind', 409, 'Agent of another kind', 'The agent is not registered for this task.'),
            ('keys-vanished', 409, 'Keys vanished', 'The issuer publishes none of the keys in force.'),
            ('key-changed', 409, 'Key changed', 'A kid that is known stands for another key.'),
            ('tlog-mismatch', 409, 'Transparency log mismatch', 'The log in the database is not the one that was signed.'),
            ('not-published', 404, 'Not published', 'The log has not been published that far yet; ask again in a few seconds.'),
            ('collateral-deficient', 409, 'Collateral deficient', 'The facility''s collateral does not bear the settlement; problems lists every reason.'),
            ('rules-missing', 409, 'Rules missing', 'The facility has no eligibility rules.'),
            ('filing-missing', 409, 'Filing missing', 'No asset is pledged under a filing.'),
            ('filing-insufficient', 409, 'Filing insufficient', 'A filing does not name the debtor, a secured party and the collateral (UCC 9-502).'),
            ('filing-office', 409, 'Filing in another office', 'A filing is not in the office of the state where the debtor is located (UCC 9-301, 9-307, 9-501).'),
            ('filing-name', 409, 'Filing under another name', 'A filing does not give the debtor the name on its public organic record (UCC 9-503).'),
            ('filing-lapsing', 409, 'Filing lapsing', 'A filing lapses before the value date and its guard (UCC 9-515).'),
            ('filing-terminated', 409, 'Filing terminated', 'A filing has been terminated (UCC 9-513).'),
            ('filing-disputed', 409, 'Filing disputed', 'An amendment of record takes cover away without an approved release (UCC 9-509, 9-510).'),
            ('agreement-missing', 409, 'Agreement missing', 'No security agreement in force covers the assets (UCC 9-203).'),
            ('search-missing', 409, 'Search missing', 'No search under the debtor''s exact name goes beyond the filing''s date.'),
            ('search-adverse', 409, 'Search adverse', 'A search finds an earlier filing that is not subordinated (UCC 9-322).'),
            ('valuation-missing', 409, 'Valuation missing', 'Pledged assets have no valuation.'),
            ('valuation-stale', 409, 'Valuation stale', 'A valuation is older than the rules allow.'),
            ('custody-missing', 409, 'Custody receipt missing', 'Pledged assets have no custody receipt.'),
            ('custody-stale', 409, 'Custody receipt stale', 'A custody receipt is older than the rules allow.'),
            ('availability-short', 409, 'Availability short', 'The borrowing base has less room than the amount.'),
            ('coverage-short', 409, 'Coverage short', 'What would be drawn is covered less than the floor.'),
            ('already-pledged', 409, 'Already pledged', 'The asset is pledged for a part of that time.'),
            ('custodian-mismatch', 409, 'Custodian mismatch', 'A receipt is from another custodian than the asset''s.'),
            ('value-limit', 409, 'Value limit', 'The values of the facility''s assets are more than can be counted.'),
            ('date-ahead', 409, 'Date ahead', 'What is recorded has happened; its date is not to come.'),
            ('unsecured', 409, 'Unsecured', 'The facility was opened without collateral.'),
            ('not-lead', 403, 'Not the lead', 'Your allocator does not lead this facility.'),
            ('release-changed', 409, 'Release changed', 'What would be released, or its exposure, is not what was requested and approved.'),
            ('release-large', 409, 'Release large', 'More is pledged under the filing than one release can show; release assets first.'),
            ('release-decided', 409, 'Release decided', 'The release has been approved.'),
            ('no-positions', 409, 'No positions', 'The allocator has no position in this currency.'),
            ('portfolio-limit', 409, 'Portfolio limit', 'The positions are more than 10,000, or add up to more than 10^15 minor units.'),
            ('rating-unknown', 409, 'Rating unknown', 'The migration matrix in force has no such rating.'),
            ('risk-inputs-missing', 409, 'Risk inputs missing', 'Inputs of these facilities were never recorded, or do not fit the others; nothing is assumed for them.'),
            ('key-unacceptable', 409, 'Key unacceptable', 'A key is malformed, too weak, or of another kind than it says.')
    ) as known (name, status, title, detail)
    where known.name = _name;

    return jsonb_build_object(
        'type', 'urn:optkas:problem:' || _name,
        'title', problem.title,
        'status', problem.status,
        'detail', problem.detail
    ) || _members;
end
$$;

-- ---------------------------------------------------------------------------------------------
-- Which facility this transaction is about. The setting is not believed: it is asked each time whether the principal
-- that was presented takes part in that facility.

create function collateral.facility_id()
returns uuid
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    facility capital.facility;
    own uuid;
begin
    select * into facility
    from capital.facility as f
    where f.facility_id = nullif(current_setting('optkas.facility', true), '')::uuid;
    case auth.login_kind()
        when 'agent' then
            if auth.is_platform() or auth.agent_id() in (
                facility.collateral_agent_id, facility.escrow_agent_id, facility.settlement_agent_id
            ) then
                return facility.facility_id;
            end if;
        when 'system' then
            if auth.is_system('monitor-collateral') then
                return facility.facility_id;
            end if;
        else
            own := auth.allocator_id();
            if facility.lead_allocator_id = own or exists (
                select
                from capital.settlement as s
                where s.allocator_id = own
                    and s.facility_id = facility.facility_id
                    and s.status in ('PENDING', 'VERIFIED', 'ESCROWED', 'SETTLED')
            ) then
                return facility.facility_id;
            end if;
    end case;
    return null;
end
$$;
comment on function collateral.facility_id() is
    'The facility entered, if the principal takes part in it: an agent it names, the platform, the monitor, a member of its lead allocator or of one with a settlement in it that is not over. Policies read it as (select …), once a query.';

create function collateral.enter(_facility_id uuid)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    perform set_config('optkas.facility', _facility_id::text, true);
    return collateral.facility_id() is not null;
end
$$;
comment on function collateral.enter(uuid) is 'Turns to one facility; false for whoever takes no part in it.';

create function collateral.reported_facility_id()
returns uuid
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select f.facility_id
        from capital.facility as f
        where f.facility_id = nullif(current_setting('optkas.facility', true), '')::uuid
            and f.collateral_agent_id = auth.agent_id()
    );
end
$$;
comment on function collateral.reported_facility_id() is 'The facility entered, if its collateral agent is presented.';

create function collateral.led_facility_id()
returns uuid
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select f.facility_id
        from capital.facility as f
        where f.facility_id = nullif(current_setting('optkas.facility', true), '')::uuid
            and f.lead_allocator_id = auth.allocator_id()
            and auth.login_kind() = 'human'
    );
end
$$;
comment on function collateral.led_facility_id() is
    'The facility entered, if a member of its lead allocator is presented.';

create function collateral.kept_facility_id()
returns uuid
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return case auth.login_kind()
        when 'agent' then collateral.reported_facility_id()
        when 'human' then collateral.led_facility_id()
    end;
end
$$;
comment on function collateral.kept_facility_id() is
    'The facility entered, for whoever moves its sums: its agent with a report, its lead with a release.';

create function collateral.platform_facility_id()
returns uuid
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return case when auth.is_platform() then nullif(current_setting('optkas.facility', true), '')::uuid end;
end
$$;
comment on function collateral.platform_facility_id() is 'The facility entered, if the platform is presented.';

create function collateral.monitored_facility_id()
returns uuid
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return case
        when auth.is_system('monitor-collateral') then nullif(current_setting('optkas.facility', true), '')::uuid
    end;
end
$$;
comment on function collateral.monitored_facility_id() is 'The facility entered, if the monitor is.';

-- ---------------------------------------------------------------------------------------------
-- Identifiers.

create function collateral.lei_valid(_lei text)
returns boolean
language sql
immutable
parallel safe
return coalesce(_lei ~ '^[A-Z0-9]{18}[0-9]{2}$' and right(_lei, 2) between '02' and '98' and (
    select string_agg(
        case when letter ~ '[0-9]' then letter else (ascii(letter) - 55)::text end, '' order by place
    )::numeric % 97 = 1
    from regexp_split_to_table(_lei, '') with ordinality as l (letter, place)
), false);
comment on function collateral.lei_valid(text) is
    'ISO 17442-1: 18 capitals or digits and two check digits, 02 to 98, by ISO 7064 MOD 97-10 (A is 10, Z is 35; the number leaves 1).';

create function collateral.bic_valid(_bic text)
returns boolean
language sql
immutable
parallel safe
return coalesce(_bic ~ '^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$', false);
comment on function collateral.bic_valid(text) is 'ISO 9362:2022: business party prefix, country, suffix, and a branch or none. Form only.';

create function collateral.plain(_identifier text)
returns text
language sql
immutable
parallel safe
return regexp_replace(upper(_identifier collate "C"), '[^A-Z0-9]', '', 'g');
comment on function collateral.plain(text) is 'An identifier without what people write differently: capitals, and letters and digits alone.';

create function collateral.fingerprint(_identified_by text, _identifier text)
returns bytea
-- Not SQL, which would be inlined: convert_to is not immutable by declaration, though to UTF8 it is.
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return ledger.tagged_hash(
        'optkas/asset-fingerprint/v1',
        convert_to(_identified_by, 'UTF8'),
        convert_to(collateral.plain(_identifier), 'UTF8')
    );
end
$$;
comment on function collateral.fingerprint(text, text) is
    'What an asset is: the LEI of whoever gave the identifier, and the identifier. The kind is not in it, so one thing under two kinds is one thing.';

create function collateral.text_sha256(_text text)
returns bytea
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return sha256(convert_to(_text, 'UTF8'));
end
$$;
comment on function collateral.text_sha256(text) is 'SHA-256 of a text in UTF-8.';

-- ---------------------------------------------------------------------------------------------
-- Calendar (9-515). Dates are the filing office's own.

create function collateral.years_after(_on date, _years int4)
returns date
language sql
immutable
parallel safe
return case
    when extract(month from _on) = 2 and extract(day from _on) = 29
        and extract(day from (_on + make_interval(years => _years))) <> 29
    then (_on + make_interval(years => _years))::date + 1
    else (_on + make_interval(years => _years))::date
end;
comment on function collateral.years_after(date, int4) is
    'The same day so many years on; where there is no 29 February, 1 March.';

create function collateral.lapse(_designation text, _filed_on date)
returns date
language sql
immutable
parallel safe
return case _designation
    when 'standard' then collateral.years_after(_filed_on, 5)
    when 'public-finance' then collateral.years_after(_filed_on, 30)
    when 'manufactured-home' then collateral.years_after(_filed_on, 30)
end;
comment on function collateral.lapse(text, date) is
    '9-515(a), (b), (f): the last day of an initial financing statement''s effect; null for a transmitting utility, which has none.';

create function collateral.continuation_opens(_lapse_on date)
returns date
language sql
immutable
parallel safe
return (_lapse_on - make_interval(months => 6))::date;
comment on function collateral.continuation_opens(date) is
    '9-515(d): six months before lapse; where that month has no such day, its last one (Model Administrative Rules, 501).';

create function collateral.continued(_lapse_on date, _filed_on date)
returns date
language sql
immutable
parallel safe
return case
    when _filed_on between collateral.continuation_opens(_lapse_on) and _lapse_on
    then collateral.years_after(_lapse_on, 5)
end;
comment on function collateral.continued(date, date) is
    '9-515(e): lapse after a continuation filed on that day; five years from the old one. Null for one that is early, late or not needed: it has no effect (9-510(c)).';

-- ---------------------------------------------------------------------------------------------
-- Parties and what was filed.

create table collateral.party (
    facility_id uuid not null,
    party_id uuid not null,
    version int4 not null default 1,
    legal_name text not null,
    organic_name text not null,
    jurisdiction text not null,
    organisation_number text not null,
    lei text not null,
    bic text,
    commitment_key bytea not null default ledger.commitment_key(),
    constraint party_pkey primary key (facility_id, party_id),
    constraint party_facility_fkey foreign key (facility_id) references capital.facility (facility_id),
    constraint party_commitment_fkey foreign key (commitment_key) references ledger.commitment_ledger (key),
    constraint party_version_positive check (version > 0),
    constraint party_legal_name_length check (length(legal_name) between 1 and 300),
    constraint party_organic_name_length check (length(organic_name) between 1 and 300),
    constraint party_jurisdiction_form check (jurisdiction ~ '^[A-Z]{2}(-[A-Z0-9]{1,3})?$'),
    constraint party_organisation_number_length check (length(organisation_number) between 1 and 40),
    constraint party_lei_valid check (collateral.lei_valid(lei)),
    constraint party_bic_valid check (bic is null or collateral.bic_valid(bic))
);
comment on table collateral.party is
    'Registered organisations, as the platform knows them: debtors, secured parties. A change of name is a new version.';
comment on column collateral.party.organic_name is
    'The name on the public organic record, which a financing statement must use, to the letter (9-503(a)(1)).';
comment on column collateral.party.jurisdiction is
    'ISO 3166-2 of its organisation: where it is located (9-307(e)), and so where one files (9-301(1), 9-501(a)(2)).';

create table collateral.filing (
    facility_id uuid not null,
    filing_id uuid not null,
    office text not null,
    file_number text not null,
    filed_at timestamptz not null,
    filed_on date not null,
    designation text not null,
    description text not null,
    document_sha256 bytea not null,
    recorded_at timestamptz not null default clock_timestamp(),
    commitment_key bytea not null default ledger.commitment_key(),
    constraint filing_pkey primary key (facility_id, filing_id),
    constraint filing_facility_fkey foreign key (facility_id) references capital.facility (facility_id),
    constraint filing_commitment_fkey foreign key (commitment_key) references ledger.commitment_ledger (key),
    constraint filing_office_form check (office ~ '^[A-Z]{2}(-[A-Z0-9]{1,3})?$'),
    constraint filing_file_number_length check (length(collateral.plain(file_number)) between 1 and 40),
    constraint filing_filed_on_date check (
        filed_on between (filed_at at time zone 'UTC')::date - 1 and (filed_at at time zone 'UTC')::date + 1
    ),
    constraint filing_designation_known check (
        designation in ('standard', 'public-finance', 'manufactured-home', 'transmitting-utility')
    ),
    constraint filing_description_length check (length(description) <= 16384),
    constraint filing_document_sha256_length check (octet_length(document_sha256) = 32)
);
comment on table collateral.filing is
    'UCC-1 financing statements, as filed. Whether one is sufficient and effective is another question: filing_standing. Append-only.';
comment on column collateral.filing.office is 'Whose central filing office: ISO 3166-2.';
comment on column collateral.filing.filed_on is
    'The date of filing by the office''s own calendar, from which it counts; that of filed_at in UTC can be a day off.';
-- Stored as given, compared as written plainly: one filing in its office, for all facilities.
create unique index filing_office_file_number_idx on collateral.filing (office, collateral.plain(file_number));

create table collateral.filing_party (
    facility_id uuid not null,
    filing_id uuid not null,
    role text not null,
    party_id uuid not null,
    name text not null,
    constraint filing_party_pkey primary key (facility_id, filing_id, role, party_id),
    constraint filing_party_filing_fkey foreign key (facility_id, filing_id)
        references collateral.filing (facility_id, filing_id),
    constraint filing_party_party_fkey foreign key (facility_id, party_id)
        references collateral.party (facility_id, party_id),
    constraint filing_party_role_known check (role in ('debtor', 'secured')),
    constraint filing_party_name_length check (length(name) between 1 and 300)
);
comment on table collateral.filing_party is 'Debtors and secured parties of a UCC-1, under the name it gives them. Append-only.';
create index filing_party_party_idx on collateral.filing_party (facility_id, party_id);

-- ---------------------------------------------------------------------------------------------
-- Agreements, assets, pledges.

create table collateral.agreement (
    facility_id uuid not null,
    agreement_id uuid not null,
    debtor_party_id uuid not null,
    secured_party_id uuid not null,
    asset_kinds text[] not null,
    dated_on date not null,
    ends_on date,
    document_sha256 bytea not null,
    recorded_at timestamptz not null default clock_timestamp(),
    commitment_key bytea not null default ledger.commitment_key(),
    constraint agreement_pkey primary key (facility_id, agreement_id),
    constraint agreement_facility_fkey foreign key (facility_id) references capital.facility (facility_id),
    constraint agreement_debtor_fkey foreign key (facility_id, debtor_party_id)
        references collateral.party (facility_id, party_id),
    constraint agreement_secured_fkey foreign key (facility_id, secured_party_id)
        references collateral.party (facility_id, party_id),
    constraint agreement_commitment_fkey foreign key (commitment_key) references ledger.commitment_ledger (key),
    constraint agreement_asset_kinds_number check (cardinality(asset_kinds) between 1 and 64),
    constraint agreement_ends_on_later check (ends_on > dated_on),
    constraint agreement_document_sha256_length check (octet_length(document_sha256) = 32)
);
comment on table collateral.agreement is
    'Security agreements (9-203(b)(3)(A)): which debtor gives which kinds of assets, from when until when. Append-only.';
comment on column collateral.agreement.ends_on is 'The first day on which it holds no more; null without an end.';
create index agreement_debtor_idx on collateral.agreement (facility_id, debtor_party_id);
create index agreement_secured_idx on collateral.agreement (facility_id, secured_party_id);

create table collateral.asset (
    facility_id uuid not null,
    asset_id uuid not null,
    kind text not null,
    obligor text not null,
    custodian text not null,
    identified_by text not null,
    identifier text not null,
    fingerprint bytea not null generated always as (collateral.fingerprint(identified_by, identifier)) stored,
    constraint asset_pkey primary key (facility_id, asset_id),
    constraint asset_fingerprint_key unique (facility_id, asset_id, fingerprint),
    constraint asset_facility_fingerprint_key unique (facility_id, fingerprint),
    constraint asset_facility_fkey foreign key (facility_id) references capital.facility (facility_id),
    constraint asset_kind_form check (kind ~ '^[a-z][a-z0-9-]{1,30}$'),
    constraint asset_obligor_length check (length(obligor) between 1 and 140),
    constraint asset_custodian_valid check (collateral.lei_valid(custodian)),
    constraint asset_identified_by_valid check (collateral.lei_valid(identified_by)),
    constraint asset_identifier_length check (length(collateral.plain(identifier)) between 1 and 140)
);
comment on table collateral.asset is 'What can be pledged. Append-only.';
comment on column collateral.asset.obligor is 'Who owes, for concentration: equal texts are one obligor. An LEI where there is one.';
comment on column collateral.asset.custodian is 'LEI of who keeps it, or the document that embodies it.';
comment on column collateral.asset.identified_by is
    'LEI of who gave the identifier: an originator, a registry, or a custodian (whose identifier then names account and lot).';
comment on column collateral.asset.fingerprint is 'Computed here, never reported.';

create table collateral.release (
    release_id uuid not null default gen_random_uuid(),
    facility_id uuid not null,
    allocator_id uuid not null,
    kind text not null,
    filing_id uuid not null,
    reason text not null,
    content text not null,
    content_sha256 bytea not null generated always as (collateral.text_sha256(content)) stored,
    requested_by uuid not null,
    requested_at timestamptz not null default now(),
    status text not null default 'REQUESTED',
    approved_by uuid,
    approved_at timestamptz,
    constraint release_pkey primary key (release_id),
    constraint release_facility_key unique (facility_id, release_id),
    constraint release_filing_key unique (facility_id, filing_id, release_id),
    constraint release_filing_fkey foreign key (facility_id, filing_id)
        references collateral.filing (facility_id, filing_id),
    constraint release_requested_by_fkey foreign key (requested_by, allocator_id)
        references capital.member (sub, allocator_id),
    constraint release_approved_by_fkey foreign key (approved_by, allocator_id)
        references capital.member (sub, allocator_id),
    constraint release_kind_known check (kind in ('assets', 'termination')),
    constraint release_reason_length check (length(reason) between 1 and 140),
    -- Four eyes.
    constraint release_status_members check (
        (status = 'REQUESTED' and approved_by is null and approved_at is null)
        or (
            status = 'APPROVED'
            and approved_by is not null
            and approved_at is not null
            and approved_by <> requested_by
        )
    )
);
comment on table collateral.release is
    'Requests to release assets, or to terminate a filing (9-513): effective when another member has approved exactly this content.';
comment on column collateral.release.content is
    'What is approved, to the byte: filing, assets, and the exposure that loses its cover. jsonb''s text form.';
create index release_allocator_idx on collateral.release (allocator_id);
create index release_requested_by_idx on collateral.release (requested_by, allocator_id);
create index release_approved_by_idx on collateral.release (approved_by, allocator_id);

create table collateral.pledge (
    facility_id uuid not null,
    pledge_id uuid not null,
    asset_id uuid not null,
    fingerprint bytea not null,
    filing_id uuid not null,
    agreement_id uuid not null,
    debtor_party_id uuid not null,
    pledged_on date not null,
    released_on date,
    release_id uuid,
    recorded_at timestamptz not null default clock_timestamp(),
    commitment_key bytea not null default ledger.commitment_key(),
    constraint pledge_pkey primary key (facility_id, pledge_id),
    constraint pledge_asset_fkey foreign key (facility_id, asset_id, fingerprint)
        references collateral.asset (facility_id, asset_id, fingerprint),
    constraint pledge_filing_fkey foreign key (facility_id, filing_id)
        references collateral.filing (facility_id, filing_id),
    constraint pledge_agreement_fkey foreign key (facility_id, agreement_id)
        references collateral.agreement (facility_id, agreement_id),
    constraint pledge_debtor_fkey foreign key (facility_id, debtor_party_id)
        references collateral.party (facility_id, party_id),
    -- It ends by a release of its own filing.
    constraint pledge_release_fkey foreign key (facility_id, filing_id, release_id)
        references collateral.release (facility_id, filing_id, release_id),
    constraint pledge_commitment_fkey foreign key (commitment_key) references ledger.commitment_ledger (key),
    constraint pledge_released_on_matches check (
        (released_on is null and release_id is null)
        or (released_on is not null and release_id is not null and released_on >= pledged_on)
    ),
    -- Equality within GiST, without an extension, here or on Aurora: a fingerprint is a number, and a range of one
    -- number overlaps another exactly when they are equal.
    constraint pledge_fingerprint_once exclude using gist (
        numrange(auth.os2ip(fingerprint), auth.os2ip(fingerprint), '[]') with &&,
        daterange(pledged_on, released_on) with &&
    )
);
comment on table collateral.pledge is
    'Which asset is pledged under which filing and agreement, from when until when. One thing is pledged once at a time, in all facilities together.';
comment on column collateral.pledge.released_on is 'The first day on which it is pledged no more; null while it is.';
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
comment on table collateral.release_pledge is 'The assets a release names. Append-only.';
create index release_pledge_pledge_idx on collateral.release_pledge (facility_id, pledge_id);

-- ---------------------------------------------------------------------------------------------
-- Amendments, and what the law makes of them.

create table collateral.amendment (
    facility_id uuid not null,
    amendment_id uuid not null,
    filing_id uuid not null,
    file_number text not null,
    filed_at timestamptz not null,
    filed_on date not null,
    kind text not null,
    action text,
    role text,
    party_id uuid,
    name text,
    replaces_party_id uuid,
    description text,
    release_id uuid,
    document_sha256 bytea not null,
    recorded_at timestamptz not null default clock_timestamp(),
    commitment_key bytea not null default ledger.commitment_key(),
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
    constraint amendment_file_number_length check (length(collateral.plain(file_number)) between 1 and 40),
    constraint amendment_filed_on_date check (
        filed_on between (filed_at at time zone 'UTC')::date - 1 and (filed_at at time zone 'UTC')::date + 1
    ),
    constraint amendment_name_length check (length(name) between 1 and 300),
    -- One that says nothing would pass for an indication of collateral.
    constraint amendment_description_length check (length(description) between 1 and 16384),
    constraint amendment_document_sha256_length check (octet_length(document_sha256) = 32),
    -- A release is named where cover is taken away, for it is good for one amendment.
    constraint amendment_release_id_use check (
        release_id is null
        or kind = 'termination'
        or (kind = 'collateral' and action in ('delete', 'restate'))
        or (kind = 'party' and action = 'delete')
    ),
    -- What each kind names, and nothing else.
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
    'UCC-3 amendments, as filed. What each does, collateral.fold says. Append-only.';
comment on column collateral.amendment.release_id is 'The release under which it was filed, if it takes cover away.';
comment on column collateral.amendment.replaces_party_id is 'The assignor, where an assignment is of the whole.';
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
    'What a filing and its amendments come to by law: collateral.fold of them, kept. It can be computed anew at any time.';
comment on column collateral.filing_standing.lapse_on is 'The last day of its effect; null where it has no end.';
comment on column collateral.filing_standing.disputed is
    'An amendment of record takes cover away without an approved release: of no effect (9-510(a)), and nothing new may rest on this filing.';
comment on column collateral.filing_standing.debtors is 'Of record: [{party_id, name}]; so are secured_parties.';
comment on column collateral.filing_standing.effects is 'Of each amendment, in the order of filing: [{amendment_id, effective, reason}].';

-- ---------------------------------------------------------------------------------------------
-- Valuations, custody, searches.

create table collateral.valuation (
    facility_id uuid not null,
    asset_id uuid not null,
    valuation_id uuid not null,
    as_of date not null,
    value_minor bigint not null,
    document_sha256 bytea not null,
    recorded_at timestamptz not null default clock_timestamp(),
    commitment_key bytea not null default ledger.commitment_key(),
    constraint valuation_pkey primary key (facility_id, asset_id, valuation_id),
    constraint valuation_asset_fkey foreign key (facility_id, asset_id)
        references collateral.asset (facility_id, asset_id),
    constraint valuation_commitment_fkey foreign key (commitment_key) references ledger.commitment_ledger (key),
    constraint valuation_value_range check (value_minor between 0 and 999999999999999),
    constraint valuation_document_sha256_length check (octet_length(document_sha256) = 32)
);
comment on table collateral.valuation is 'What an asset is worth, in the facility''s currency, by a document. The latest as-of date counts. Append-only.';
create index valuation_latest_idx on collateral.valuation (facility_id, asset_id, as_of desc, recorded_at desc);

create table collateral.custody_receipt (
    facility_id uuid not null,
    asset_id uuid not null,
    receipt_id uuid not null,
    as_of date not null,
    document_sha256 bytea not null,
    recorded_at timestamptz not null default clock_timestamp(),
    commitment_key bytea not null default ledger.commitment_key(),
    constraint custody_receipt_pkey primary key (facility_id, asset_id, receipt_id),
    constraint custody_receipt_asset_fkey foreign key (facility_id, asset_id)
        references collateral.asset (facility_id, asset_id),
    constraint custody_receipt_commitment_fkey foreign key (commitment_key) references ledger.commitment_ledger (key),
    constraint custody_receipt_document_sha256_length check (octet_length(document_sha256) = 32)
);
comment on table collateral.custody_receipt is 'That an asset''s custodian holds it, by a document. The latest as-of date counts. Append-only.';
create index custody_receipt_latest_idx on collateral.custody_receipt (facility_id, asset_id, as_of desc, recorded_at desc);

create table collateral.search (
    facility_id uuid not null,
    search_id uuid not null,
    office text not null,
    party_id uuid not null,
    searched_name text not null,
    through_on date not null,
    document_sha256 bytea not null,
    recorded_at timestamptz not null default clock_timestamp(),
    commitment_key bytea not null default ledger.commitment_key(),
    constraint search_pkey primary key (facility_id, search_id),
    constraint search_party_fkey foreign key (facility_id, party_id)
        references collateral.party (facility_id, party_id),
    constraint search_commitment_fkey foreign key (commitment_key) references ledger.commitment_ledger (key),
    constraint search_office_form check (office ~ '^[A-Z]{2}(-[A-Z0-9]{1,3})?$'),
    constraint search_searched_name_length check (length(searched_name) between 1 and 300),
    constraint search_document_sha256_length check (octet_length(document_sha256) = 32)
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
    filed_at timestamptz not null,
    secured_party text not null,
    subordination_sha256 bytea,
    constraint search_finding_pkey primary key (facility_id, search_id, file_number),
    constraint search_finding_search_fkey foreign key (facility_id, search_id)
        references collateral.search (facility_id, search_id),
    constraint search_finding_file_number_length check (length(file_number) between 1 and 60),
    constraint search_finding_secured_party_length check (length(secured_party) between 1 and 300),
    constraint search_finding_subordination_sha256_length check (octet_length(subordination_sha256) = 32)
);
comment on table collateral.search_finding is 'Filings of others against the debtor that a search has found. Append-only.';
comment on column collateral.search_finding.subordination_sha256 is
    'Of the agreement by which the other party stands back (9-339); null without one.';

-- ---------------------------------------------------------------------------------------------
-- Rules.

create table collateral.rules (
    facility_id uuid not null,
    version int4 not null,
    previous_version int4 generated always as (nullif(version - 1, 0)) stored,
    concentration_cap_bp int4 not null,
    coverage_floor_bp int4 not null,
    valuation_age_max_days int4 not null,
    receipt_age_max_days int4 not null,
    lapse_guard_days int4 not null,
    reserves_minor bigint not null,
    recorded_at timestamptz not null default clock_timestamp(),
    commitment_key bytea not null default ledger.commitment_key(),
    constraint rules_pkey primary key (facility_id, version),
    constraint rules_facility_fkey foreign key (facility_id) references capital.facility (facility_id),
    constraint rules_previous_fkey foreign key (facility_id, previous_version)
        references collateral.rules (facility_id, version),
    constraint rules_commitment_fkey foreign key (commitment_key) references ledger.commitment_ledger (key),
    constraint rules_version_positive check (version > 0),
    constraint rules_concentration_cap_range check (concentration_cap_bp between 1 and 10000),
    constraint rules_coverage_floor_range check (coverage_floor_bp between 0 and 1000000),
    constraint rules_valuation_age_range check (valuation_age_max_days between 0 and 3660),
    constraint rules_receipt_age_range check (receipt_age_max_days between 0 and 3660),
    constraint rules_lapse_guard_range check (lapse_guard_days between 0 and 3660),
    constraint rules_reserves_range check (reserves_minor between 0 and 999999999999999999)
);
comment on table collateral.rules is 'What is eligible and how far, a version at a time; the latest holds. Append-only.';
comment on column collateral.rules.concentration_cap_bp is 'How much of all that is eligible one obligor may owe, in basis points.';
comment on column collateral.rules.coverage_floor_bp is 'Of what is drawn, in basis points: 12000 is 120%.';

create table collateral.rule_kind (
    facility_id uuid not null,
    version int4 not null,
    asset_kind text not null,
    advance_rate_bp int4 not null,
    haircut_bp int4 not null,
    constraint rule_kind_pkey primary key (facility_id, version, asset_kind),
    constraint rule_kind_rules_fkey foreign key (facility_id, version)
        references collateral.rules (facility_id, version),
    constraint rule_kind_asset_kind_form check (asset_kind ~ '^[a-z][a-z0-9-]{1,30}$'),
    constraint rule_kind_advance_rate_range check (advance_rate_bp between 0 and 10000),
    constraint rule_kind_haircut_range check (haircut_bp between 0 and 10000)
);
comment on table collateral.rule_kind is 'Haircut and advance rate of a kind of assets; a kind without a row is not eligible. Append-only.';

-- ---------------------------------------------------------------------------------------------
-- What pledges count for: kept as it changes, and equal to adding everything up again (collateral.sums_again).

create table collateral.holding (
    facility_id uuid not null,
    pledge_id uuid not null,
    asset_id uuid not null,
    asset_kind text not null,
    obligor text not null,
    valued_on date,
    value_minor bigint,
    received_on date,
    counts boolean not null generated always as (valued_on is not null and received_on is not null) stored,
    constraint holding_pkey primary key (facility_id, pledge_id),
    constraint holding_asset_key unique (facility_id, asset_id),
    constraint holding_pledge_fkey foreign key (facility_id, pledge_id)
        references collateral.pledge (facility_id, pledge_id),
    constraint holding_value_matches check ((valued_on is null) = (value_minor is null))
);
comment on table collateral.holding is
    'Each pledge in force, with its latest valuation and receipt. It counts once it has both.';
create index holding_valued_idx on collateral.holding (facility_id, valued_on) where counts;
create index holding_received_idx on collateral.holding (facility_id, received_on) where counts;

create table collateral.cover (
    facility_id uuid not null,
    filing_id uuid not null,
    agreement_id uuid not null,
    debtor_party_id uuid not null,
    asset_kind text not null,
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
    'On which filing, agreement and debtor, for which kind of assets, how many pledges in force rely: what has to hold is asked once for all of them.';
create index cover_agreement_idx on collateral.cover (facility_id, agreement_id);
create index cover_debtor_idx on collateral.cover (facility_id, debtor_party_id);

create table collateral.kind_sum (
    facility_id uuid not null,
    asset_kind text not null,
    holdings bigint not null,
    value_minor bigint not null,
    constraint kind_sum_pkey primary key (facility_id, asset_kind),
    constraint kind_sum_facility_fkey foreign key (facility_id) references capital.facility (facility_id),
    constraint kind_sum_not_negative check (holdings >= 0 and value_minor >= 0)
);
comment on table collateral.kind_sum is 'The values that count, by kind of asset; before any rule.';

create table collateral.obligor_sum (
    facility_id uuid not null,
    obligor text not null,
    holdings bigint not null,
    value_minor bigint not null,
    constraint obligor_sum_pkey primary key (facility_id, obligor),
    constraint obligor_sum_facility_fkey foreign key (facility_id) references capital.facility (facility_id),
    constraint obligor_sum_not_negative check (holdings >= 0 and value_minor >= 0)
);
comment on table collateral.obligor_sum is 'The values that count, by obligor: which of them can be over the cap.';
create index obligor_sum_value_idx on collateral.obligor_sum (facility_id, value_minor);

create table collateral.obligor_kind_sum (
    facility_id uuid not null,
    obligor text not null,
    asset_kind text not null,
    holdings bigint not null,
    value_minor bigint not null,
    constraint obligor_kind_sum_pkey primary key (facility_id, obligor, asset_kind),
    constraint obligor_kind_sum_facility_fkey foreign key (facility_id) references capital.facility (facility_id),
    constraint obligor_kind_sum_not_negative check (holdings >= 0 and value_minor >= 0)
);
comment on table collateral.obligor_kind_sum is 'The values that count, by obligor and kind.';

create table collateral.borrowing_base (
    facility_id uuid not null,
    settlement_id uuid not null,
    version int4 not null,
    inputs text not null,
    inputs_sha256 bytea not null generated always as (collateral.text_sha256(inputs)) stored,
    -- Of several kinds together, and of little drawn, more than 64 bits hold.
    base_minor numeric not null,
    drawn_minor numeric not null,
    availability_minor numeric not null generated always as (base_minor - drawn_minor) stored,
    coverage_bp numeric,
    computed_at timestamptz not null default clock_timestamp(),
    commitment_key bytea not null default ledger.commitment_key(),
    constraint borrowing_base_pkey primary key (settlement_id, version),
    constraint borrowing_base_facility_fkey foreign key (facility_id) references capital.facility (facility_id),
    constraint borrowing_base_settlement_fkey foreign key (settlement_id)
        references capital.settlement (settlement_id),
    constraint borrowing_base_commitment_fkey foreign key (commitment_key) references ledger.commitment_ledger (key),
    constraint borrowing_base_not_negative check (base_minor >= 0 and drawn_minor >= 0)
);
comment on table collateral.borrowing_base is
    'The base each step of a settlement rested on, before the step was taken. Append-only.';
comment on column collateral.borrowing_base.version is 'Of the settlement, before the step.';
comment on column collateral.borrowing_base.inputs is 'All that the figures follow from, in jsonb''s text form.';
create index borrowing_base_facility_idx on collateral.borrowing_base (facility_id);

create table collateral.warning (
    facility_id uuid not null,
    kind text not null,
    subject text not null,
    occurrence int4 not null,
    detail jsonb not null,
    opened_at timestamptz not null default now(),
    closed_at timestamptz,
    constraint warning_pkey primary key (facility_id, kind, subject, occurrence),
    constraint warning_facility_fkey foreign key (facility_id) references capital.facility (facility_id),
    constraint warning_kind_known check (
        kind in (
            'base-short', 'continuation-closing', 'continuation-open', 'coverage-short', 'custody-stale',
            'filing-disputed', 'filing-lapsed', 'filing-terminated', 'search-adverse', 'valuation-stale'
        )
    ),
    constraint warning_occurrence_positive check (occurrence > 0),
    constraint warning_closed_at_later check (closed_at >= opened_at)
);
comment on table collateral.warning is 'What the monitor has found: opened once, closed once when its reason has gone.';
comment on column collateral.warning.subject is 'The filing it is about, or an empty text: the whole facility.';
create unique index warning_open_idx on collateral.warning (facility_id, kind, subject) where closed_at is null;

-- ---------------------------------------------------------------------------------------------
-- What may change, and how.

do $$
declare
    kept text;
begin
    foreach kept in array array[
        'filing', 'filing_party', 'agreement', 'asset', 'release_pledge', 'amendment', 'valuation', 'custody_receipt',
        'search', 'search_finding', 'rules', 'rule_kind', 'borrowing_base'
    ]
    loop
        execute format(
            'create trigger %I before update or delete or truncate on collateral.%I
            for each statement execute function ledger.forbid_change()', kept || '_append_only', kept);
        execute format('alter table collateral.%I enable always trigger %I', kept, kept || '_append_only');
    end loop;
    foreach kept in array array[
        'party', 'release', 'pledge', 'filing_standing', 'cover', 'kind_sum', 'obligor_sum', 'obligor_kind_sum', 'warning'
    ]
    loop
        execute format(
            'create trigger %I before delete on collateral.%I
            for each statement execute function ledger.forbid_change()', kept || '_kept', kept);
        execute format('alter table collateral.%I enable always trigger %I', kept, kept || '_kept');
    end loop;
end
$$;

create function collateral.pin_party()
returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if (new.facility_id, new.party_id, new.lei, new.version)
        is distinct from (old.facility_id, old.party_id, old.lei, old.version + 1)
    then
        raise exception using errcode = 'OPK04', message = 'a party keeps its LEI, and changes by one version at a time';
    end if;
    return new;
end
$$;
create trigger party_pinned
    before update on collateral.party
    for each row execute function collateral.pin_party();
alter table collateral.party enable always trigger party_pinned;

create function collateral.pin_pledge()
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
create trigger pledge_pinned
    before update on collateral.pledge
    for each row execute function collateral.pin_pledge();
alter table collateral.pledge enable always trigger pledge_pinned;

create function collateral.pin_release()
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
    if new is distinct from approved or old.status <> 'REQUESTED' then
        raise exception using errcode = 'OPK04', message = 'a release is approved once, and changes in nothing else';
    end if;
    return new;
end
$$;
create trigger release_pinned
    before update on collateral.release
    for each row execute function collateral.pin_release();
alter table collateral.release enable always trigger release_pinned;

create function collateral.pin_warning()
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
create trigger warning_pinned
    before update on collateral.warning
    for each row execute function collateral.pin_warning();
alter table collateral.warning enable always trigger warning_pinned;

-- ---------------------------------------------------------------------------------------------
-- Audit, and who sees and writes what.

select audit.watch('collateral.party', 'facility_id', 'party_id');
select audit.watch('collateral.filing', 'facility_id', 'filing_id');
select audit.watch('collateral.filing_party', 'facility_id', 'filing_id', 'role', 'party_id');
select audit.watch('collateral.agreement', 'facility_id', 'agreement_id');
select audit.watch('collateral.asset', 'facility_id', 'asset_id');
select audit.watch('collateral.release', 'release_id');
select audit.watch('collateral.pledge', 'facility_id', 'pledge_id');
select audit.watch('collateral.release_pledge', 'facility_id', 'release_id', 'pledge_id');
select audit.watch('collateral.amendment', 'facility_id', 'amendment_id');
select audit.watch('collateral.filing_standing', 'facility_id', 'filing_id');
select audit.watch('collateral.valuation', 'facility_id', 'asset_id', 'valuation_id');
select audit.watch('collateral.custody_receipt', 'facility_id', 'asset_id', 'receipt_id');
select audit.watch('collateral.search', 'facility_id', 'search_id');
select audit.watch('collateral.search_finding', 'facility_id', 'search_id', 'file_number');
select audit.watch('collateral.rules', 'facility_id', 'version');
select audit.watch('collateral.rule_kind', 'facility_id', 'version', 'asset_kind');
select audit.watch('collateral.holding', 'facility_id', 'pledge_id');
select audit.watch('collateral.cover', 'facility_id', 'filing_id', 'agreement_id', 'debtor_party_id', 'asset_kind');
select audit.watch('collateral.kind_sum', 'facility_id', 'asset_kind');
select audit.watch('collateral.obligor_sum', 'facility_id', 'obligor');
select audit.watch('collateral.obligor_kind_sum', 'facility_id', 'obligor', 'asset_kind');
select audit.watch('collateral.borrowing_base', 'settlement_id', 'version');
select audit.watch('collateral.warning', 'facility_id', 'kind', 'subject', 'occurrence');

do $$
declare
    -- Who may insert, update and delete; everybody in the facility may read.
    written constant jsonb := '{
        "party": ["collateral.platform_facility_id()", "iu"],
        "rules": ["collateral.platform_facility_id()", "i"],
        "rule_kind": ["collateral.platform_facility_id()", "i"],
        "filing": ["collateral.reported_facility_id()", "i"],
        "filing_party": ["collateral.reported_facility_id()", "i"],
        "agreement": ["collateral.reported_facility_id()", "i"],
        "asset": ["collateral.reported_facility_id()", "i"],
        "amendment": ["collateral.reported_facility_id()", "i"],
        "valuation": ["collateral.reported_facility_id()", "i"],
        "custody_receipt": ["collateral.reported_facility_id()", "i"],
        "search": ["collateral.reported_facility_id()", "i"],
        "search_finding": ["collateral.reported_facility_id()", "i"],
        "release": ["collateral.led_facility_id()", "iu"],
        "release_pledge": ["collateral.led_facility_id()", "i"],
        "filing_standing": ["collateral.kept_facility_id()", "iu"],
        "cover": ["collateral.kept_facility_id()", "iu"],
        "kind_sum": ["collateral.kept_facility_id()", "iu"],
        "obligor_sum": ["collateral.kept_facility_id()", "iu"],
        "obligor_kind_sum": ["collateral.kept_facility_id()", "iu"],
        "holding": ["collateral.kept_facility_id()", "iud"],
        "borrowing_base": ["collateral.facility_id()", "i"],
        "warning": ["collateral.monitored_facility_id()", "iu"]
    }';
    written_table record;
begin
    for written_table in
        select w.key as name, w.value ->> 0 as who, w.value ->> 1 as how from jsonb_each(written) as w
    loop
        execute format(
            'create policy %I on collateral.%I for select to optkas_owner
            using (facility_id = (select collateral.facility_id()))',
            written_table.name || '_read', written_table.name);
        if written_table.how ~ 'i' then
            execute format(
                'create policy %I on collateral.%I for insert to optkas_owner
                with check (facility_id = (select %s))',
                written_table.name || '_record', written_table.name, written_table.who);
        end if;
        if written_table.how ~ 'u' then
            execute format(
                'create policy %I on collateral.%I for update to optkas_owner
                using (facility_id = (select %s))',
                written_table.name || '_change', written_table.name, written_table.who);
        end if;
        if written_table.how ~ 'd' then
            execute format(
                'create policy %I on collateral.%I for delete to optkas_owner
                using (facility_id = (select %s))',
                written_table.name || '_end', written_table.name, written_table.who);
        end if;
    end loop;
end
$$;

create policy pledge_read on collateral.pledge
    for select
    to optkas_owner
    using (facility_id = (select collateral.facility_id()));
create policy pledge_record on collateral.pledge
    for insert
    to optkas_owner
    with check (facility_id = (select collateral.reported_facility_id()) and released_on is null);
create policy pledge_end on collateral.pledge
    for update
    to optkas_owner
    using (facility_id = (select collateral.led_facility_id()));

-- Who approves knows the release, and from it the facility.
create policy release_own on collateral.release
    for select
    to optkas_owner
    using (allocator_id = (select auth.allocator_id()));
-- Whoever writes one is named in it.
create policy release_by_maker on collateral.release
    as restrictive
    for insert
    to optkas_owner
    with check (
        allocator_id = (select auth.allocator_id())
        and requested_by = (select auth.sub())
        and status = 'REQUESTED'
    );
create policy release_by_checker on collateral.release
    as restrictive
    for update
    to optkas_owner
    using (allocator_id = (select auth.allocator_id()))
    with check (approved_by = (select auth.sub()));

do $$
declare
    audited record;
begin
    for audited in
        select c.oid::regclass as name, c.relname
        from pg_catalog.pg_class as c
        where c.relnamespace = 'collateral'::regnamespace and c.relkind = 'r'
    loop
        execute format('create policy %I on %s for select to optkas_auditor using (true)',
            audited.relname || '_audit', audited.name);
        execute format('grant select on %s to optkas_auditor', audited.name);
    end loop;
end
$$;
grant usage on schema collateral to optkas_auditor;
