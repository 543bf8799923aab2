-- The standing of a filing: what it and its amendments come to by law (9-509, 9-510, 9-512 to 9-515). Each amendment is
-- recorded as filed, and has the effect that the law gives it.

create or replace function collateral.amendment_text(
    _kind text,
    _action text,
    _role text,
    _party_id uuid,
    _description text
)
returns text
language sql
-- Not immutable, for jsonb_build_object is not.
stable
return jsonb_build_object(
    'kind', _kind, 'action', _action, 'role', _role, 'party_id', _party_id, 'description', _description
)::text;
comment on function collateral.amendment_text(text, text, text, uuid, text) is
    'All that an amendment that deletes or restates says, as one text. A release has it, and the amendment is compared '
    'with it to the byte.';

create or replace function collateral.is_authorised(_amendment collateral.amendment)
returns boolean
language sql
stable
return exists (
    select
    from collateral.release as r
    where r.facility_id = (_amendment).facility_id
        and r.filing_id = (_amendment).filing_id
        and r.status = 'APPROVED'
        and r.approved_at + collateral.release_life() > (_amendment).recorded_at
        and case
            when (_amendment).kind = 'termination' then
                r.kind = 'termination'
                and r.release_id = coalesce((_amendment).release_id, r.release_id)
                -- A pledge that came later never had this filing's cover.
                and not exists (
                    select
                    from collateral.pledge as p
                    left join collateral.release as e on (e.facility_id, e.release_id) = (p.facility_id, p.release_id)
                    where p.facility_id = r.facility_id
                        and p.filing_id = r.filing_id
                        and p.recorded_at <= greatest(r.approved_at, (_amendment).recorded_at)
                        and coalesce(e.approved_at > greatest(r.approved_at, (_amendment).recorded_at), true)
                        and not exists (
                            select
                            from collateral.release_pledge as n
                            where n.facility_id = r.facility_id
                                and n.release_id = r.release_id
                                and n.pledge_id = p.pledge_id
                        )
                )
            else
                r.kind = 'amendment'
                and r.release_id = (_amendment).release_id
                and r.amendment = collateral.amendment_text(
                    (_amendment).kind, (_amendment).action, (_amendment).role, (_amendment).party_id,
                    (_amendment).description)
        end
);
comment on function collateral.is_authorised(collateral.amendment) is
    'Whether an amendment that takes cover away rests on an approved release of exactly it (9-509(d)), and was '
    'recorded before the approval lapsed. A termination needs one that names all that was pledged under the filing '
    'when both were there.';

create or replace function collateral.without_party(_parties jsonb, _party_id uuid)
returns jsonb
language sql
immutable
return coalesce((
    select jsonb_agg(p.party order by p.place)
    from jsonb_array_elements(_parties) with ordinality as p (party, place)
    where p.party ->> 'party_id' is distinct from _party_id::text
), '[]');
comment on function collateral.without_party(jsonb, uuid) is 'Parties of record, without one of them.';

create or replace function collateral.parties_after(_parties jsonb, _amendment collateral.amendment)
returns jsonb
language sql
-- Not immutable, for jsonb_build_object is not: the function would not be inlined.
stable
return case
    when (_amendment).replaces_party_id is null then collateral.without_party(_parties, (_amendment).party_id)
    else collateral.without_party(
        collateral.without_party(_parties, (_amendment).party_id), (_amendment).replaces_party_id)
end || case
    when (_amendment).name is null then '[]'
    else jsonb_build_object('party_id', (_amendment).party_id, 'name', (_amendment).name)
end;
comment on function collateral.parties_after(jsonb, collateral.amendment) is
    'The parties of record after an assignment, or an amendment of parties, has had its effect.';

create or replace function collateral.takes_cover_away(_amendment collateral.amendment)
returns boolean
language sql
immutable
return (_amendment).kind = 'termination'
    or ((_amendment).kind = 'collateral' and (_amendment).action in ('delete', 'restate'))
    or ((_amendment).kind = 'party' and (_amendment).action = 'delete');
comment on function collateral.takes_cover_away(collateral.amendment) is
    'Whether an amendment takes cover away, so that it needs an approved release (9-509(d)).';

create or replace function collateral.reason_without_effect(
    _filing collateral.filing,
    _standing collateral.filing_standing,
    _parties jsonb,
    _amendment collateral.amendment
)
returns text
language sql
stable
return case
    when (_amendment).filed_at < (_filing).filed_at then 'before-filing'
    when (_standing).terminated_on is not null then 'after-termination'
    when (_amendment).filed_on > (_standing).lapse_on then 'after-lapse'
    when (_amendment).kind = 'party' and (_amendment).action is distinct from 'add'
        and collateral.without_party(_parties, (_amendment).party_id) = _parties then 'not-of-record'
    when (_amendment).replaces_party_id is not null
        and collateral.without_party(_parties, (_amendment).replaces_party_id) = _parties then 'not-of-record'
    when collateral.takes_cover_away(_amendment)
        and collateral.is_authorised(_amendment) is not true
        then 'not-authorised'
    when (_amendment).kind = 'continuation' and (_standing).lapse_on is null then 'no-lapse'
    when (_amendment).kind = 'continuation'
        and collateral.continued((_standing).lapse_on, (_amendment).filed_on) is null then 'before-window'
    -- The last debtor or secured party of record cannot be deleted (9-512(e)).
    when (_amendment).kind = 'party' and (_amendment).action = 'delete'
        and collateral.without_party(_parties, (_amendment).party_id) = '[]' then 'last-party'
end;
comment on function collateral.reason_without_effect(
    collateral.filing, collateral.filing_standing, jsonb, collateral.amendment
) is 'Why an amendment has no effect on the standing before it (9-509, 9-510, 9-512, 9-515); null if it has one.';

create or replace function collateral.standing_as_filed(_filing collateral.filing)
returns collateral.filing_standing
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    standing collateral.filing_standing;
begin
    standing.facility_id := _filing.facility_id;
    standing.filing_id := _filing.filing_id;
    standing.lapse_on := collateral.lapse(_filing.designation, _filing.filed_on);
    standing.disputed := false;
    standing.descriptions := case
        when _filing.description = '' then '[]'
        else jsonb_build_array(_filing.description)
    end;
    standing.effects := '[]';
    select
        coalesce(jsonb_agg(of_record.party order by of_record.party_id) filter (where of_record.role = 'debtor'), '[]'),
        coalesce(jsonb_agg(of_record.party order by of_record.party_id) filter (where of_record.role = 'secured'), '[]')
    into standing.debtors, standing.secured_parties
    from (
        select p.role, p.party_id, jsonb_build_object('party_id', p.party_id, 'name', p.name) as party
        from collateral.filing_party as p
        where p.facility_id = _filing.facility_id and p.filing_id = _filing.filing_id
    ) as of_record;
    return standing;
end
$$;
comment on function collateral.standing_as_filed(collateral.filing) is
    'What a filing comes to before any amendment.';

create or replace function collateral.standing_of(_filing collateral.filing)
returns collateral.filing_standing
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    standing collateral.filing_standing := collateral.standing_as_filed(_filing);
    amendment collateral.amendment;
    parties jsonb;
    reason text;
begin
    -- In the order of filing: an amendment that is reported late changes what came after it.
    for amendment in
        select a.*
        from collateral.amendment as a
        where a.facility_id = _filing.facility_id and a.filing_id = _filing.filing_id
        order by a.filed_at, a.recorded_at, a.amendment_id
    loop
        parties := case amendment.role when 'debtor' then standing.debtors else standing.secured_parties end;
        reason := collateral.reason_without_effect(_filing, standing, parties, amendment);
        standing.effects := standing.effects || jsonb_build_object(
            'amendment_id', amendment.amendment_id, 'effective', reason is null, 'cause', reason);
        standing.disputed := standing.disputed or reason is not distinct from 'not-authorised';
        continue when reason is not null;

        case amendment.kind
            when 'continuation' then
                standing.lapse_on := collateral.continued(standing.lapse_on, amendment.filed_on);
            when 'termination' then
                standing.terminated_on := amendment.filed_on;
            when 'assignment' then
                standing.secured_parties := collateral.parties_after(parties, amendment);
            when 'party' then
                if amendment.role = 'debtor' then
                    standing.debtors := collateral.parties_after(parties, amendment);
                else
                    standing.secured_parties := collateral.parties_after(parties, amendment);
                end if;
            when 'collateral' then
                standing.descriptions := case amendment.action
                    when 'restate' then jsonb_build_array(amendment.description)
                    when 'add' then standing.descriptions || to_jsonb(amendment.description)
                    else standing.descriptions || to_jsonb('deleted: ' || amendment.description)
                end;
        end case;
    end loop;
    return standing;
end
$$;
comment on function collateral.standing_of(collateral.filing) is 'What a filing and all its amendments come to.';

create or replace function collateral.recompute_standing(_filing_id uuid)
returns collateral.filing_standing
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    standing collateral.filing_standing;
    kept collateral.filing_standing;
begin
    select (collateral.standing_of(f)).* into strict standing
    from collateral.filing as f
    where f.facility_id = collateral.facility_id() and f.filing_id = _filing_id;
    select * into kept
    from collateral.filing_standing as s
    where s.facility_id = standing.facility_id and s.filing_id = standing.filing_id;
    if not found then
        insert into collateral.filing_standing
        values (standing.*);
        return standing;
    end if;
    -- What stays the same leaves no row in the audit trail.
    if kept is not distinct from standing then
        return standing;
    end if;
    update collateral.filing_standing as s
    set lapse_on = standing.lapse_on,
        terminated_on = standing.terminated_on,
        disputed = standing.disputed,
        debtors = standing.debtors,
        secured_parties = standing.secured_parties,
        descriptions = standing.descriptions,
        effects = standing.effects
    where s.facility_id = standing.facility_id and s.filing_id = standing.filing_id;
    return standing;
end
$$;
comment on function collateral.recompute_standing(uuid) is
    'Computes the standing of a filing of the facility that is set, and keeps it.';

-- What replies show.
create or replace function collateral.standing_json(_standing collateral.filing_standing, _office text)
returns jsonb
language sql
stable
return jsonb_build_object(
    'lapse_on', (_standing).lapse_on,
    'continuation_opens_on', collateral.continuation_opens((_standing).lapse_on),
    'status', case
        when (_standing).terminated_on is not null then 'terminated'
        when (_standing).lapse_on < collateral.office_today(_office) then 'lapsed'
        when (_standing).disputed then 'disputed'
        when (_standing).debtors = '[]' or (_standing).secured_parties = '[]' or (_standing).descriptions = '[]'
            then 'insufficient'
        else 'effective'
    end,
    'terminated_on', (_standing).terminated_on,
    'debtors', (_standing).debtors,
    'secured_parties', (_standing).secured_parties,
    'descriptions', (_standing).descriptions,
    'effects', (_standing).effects
);
comment on function collateral.standing_json(collateral.filing_standing, text) is
    'What a filing comes to today at its office, as replies show it.';

create or replace function collateral.filing_json(
    _filing collateral.filing,
    _standing collateral.filing_standing
)
returns jsonb
language sql
stable
return jsonb_build_object(
    'id', (_filing).filing_id,
    'office', (_filing).office,
    'file_number', (_filing).file_number,
    'filed_at', ledger.rfc3339((_filing).filed_at),
    'filed_on', (_filing).filed_on,
    'designation', (_filing).designation,
    'document_sha256', encode((_filing).document_sha256, 'hex'),
    'commitment_id', ledger.readable_id((_filing).commitment_key)
) || collateral.standing_json(_standing, (_filing).office);
comment on function collateral.filing_json(collateral.filing, collateral.filing_standing) is
    'A filing as replies show it, with what it comes to.';

create or replace function collateral.listed_octets(_standing collateral.filing_standing)
returns int4
language sql
stable
return 1000 + octet_length(_standing::text);
comment on function collateral.listed_octets(collateral.filing_standing) is
    'The length of a filing in a reply: what it comes to, and less than a thousand octets around it.';

create or replace function collateral.filings_json(_facility_id uuid)
returns jsonb
language sql
stable
return (
    select jsonb_build_object(
        'filings', coalesce(jsonb_agg(
            collateral.filing_json(o.filing, o.standing)
            order by (o.filing).filed_at, (o.filing).filing_id
        ) filter (where o.octets <= ledger.list_octets_max()), '[]'),
        'filings_left_out', count(*) filter (where o.octets > ledger.list_octets_max())
    )
    from (
        select
            r.filing,
            r.standing,
            sum(collateral.listed_octets(r.standing)) over (
                order by r.relied_on desc, (r.filing).filed_at desc, (r.filing).filing_id
            ) as octets
        from (
            select f as filing, s as standing, exists (
                select
                from collateral.cover as c
                where c.facility_id = f.facility_id and c.filing_id = f.filing_id and c.pledges > 0
            ) as relied_on
            from collateral.filing as f
            join collateral.filing_standing as s on s.facility_id = f.facility_id and s.filing_id = f.filing_id
            where f.facility_id = _facility_id
        ) as r
    ) as o
);
comment on function collateral.filings_json(uuid) is
    'The facility''s filings, the earliest first, as many as a reply has room for. Those that pledges rely on come '
    'before the rest, then the newest.';
