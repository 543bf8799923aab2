create or replace function gateway.migrate(
    _attempt text,
    _issuer text,
    _audience text,
    _platform_agent_id text
)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    known ledger.reply;
    last tlog.entry;
begin
    perform auth.authenticate_system('migrate');

    -- A cluster that a dump was restored into counts transactions from anew; what is concluded in it comes after
    -- all that was concluded before.
    select * into last from tlog.entry as e order by e.index desc limit 1;
    if last.xid >= pg_current_xact_id() and last.epoch = (select max(e.epoch) from tlog.epoch as e) then
        insert into tlog.epoch (epoch) values (last.epoch + 1);
    end if;

    if exists (
        select from auth.expected_claims as e where e.issuer = _issuer and e.audience = _audience
    ) and exists (
        select from capital.agent as a where a.agent_id = _platform_agent_id and a.kind = 'platform'
    ) then
        return ledger.ok('{"changed": false}');
    end if;

    known := ledger.claim(
        _attempt, 'migrate', '', _attempt,
        ledger.idempotency_key('system', 'migrate', 'migrate', '', _attempt),
        fixed.tagged_hash(
            'optkas/request-fingerprint/v1', convert_to('migrate', 'UTF8'), '',
            convert_to(jsonb_build_array(_issuer, _audience, _platform_agent_id)::text, 'UTF8')
        )
    );
    if known.outcome is not null then
        return known;
    end if;

    insert into auth.expected_claims as e (issuer, audience)
    values (_issuer, _audience)
    on conflict on constraint expected_claims_pkey
        do update set issuer = excluded.issuer, audience = excluded.audience;
    if not exists (
        select from capital.agent as a where a.agent_id = _platform_agent_id and a.kind = 'platform'
    ) then
        insert into capital.agent (agent_id, kind, name)
        values (_platform_agent_id, 'platform', _platform_agent_id);
    end if;
    return ledger.conclude('accepted', 200, null, '{"changed": true}');
end
$$;
comment on function gateway.migrate is
    'The deployment''s last step: which tokens are for us, and which agent onboards. Changes are commitments like all others.';

grant execute on function gateway.migrate to migrate;
