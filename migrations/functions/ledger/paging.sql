-- Limits of what one reply holds. AWS Lambda answers at most 6 MB; the lists of one reply stay below that together.

create or replace function ledger.page_size(_page_size int4)
returns int4
language sql
immutable
parallel safe
return least(_page_size, 100);
comment on function ledger.page_size(int4) is
    'The number of rows on a page: as many as asked for, at most 100. A query reads one row more, to know whether a '
    'page follows.';

create or replace function ledger.list_octets_max()
returns int4
language sql
immutable
parallel safe
return 2000000;
comment on function ledger.list_octets_max() is
    'The length of a list whose rows are of any length: audit entries, or a facility''s filings.';

create or replace function ledger.releases_octets_max()
returns int4
language sql
immutable
parallel safe
return 3000000;
comment on function ledger.releases_octets_max() is
    'The length of a facility''s open releases together. They stand in one reply with its filings; a request for more '
    'is refused.';
