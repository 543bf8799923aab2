-- Refusals: the business reasons. A refusal is a name with members. The functions in front have status, title, detail
-- and URN of each name, in `http::problem`.

create or replace function ledger.refuse(_name text, _members jsonb default '{}')
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception using errcode = 'OPK01', message = _name, detail = _members::text;
end
$$;
comment on function ledger.refuse(text, jsonb) is
    'Ends the effect of a mutation with a named refusal. The gateway function catches it by its SQLSTATE and records '
    'it.';

create or replace function ledger.refuse_for(_reason jsonb)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    perform ledger.refuse(_reason ->> 'refusal', _reason - 'refusal');
end
$$;
comment on function ledger.refuse_for(jsonb) is 'Ends the effect of a mutation with a reason as its refusal.';

create or replace function ledger.reason(_name text, _members jsonb default '{}')
returns jsonb
language sql
stable
return jsonb_build_object('refusal', _name) || _members;
comment on function ledger.reason(text, jsonb) is
    'A refusal that is not raised: one of several reasons, or what a dry run tells. It is rendered as a refusal.';

create or replace function ledger.ok(_body jsonb)
returns ledger.reply
language sql
immutable
return row('ok', 200, null, _body)::ledger.reply;
comment on function ledger.ok(jsonb) is 'The answer of a read, or of a job that claims no key.';

create or replace function ledger.unrecorded(_name text)
returns ledger.reply
language sql
immutable
return row('refused', null, _name, '{}')::ledger.reply;
comment on function ledger.unrecorded(text) is 'A refusal that claims no key: of a read, or of a stranger.';
