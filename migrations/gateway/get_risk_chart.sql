create or replace function gateway.get_risk_chart(_token text, _run_id uuid)
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
    return ledger.ok(risk.run_json(run) || jsonb_build_object(
        'snapshot', run.snapshot,
        'allocator_name', capital.name_of_allocator()
    ));
end
$$;
comment on function gateway.get_risk_chart is
    'GET /v1/risk-runs/{id}/chart.svg: one of the allocator''s own runs, with what its chart shows.';

grant execute on function gateway.get_risk_chart to get_risk_chart;
