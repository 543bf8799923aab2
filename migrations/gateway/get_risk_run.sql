create or replace function gateway.get_risk_run(_token text, _run_id uuid)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    allocator uuid := auth.authenticate_member(_token);
    run risk.run;
begin
    select * into run
    from risk.run as r
    where r.run_id = _run_id and r.allocator_id = allocator;
    if not found then
        return ledger.unrecorded('not-found');
    end if;
    return ledger.ok(risk.run_json(run) || risk.run_names(
        run, capital.names_of_people(array[run.created_by::text])
    ) || jsonb_build_object(
        'request', convert_from(run.request, 'UTF8'), 'inputs', run.inputs, 'snapshot', run.snapshot,
        'commitment_id', encode(run.commitment_key, 'hex')
    ));
end
$$;
comment on function gateway.get_risk_run is
    'GET /v1/risk-runs/{id}: one of the allocator''s own, with all that it takes to compute it again.';

grant execute on function gateway.get_risk_run to get_risk_run;
