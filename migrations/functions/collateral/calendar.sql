-- The calendar of filings (9-515). Dates are the filing office's own.

create or replace function collateral.office_day(_office text, _at timestamptz)
returns date
language sql
stable
parallel safe
return (_at at time zone case
    when (_office like 'US-__') is not true then null
    when right(_office, 2) in (
        'CT', 'DC', 'DE', 'FL', 'GA', 'IN', 'KY', 'MA', 'MD', 'ME', 'MI', 'NC', 'NH', 'NJ', 'NY', 'OH', 'PA', 'RI',
        'SC', 'VA', 'VT', 'WV'
    ) then 'America/New_York'
    when right(_office, 2) in (
        'AL', 'AR', 'IA', 'IL', 'KS', 'LA', 'MN', 'MO', 'MS', 'ND', 'NE', 'OK', 'SD', 'TN', 'TX', 'WI'
    ) then 'America/Chicago'
    when right(_office, 2) in ('CO', 'ID', 'MT', 'NM', 'UT', 'WY') then 'America/Denver'
    when right(_office, 2) in ('CA', 'NV', 'OR', 'WA') then 'America/Los_Angeles'
    when right(_office, 2) in ('PR', 'VI') then 'America/Puerto_Rico'
    when right(_office, 2) in ('GU', 'MP') then 'Pacific/Guam'
    when _office = 'US-AK' then 'America/Juneau'
    when _office = 'US-AZ' then 'America/Phoenix'
    when _office = 'US-HI' then 'Pacific/Honolulu'
end)::date;
comment on function collateral.office_day(text, timestamptz) is
    'The date of an instant at a filing office, which is where the state is governed from. Null for an office that is '
    'none.';

create or replace function collateral.office_today(_office text)
returns date
language sql
stable
parallel safe
return collateral.office_day(_office, now());
comment on function collateral.office_today(text) is 'The transaction''s date at a filing office.';

create or replace function collateral.latest_today()
returns date
language sql
stable
parallel safe
return (now() at time zone interval '14 hours')::date;
comment on function collateral.latest_today() is
    'The transaction''s date where it is latest on Earth (UTC+14). A paper without a known place may bear it.';

create or replace function collateral.years_after(_on date, _years int4)
returns date
language sql
immutable
parallel safe
return case
    when extract(month from _on) = 2 and extract(day from _on) = 29
        and extract(day from (_on + make_interval(years => _years))) is distinct from 29
    then (_on + make_interval(years => _years))::date + 1
    else (_on + make_interval(years => _years))::date
end;
comment on function collateral.years_after(date, int4) is
    'The same day so many years later; 1 March where there is no 29 February.';

create or replace function collateral.lapse(_designation text, _filed_on date)
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
    'The last day of an initial financing statement''s effect (9-515(a), (b), (f)); null for a transmitting utility, '
    'which never lapses.';

create or replace function collateral.continuation_opens(_lapse_on date)
returns date
language sql
immutable
parallel safe
return (_lapse_on - make_interval(months => 6))::date;
comment on function collateral.continuation_opens(date) is
    'The day six months before lapse (9-515(d)). Where that month has no such day, its last one (Model Administrative '
    'Rules, 501).';

create or replace function collateral.continued(_lapse_on date, _filed_on date)
returns date
language sql
immutable
parallel safe
return case
    when _filed_on between collateral.continuation_opens(_lapse_on) and _lapse_on
    then collateral.years_after(_lapse_on, 5)
end;
comment on function collateral.continued(date, date) is
    'The lapse after a continuation filed on that day: five years from the old lapse (9-515(e)). Null for a '
    'continuation that is early, late or not needed, which has no effect (9-510(c)).';
