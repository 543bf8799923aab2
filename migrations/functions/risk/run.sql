-- Risk runs as replies show them.

create or replace function risk.run_json(_run risk.run)
returns jsonb
language sql
stable
return jsonb_build_object(
    'id', (_run).run_id,
    'allocator_id', (_run).allocator_id,
    'created_by', (_run).created_by,
    'created_at', ledger.rfc3339((_run).created_at),
    'log_size', (_run).log_size,
    'result', (_run).result
);
comment on function risk.run_json(risk.run) is
    'A run as replies to mutations show it, without names, since such a reply is kept for ever.';

create or replace function risk.run_names(_run risk.run, _people jsonb)
returns jsonb
language sql
stable
return jsonb_build_object(
    'allocator_name', capital.name_of_allocator(),
    'created_by_name', _people -> (_run).created_by::text
);
comment on function risk.run_names(risk.run, jsonb) is
    'The names beside the ids of a run of the reader''s own allocator; those of people are given.';

create or replace function risk.run_summary(_run risk.run, _people jsonb)
returns jsonb
language sql
stable
return risk.run_json(_run) || risk.run_names(_run, _people)
    || jsonb_build_object('result', fixed.risk_summary((_run).result));
comment on function risk.run_summary(risk.run, jsonb) is
    'A run in a list, without what grows with the number of names.';
