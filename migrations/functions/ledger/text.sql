-- Dates and instants, as all schemas use them.

create or replace function ledger.rfc3339(_at timestamptz)
returns text
language sql
stable
parallel safe
return to_char(_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
comment on function ledger.rfc3339(timestamptz) is
    'The one text form of an instant in every reply: RFC 3339, UTC, microseconds.';

create or replace function ledger.today()
returns date
language sql
stable
parallel safe
return (now() at time zone 'UTC')::date;
comment on function ledger.today() is 'The transaction''s date in UTC.';
