create or replace function gateway.migrate(
    _attempt text,
    _settings jsonb
)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    known ledger.reply;
    last tlog.entry;
    settings_issuer constant text := _settings ->> 'issuer';
    settings_audience constant text := _settings ->> 'audience';
    settings_client_ids text[];
    platform_agent constant text := _settings ->> 'platform_agent_id';
begin
    -- This call is sealed with the new key as well. By its policy the key is this login's to replace.
    perform auth.start('system');
    perform auth.replace_seal_key();
    perform auth.authenticate_system('migrate');
    perform ledger.require_arguments(num_nulls(_attempt));
    if num_nulls(settings_issuer, settings_audience, platform_agent) is distinct from 0
        or jsonb_typeof(_settings -> 'client_ids') is distinct from 'array'
    then
        raise exception using errcode = 'OPK04', message = 'settings-incomplete';
    end if;
    settings_client_ids := array(
        select id from jsonb_array_elements_text(_settings -> 'client_ids') as id order by id collate "C"
    );

    -- A cluster that a dump was restored into counts transactions from anew; what is concluded in it comes after
    -- all that was concluded before.
    select * into last from tlog.entry as e order by e.index desc limit 1;
    if last.xid >= pg_current_xact_id() and last.epoch = (select max(e.epoch) from tlog.epoch as e) then
        insert into tlog.epoch (epoch) values (last.epoch + 1);
    end if;

    if exists (
        select from auth.expected_claims as e
        where (e.issuer, e.audience, e.client_ids) = (settings_issuer, settings_audience, settings_client_ids)
    ) and exists (
        select from capital.agent as a where a.agent_id = platform_agent and a.kind = 'platform'
    ) then
        return ledger.ok('{"changed": false}');
    end if;

    known := ledger.claim_system('', jsonb_build_object(
        'attempt', _attempt, 'client_key', _attempt, 'body', _settings::text
    ));
    if known.outcome is not null then
        return known;
    end if;

    insert into auth.expected_claims as e (issuer, audience, client_ids, revision)
    values (settings_issuer, settings_audience, settings_client_ids, 1)
    on conflict on constraint expected_claims_pkey
        do update set
            issuer = excluded.issuer,
            audience = excluded.audience,
            client_ids = excluded.client_ids,
            revision = e.revision + 1;
    if not exists (
        select from capital.agent as a where a.agent_id = platform_agent and a.kind = 'platform'
    ) then
        insert into capital.agent (agent_id, kind, name)
        values (platform_agent, 'platform', platform_agent);
    end if;
    return ledger.conclude('accepted', 200, null, '{"changed": true}');
end
$$;
comment on function gateway.migrate is
    'The last step of a deployment: which tokens are accepted, and which agent onboards. Changes are commitments like '
    'all others.';

grant execute on function gateway.migrate to migrate;
