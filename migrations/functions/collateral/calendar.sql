-- The calendar of filings (9-515). Dates are the filing office's own.

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
