-- Releases: the end of pledges, or of a filing, by two members of the lead allocator. What a release would do is
-- rendered as one text, which is requested, shown and approved to the byte.

create or replace function collateral.release_life()
returns interval
language sql
immutable
parallel safe
return interval '7 days';
comment on function collateral.release_life() is
    'How long a request waits for its approval, and an approval for the amendment that it authorises.';

create or replace function collateral.release_pledges_max()
returns int4
language sql
immutable
parallel safe
return 1000;
comment on function collateral.release_pledges_max() is
    'The number of pledges that one release may name. Each takes some 2 ms when it ends, of the 5 s that a statement '
    'has, and 220 octets of the content.';

create or replace function collateral.release_content(
    _facility_id uuid,
    _kind text,
    _filing_id uuid,
    _pledge_ids uuid[],
    _amendment text,
    _reason text
)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    rules collateral.rules := collateral.rules_in_force(_facility_id);
    present collateral.figures := collateral.borrowing_base_recomputed(_facility_id, rules);
    left_over collateral.figures := collateral.borrowing_base_recomputed(_facility_id, rules, _pledge_ids);
begin
    return (
        select jsonb_build_object(
            'facility_id', _facility_id,
            'kind', _kind,
            'reason', _reason,
            'amendment', _amendment::jsonb,
            'filing', jsonb_build_object(
                'id', f.filing_id,
                'office', f.office,
                'file_number', f.file_number,
                'filed_on', f.filed_on,
                'document_sha256', encode(f.document_sha256, 'hex'),
                'lapse_on', s.lapse_on,
                'debtors', s.debtors,
                'secured_parties', s.secured_parties
            ),
            'assets', (
                select coalesce(jsonb_agg(jsonb_build_object(
                    'pledge_id', p.pledge_id,
                    'asset_id', p.asset_id,
                    'fingerprint', encode(p.fingerprint, 'hex'),
                    'value_minor', h.value_minor::text
                ) order by p.pledge_id), '[]')
                from collateral.pledge as p
                left join collateral.holding as h on h.facility_id = p.facility_id and h.pledge_id = p.pledge_id
                where p.facility_id = _facility_id
                    and p.filing_id = _filing_id
                    and p.pledge_id = any (_pledge_ids)
                    and p.released_on is null
            ),
            'exposure', jsonb_build_object(
                'drawn_minor', present.drawn_minor::text,
                'base_minor', present.base_minor::text,
                'base_after_minor', left_over.base_minor::text,
                'availability_minor', present.availability_minor::text,
                'availability_after_minor', left_over.availability_minor::text,
                'coverage_bp', present.coverage_bp,
                'coverage_after_bp', left_over.coverage_bp,
                -- The amount drawn that would have no base under it any more.
                'uncovered_minor', greatest(-left_over.availability_minor, 0)::text
            )
        )::text
        from collateral.filing as f
        join collateral.filing_standing as s on s.facility_id = f.facility_id and s.filing_id = f.filing_id
        where f.facility_id = _facility_id and f.filing_id = _filing_id
    );
end
$$;
comment on function collateral.release_content(uuid, text, uuid, uuid[], text, text) is
    'What a release would do now, as text. The same text is requested, shown and approved.';

-- Not of a row: that would carry the content along, which may be long.
create or replace function collateral.release_status(_status text, _created_at timestamptz)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return case
        when _status = 'REQUESTED'
            and (_created_at > clock_timestamp() - collateral.release_life()) is not true then 'EXPIRED'
        else _status
    end;
end
$$;
comment on function collateral.release_status(text, timestamptz) is
    'REQUESTED, APPROVED, or EXPIRED where nobody approved in time.';

create or replace function collateral.release_summary(_release collateral.release)
returns jsonb
language sql
stable
return jsonb_build_object(
    'id', (_release).release_id,
    'facility_id', (_release).facility_id,
    'kind', (_release).kind,
    'filing_id', (_release).filing_id,
    'reason', (_release).reason,
    'status', collateral.release_status((_release).status, (_release).created_at),
    'created_by', case when (_release).allocator_id = auth.allocator_id() then (_release).created_by end,
    'created_at', ledger.rfc3339((_release).created_at),
    'expires_at', ledger.rfc3339(
        coalesce((_release).approved_at, (_release).created_at) + collateral.release_life()
    ),
    'approved_by', case when (_release).allocator_id = auth.allocator_id() then (_release).approved_by end,
    'approved_at', ledger.rfc3339((_release).approved_at),
    'content_sha256', encode((_release).content_sha256, 'hex')
);
comment on function collateral.release_summary(collateral.release) is
    'A release as lists show it, without its content. Who asked and who approved is shown to their own allocator only.';

create or replace function collateral.release_json(_release collateral.release)
returns jsonb
language sql
stable
return collateral.release_summary(_release) || jsonb_build_object(
    'content', (_release).content::jsonb,
    'notice', collateral.notice()
);
comment on function collateral.release_json(collateral.release) is
    'A release as replies to mutations show it, without names. Who asked and who approved is shown to their own '
    'allocator only.';

create or replace function collateral.release_names(_release collateral.release, _facilities jsonb, _people jsonb)
returns jsonb
language sql
stable
return jsonb_build_object(
    'facility_name', _facilities -> (_release).facility_id::text,
    'created_by_name', _people -> (_release).created_by::text,
    'approved_by_name', _people -> (_release).approved_by::text
);
comment on function collateral.release_names(collateral.release, jsonb, jsonb) is
    'The names beside a release''s ids, of those that the reader may know.';

create or replace function collateral.releases_json(_releases collateral.release[])
returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    facilities constant jsonb := capital.names_of_facilities(
        array(select distinct r.facility_id from unnest(_releases) as r));
    people constant jsonb := capital.names_of_people(array(
        select r.created_by::text from unnest(_releases) as r
        union
        select r.approved_by::text from unnest(_releases) as r where r.approved_by is not null
    ));
begin
    return (
        select coalesce(jsonb_agg(
            collateral.release_json(_releases[place])
                || collateral.release_names(_releases[place], facilities, people)
            order by place
        ), '[]')
        from generate_subscripts(_releases, 1) as place
    );
end
$$;
comment on function collateral.releases_json(collateral.release[]) is
    'Releases as replies to reads show them: with names beside the ids, as far as the reader may know them.';

create or replace function collateral.request_release(
    _facility_id uuid,
    _kind text,
    _filing_id uuid,
    _pledge_ids uuid[],
    _amendment jsonb,
    _reason text
)
returns collateral.release
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    amendment constant text := case when _kind = 'amendment' then collateral.amendment_text(
        _amendment ->> 'kind', _amendment ->> 'action', _amendment ->> 'role', (_amendment ->> 'party_id')::uuid,
        _amendment ->> 'description'
    ) end;
    live constant uuid[] := array(
        select p.pledge_id
        from collateral.pledge as p
        where p.facility_id = _facility_id and p.filing_id = _filing_id and p.released_on is null
        order by p.pledge_id
    );
    -- A termination releases all that is pledged under the filing.
    named constant uuid[] := case _kind
        when 'termination' then live
        when 'amendment' then '{}'
        else array(select distinct n.id from unnest(_pledge_ids) as n (id))
    end;
    content text;
    open record;
    requested collateral.release;
begin
    if _kind is not distinct from 'assets' and (cardinality(named) > 0) is not true then
        raise exception using errcode = 'OPK04', message = 'a release of assets names them';
    end if;
    perform collateral.require_filing(_filing_id);
    if (named <@ live) is not true then
        perform ledger.refuse('not-found', '{"resource": "pledge"}');
    end if;
    perform collateral.require_party((_amendment ->> 'party_id')::uuid);
    -- The approver must be shown all of it, and it must take effect in one statement.
    if (cardinality(named) <= collateral.release_pledges_max()) is not true then
        perform ledger.refuse('release-large', jsonb_build_object(
            'pledges_count', cardinality(named), 'pledges_max', collateral.release_pledges_max()));
    end if;
    content := collateral.release_content(_facility_id, _kind, _filing_id, named, amendment, _reason);
    -- All open releases stand in one reply, so that no request pushes another out of the approver's sight.
    select count(*) as number, coalesce(sum(octet_length(r.content)), 0) as octets into strict open
    from collateral.release as r
    where r.facility_id = _facility_id
        and r.status = 'REQUESTED'
        and r.created_at > clock_timestamp() - collateral.release_life();
    perform collateral.require_room('open releases', open.number + 1, 100);
    perform collateral.require_room(
        'octets of open releases', open.octets + octet_length(content), ledger.releases_octets_max());
    insert into collateral.release
        (facility_id, allocator_id, kind, filing_id, amendment, reason, content, created_by)
    values
        (_facility_id, collateral.lead_allocator_id(), _kind, _filing_id, amendment, _reason, content, auth.sub())
    returning * into requested;
    insert into collateral.release_pledge (facility_id, release_id, pledge_id)
    select _facility_id, requested.release_id, n.id
    from unnest(named) as n (id);
    return requested;
end
$$;
comment on function collateral.request_release(uuid, text, uuid, uuid[], jsonb, text) is
    'Records what is to be released and what that would leave. Nothing is released.';

create or replace function collateral.approve_release(_release collateral.release, _content_sha256 bytea)
returns collateral.release
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    today constant date := ledger.today();
    named constant uuid[] := array(
        select p.pledge_id
        from collateral.release_pledge as p
        where p.facility_id = _release.facility_id and p.release_id = _release.release_id
    );
    present constant text := collateral.release_content(
        _release.facility_id, _release.kind, _release.filing_id,
        case _release.kind when 'termination' then array(
            select p.pledge_id
            from collateral.pledge as p
            where p.facility_id = _release.facility_id
                and p.filing_id = _release.filing_id
                and p.released_on is null
        ) else named end,
        _release.amendment,
        _release.reason
    );
    changes collateral.sum[];
    approved collateral.release;
begin
    -- What was requested, what the approver saw, and what the release would do now must be one text.
    if _content_sha256 is distinct from _release.content_sha256 or present is distinct from _release.content then
        perform ledger.refuse('release-changed', jsonb_build_object(
            'requested_sha256', encode(_release.content_sha256, 'hex'),
            'present_sha256', encode(fixed.text_sha256(present), 'hex')));
    end if;
    -- Nothing may be refused below.

    update collateral.release as r
    set status = 'APPROVED', approved_by = auth.sub(), approved_at = clock_timestamp()
    where r.release_id = _release.release_id
    returning r.* into strict approved;

    with gone as (
        delete from collateral.holding as h
        where h.facility_id = approved.facility_id and h.pledge_id = any (named)
        returning h.*
    )
    select array_agg(row(g.obligor, g.asset_kind, g.holdings, g.value_minor)::collateral.sum)
    into changes
    from (
        select h.obligor, h.asset_kind, -count(*) as holdings, -sum(h.value_minor) as value_minor
        from gone as h
        where h.counts
        group by h.obligor, h.asset_kind
    ) as g;
    if changes is not null then
        perform collateral.add_to_sums(approved.facility_id, changes);
    end if;

    update collateral.cover as c
    set pledges = c.pledges - g.pledges
    from (
        select p.filing_id, p.agreement_id, p.debtor_party_id, a.kind, count(*) as pledges
        from collateral.pledge as p
        join collateral.asset as a on a.facility_id = p.facility_id and a.asset_id = p.asset_id
        where p.facility_id = approved.facility_id and p.pledge_id = any (named)
        group by p.filing_id, p.agreement_id, p.debtor_party_id, a.kind
    ) as g
    where c.facility_id = approved.facility_id
        and (c.filing_id, c.agreement_id, c.debtor_party_id, c.asset_kind)
            = (g.filing_id, g.agreement_id, g.debtor_party_id, g.kind);

    update collateral.pledge as p
    set released_on = greatest(today, p.pledged_on), release_id = approved.release_id
    where p.facility_id = approved.facility_id and p.pledge_id = any (named);
    delete from collateral.precedence as o
    using collateral.pledge as p
    where p.facility_id = approved.facility_id
        and p.pledge_id = any (named)
        and (o.facility_id, o.subject_kind, o.subject_id) = (p.facility_id, 'asset', p.asset_id);
    perform collateral.recompute_standing(approved.filing_id);
    return approved;
end
$$;
comment on function collateral.approve_release(collateral.release, bytea) is
    'Makes a release take effect. Its pledges end, and an amendment that was filed under it has its effect.';
