-- Domains: each rule that many tables check, once. Every file of this folder runs as optkas_owner.
--
-- The schema `fixed` holds what stored rows were checked or computed with: these domains, and the immutable functions
-- of constraints, indexes, defaults and generated columns. None of them ever changes; a new rule is a new function.

alter default privileges revoke execute on functions from public;
alter default privileges revoke usage on types from public;

-- What a deployment records of itself.
comment on table deploy.schema_history is
    'The files of tables/ that were applied, with their checksums; kept by refinery.';
alter table deploy.schema_history enable row level security;
alter table deploy.schema_history force row level security;
create policy schema_history_owner_all on deploy.schema_history
    to optkas_owner
    using (true);

create table deploy.present (
    path text not null,
    sha256 bytea not null,
    functions text[] not null,
    constraint present_pkey primary key (path),
    constraint present_sha256_length check (octet_length(sha256) = 32)
);
comment on table deploy.present is
    'The files of functions/, gateway/ and access/ as they were last applied. The path `catalogue` has the digest of '
    'the catalogue that they made.';
comment on column deploy.present.functions is 'The functions that the file defines, with their arguments.';
alter table deploy.present enable row level security;
alter table deploy.present force row level security;
create policy present_owner_all on deploy.present
    to optkas_owner
    using (true);

-- Identifiers with a check digit or a structure.
create function fixed.lei_valid(_lei text)
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
comment on function fixed.lei_valid(text) is
    'Whether a text is an LEI (ISO 17442-1): 18 capitals or digits, then two check digits, 02 to 98. ISO 7064 MOD '
    '97-10 computes these: with A as 10 and Z as 35 the number leaves 1.';

create function fixed.bic_valid(_bic text)
returns boolean
language sql
immutable
parallel safe
return coalesce(_bic ~ '^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$', false);
comment on function fixed.bic_valid(text) is
    'Whether a text has the form of a BIC (ISO 9362:2022): business party prefix, country, suffix, and a branch or '
    'none. No register is asked.';

-- Domains.
create domain fixed.sha256 as bytea constraint sha256_length check (octet_length(value) = 32);
comment on domain fixed.sha256 is 'A SHA-256 digest, or another value of 32 octets.';

create domain fixed.text_140 as text constraint text_140_length check (length(value) between 1 and 140);
comment on domain fixed.text_140 is 'A name, reason or reference: 1 to 140 characters, as in ISO 20022.';

create domain fixed.text_255 as text constraint text_255_length check (length(value) between 1 and 255);
comment on domain fixed.text_255 is 'An identifier that another system gave: 1 to 255 characters.';

create domain fixed.text_300 as text constraint text_300_length check (length(value) between 1 and 300);
comment on domain fixed.text_300 is 'The name of an organisation, as a register has it: 1 to 300 characters.';

create domain fixed.currency as text constraint currency_form check (value ~ '^[A-Z]{3}$');
comment on domain fixed.currency is 'A currency''s code (ISO 4217).';

create domain fixed.money as bigint constraint money_range check (value between 0 and 999999999999999999);
comment on domain fixed.money is 'An amount in minor units of its currency: 0 to 10^18 - 1.';

create domain fixed.amount as bigint constraint amount_range check (value between 1 and 999999999999999999);
comment on domain fixed.amount is 'An amount that moves, in minor units of its currency: 1 to 10^18 - 1.';

create domain fixed.share_bp as int4 constraint share_bp_range check (value between 0 and 10000);
comment on domain fixed.share_bp is 'A share in basis points: 10,000 is the whole.';

create domain fixed.instant as timestamptz constraint instant_range check (
    value between '0001-01-01T00:00:00Z' and '9999-12-31T23:59:59.999999Z'
);
comment on domain fixed.instant is
    'An instant that a caller gives: of the years 1 to 9999 and finite, so that RFC 3339 can write it.';

create domain fixed.days as int4 constraint days_range check (value between 0 and 3660);
comment on domain fixed.days is 'A number of days, at most ten years.';

create domain fixed.version as int4 constraint version_positive check (value > 0);
comment on domain fixed.version is 'The number of a version, from 1.';

create domain fixed.subdivision as text constraint subdivision_form check (value ~ '^[A-Z]{2}(-[A-Z0-9]{1,3})?$');
comment on domain fixed.subdivision is 'A country or its subdivision (ISO 3166-1, 3166-2): US-DE.';

create domain fixed.lei as text constraint lei_valid check (value is null or fixed.lei_valid(value));
comment on domain fixed.lei is 'A legal entity identifier (ISO 17442).';

create domain fixed.bic as text constraint bic_valid check (value is null or fixed.bic_valid(value));
comment on domain fixed.bic is 'A business identifier code (ISO 9362).';

create domain fixed.asset_kind as text constraint asset_kind_form check (value ~ '^[a-z][a-z0-9-]{1,30}$');
comment on domain fixed.asset_kind is 'A kind of assets, as eligibility rules name it.';

create domain fixed.rating as text constraint rating_form check (value ~ '^[A-Za-z0-9+-]{1,16}$');
comment on domain fixed.rating is 'A rating, as the migration matrix names it.';

create domain fixed.hash_0x as text constraint hash_0x_form check (value ~ '^0x[0-9a-f]{64}$');
comment on domain fixed.hash_0x is 'A 32-octet hash as an EVM chain writes it.';
