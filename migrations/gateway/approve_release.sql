create or replace function gateway.approve_release(
    _token text,
    _claim jsonb,
    _release_id uuid,
    _content_sha256 bytea
)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    allocator uuid := auth.authenticate_member(_token);
    known ledger.reply := ledger.claim(_release_id::text, _claim);
    release collateral.release;
    refusal text;
    members text;
begin
    if known.outcome is not null then
        return known;
    end if;

    begin
        perform auth.require_role('checker');
        select * into release
        from collateral.release as r
        where r.release_id = _release_id and r.allocator_id = allocator;
        if not found then
            perform ledger.refuse('not-found');
        end if;
        perform collateral.set_secured_facility(release.facility_id);
        if collateral.led_facility_id() is null then
            perform ledger.refuse('not-lead');
        end if;
        if (release.created_by <> auth.sub()) is not true then
            perform ledger.refuse('four-eyes');
        end if;
        if release.status is distinct from 'REQUESTED' then
            perform ledger.refuse('release-decided');
        end if;
        if (release.created_at > clock_timestamp() - collateral.release_life()) is not true then
            perform ledger.refuse('expired', jsonb_build_object(
                'expires_at', ledger.rfc3339(release.created_at + collateral.release_life())));
        end if;
        release := collateral.approve_release(release, _content_sha256);
    exception
        when sqlstate 'OPK01' then
            get stacked diagnostics refusal = message_text, members = pg_exception_detail;
            return ledger.conclude_refused(allocator, refusal, members);
    end;
    return ledger.conclude('accepted', 200, allocator, collateral.release_json(release));
end
$$;
comment on function gateway.approve_release is
    'POST /v1/releases/{id}/approve: another member, a checker, approves exactly the content whose hash is named. The '
    'release takes effect.';

grant execute on function gateway.approve_release to approve_release;
