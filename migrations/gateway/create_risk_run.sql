create or replace function gateway.create_risk_run(
    _token text,
    _claim jsonb,
    _request bytea,
    _result jsonb
)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    allocator uuid := auth.authenticate_member(_token);
    -- The function in front may say what it likes was asked: the request itself is recorded, and its hash is claimed.
    claim constant jsonb := _claim
        || jsonb_build_object('fingerprint', encode(ledger.fingerprint('', _request), 'hex'));
    currency constant text := fixed.risk_request(_request) ->> 'currency';
    claimed ledger.commitment_ledger := ledger.claimed('', claim);
    known ledger.reply := ledger.recall(claimed);
    book risk.book;
    recorded risk.run;
    refusal text;
    members text;
begin
    if known.outcome is not null then
        return known;
    end if;

    begin
        book := risk.book_of(allocator, currency);
    exception
        when sqlstate 'OPK01' then
            get stacked diagnostics refusal = message_text, members = pg_exception_detail;
    end;
    -- Without results, or with those of another book, nothing is claimed: the caller computes from this one.
    if refusal is null
        and _result ->> 'snapshot_sha256' is distinct from encode(fixed.text_sha256(book.snapshot), 'hex')
    then
        return ledger.ok(jsonb_build_object(
            'run_id', fixed.risk_run_id(claimed.key), 'snapshot', book.snapshot
        ));
    end if;

    known := ledger.claim('', claim);
    if known.outcome is not null then
        return known;
    end if;
    if refusal is not null then
        return ledger.conclude_refused(allocator, refusal, members);
    end if;
    insert into risk.run (run_id, allocator_id, currency, created_by, request, log_size, inputs, snapshot, result)
    values (
        fixed.risk_run_id(claimed.key), allocator, currency, auth.sub(), _request,
        coalesce((tlog.latest_checkpoint()).size, 0), book.inputs, book.snapshot, _result
    )
    returning * into recorded;
    return ledger.conclude('accepted', 201, allocator, risk.run_json(recorded));
end
$$;
comment on function gateway.create_risk_run is
    'POST /v1/risk-runs, called twice. Without results it answers the book that they are computed from; with results '
    'it records them, if the book is still the same.';

grant execute on function gateway.create_risk_run to create_risk_run;
