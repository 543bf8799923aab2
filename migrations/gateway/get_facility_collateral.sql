create or replace function gateway.get_facility_collateral(
    _token text,
    _facility_id uuid,
    _page_size int4,
    _cursor_id uuid
)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    allocator uuid := auth.authenticate_member(_token);
    rules collateral.rules;
    page collateral.pledge[];
    next_page uuid;
begin
    if collateral.set_facility(_facility_id) is not true then
        return ledger.unrecorded('not-found');
    end if;
    if (select f.secured from capital.facility as f where f.facility_id = _facility_id) is not true then
        return ledger.ok(jsonb_build_object('facility_id', _facility_id, 'secured', false));
    end if;

    page := array(
        select p
        from collateral.pledge as p
        where p.facility_id = _facility_id
            and p.released_on is null
            and (_cursor_id is null or p.pledge_id > _cursor_id)
        order by p.pledge_id
        limit ledger.page_size(_page_size) + 1
    );
    if cardinality(page) > ledger.page_size(_page_size) then
        page := trim_array(page, 1);
        next_page := page[cardinality(page)].pledge_id;
    end if;
    rules := collateral.rules_in_force(_facility_id);

    return ledger.ok(jsonb_build_object(
        'facility_id', _facility_id,
        'secured', true,
        'rules', collateral.rules_json(rules),
        'borrowing_base', case when rules.version is not null
            then collateral.figures_json(collateral.borrowing_base_recomputed(_facility_id, rules)) end,
        'pledges', (
            select coalesce(jsonb_agg(
                jsonb_build_object(
                    'id', p.pledge_id,
                    'asset_id', p.asset_id,
                    'asset_kind', a.kind,
                    'obligor', a.obligor,
                    'custodian', a.custodian,
                    'fingerprint', encode(p.fingerprint, 'hex'),
                    'filing_id', p.filing_id,
                    'agreement_id', p.agreement_id,
                    'debtor_party_id', p.debtor_party_id,
                    'pledged_on', p.pledged_on,
                    'valued_on', h.valued_on,
                    'value_minor', h.value_minor::text,
                    'held_on', h.held_on,
                    'contested', h.contested,
                    'commitment_id', ledger.readable_id(p.commitment_key)
                )
                order by p.pledge_id
            ), '[]')
            from unnest(page) as p
            join collateral.asset as a on a.facility_id = p.facility_id and a.asset_id = p.asset_id
            join collateral.holding as h on h.facility_id = p.facility_id and h.pledge_id = p.pledge_id
        ),
        'next', next_page,
        'releases', (
            -- All: request-release keeps them within what a reply has room for.
            select collateral.releases_json(array_agg(r order by r.created_at, r.release_id))
            from collateral.release as r
            where r.facility_id = _facility_id
                and r.status = 'REQUESTED'
                and r.created_at > clock_timestamp() - collateral.release_life()
        ),
        'notice', collateral.notice()
    ) || collateral.warnings_json(_facility_id) || collateral.filings_json(_facility_id));
end
$$;
comment on function gateway.get_facility_collateral is
    'GET /v1/facilities/{id}/collateral: filings, pledges a page at a time, the borrowing base added up anew, open '
    'releases and warnings.';

grant execute on function gateway.get_facility_collateral to get_facility_collateral;
