-- What holds for many tables: which rows may change, which changes are audited, and what auditors read.
--
-- This file is applied last, since it makes the triggers of all schemas fire ALWAYS.

do $$
declare
    protected record;
    name text;
begin
    for protected in
        -- A table, its protection, and the columns of its primary key if changes are audited; after a #, columns that
        -- are recorded by their SHA-256. Append-only: rows never change. Kept: rows change but never go. Deletable:
        -- only truncation is forbidden.
        values
            ('ledger.commitment_ledger', 'append-only', null),
            ('ledger.commitment_outcome', 'append-only', null),
            ('audit.trail', 'append-only', null),
            ('auth.login', 'deletable', null),
            ('auth.seal_key', 'deletable', null),
            ('auth.expected_claims', 'deletable', '{only_row}'),
            ('auth.signing_key', 'kept', '{kid}'),
            ('auth.retired_key', 'append-only', '{thumbprint}'),
            ('auth.verified_token', 'deletable', null),
            ('capital.allocator', 'deletable', '{allocator_id}'),
            ('capital.member', 'deletable', '{sub}'),
            ('capital.member_name', 'deletable', null),
            ('capital.member_role', 'deletable', '{sub, role}'),
            ('capital.agent', 'deletable', '{agent_id}'),
            ('capital.facility', 'deletable', '{facility_id}'),
            ('capital.admission', 'deletable', '{facility_id, allocator_id}'),
            ('capital.facility_slot', 'kept', '{facility_id, slot}'),
            ('capital.settlement', 'kept', '{settlement_id}'),
            ('capital.settlement_transition', 'append-only', '{settlement_id, seq}'),
            ('capital.account', 'kept', '{account_id}'),
            ('capital.journal', 'append-only', '{journal_id}'),
            ('capital.posting', 'append-only', '{account_id, account_version}'),
            ('tlog.epoch', 'append-only', null),
            ('tlog.entry', 'append-only', null),
            ('tlog.node', 'append-only', null),
            ('tlog.turn', 'kept', null),
            ('tlog.horizon', 'deletable', null),
            ('tlog.checkpoint', 'append-only', null),
            ('tlog.anchor_intent', 'append-only', null),
            ('tlog.anchor_transaction', 'append-only', null),
            ('tlog.anchor', 'append-only', null),
            ('collateral.party', 'kept', '{facility_id, party_id}'),
            ('collateral.filing', 'append-only', '{facility_id, filing_id}'),
            ('collateral.precedence', 'deletable', '{subject_kind, fingerprint, facility_id}'),
            ('collateral.filing_party', 'append-only', '{facility_id, filing_id, role, party_id}'),
            ('collateral.agreement', 'append-only', '{facility_id, agreement_id}'),
            ('collateral.asset', 'append-only', '{facility_id, asset_id}'),
            ('collateral.release', 'kept', '{release_id}'),
            ('collateral.pledge', 'kept', '{facility_id, pledge_id}'),
            ('collateral.release_pledge', 'append-only', '{facility_id, release_id, pledge_id}'),
            ('collateral.amendment', 'append-only', '{facility_id, amendment_id}'),
            (
                'collateral.filing_standing', 'kept',
                '{facility_id, filing_id, #debtors, #secured_parties, #descriptions, #effects}'
            ),
            ('collateral.valuation', 'append-only', '{facility_id, asset_id, valuation_id}'),
            ('collateral.custody_receipt', 'append-only', '{facility_id, asset_id, receipt_id}'),
            ('collateral.search', 'append-only', '{facility_id, search_id}'),
            ('collateral.search_finding', 'append-only', '{facility_id, search_id, file_number}'),
            ('collateral.rules', 'append-only', '{facility_id, version}'),
            ('collateral.rule_kind', 'append-only', '{facility_id, version, asset_kind}'),
            ('collateral.holding', 'deletable', '{facility_id, pledge_id}'),
            ('collateral.cover', 'kept', '{facility_id, filing_id, agreement_id, debtor_party_id, asset_kind}'),
            ('collateral.kind_sum', 'kept', '{facility_id, asset_kind}'),
            ('collateral.obligor_sum', 'kept', '{facility_id, obligor}'),
            ('collateral.obligor_kind_sum', 'kept', '{facility_id, obligor, asset_kind}'),
            ('collateral.borrowing_base', 'append-only', '{settlement_id, version}'),
            ('collateral.warning', 'kept', '{facility_id, kind, subject, occurrence}'),
            ('risk.profile', 'append-only', '{facility_id, version}'),
            ('risk.matrix', 'append-only', '{version}'),
            ('risk.matrix_row', 'append-only', '{version, place}'),
            ('risk.run', 'append-only', '{run_id}')
    loop
        name := split_part(protected.column1, '.', 2);
        execute format(
            'create trigger %I before %s on %s for each statement execute function ledger.forbid_change()',
            name || case protected.column2
                when 'append-only' then '_append_only'
                when 'kept' then '_kept'
                else '_no_truncate'
            end,
            case protected.column2
                when 'append-only' then 'update or delete or truncate'
                when 'kept' then 'delete or truncate'
                else 'truncate'
            end,
            protected.column1);
        if protected.column3 is not null then
            execute format(
                'create trigger %I after insert or update or delete on %s
                for each row execute function audit.record(%L, %L%s)',
                name || '_audit',
                protected.column1,
                '{"table":' || to_json(protected.column1) || ',"key":'
                    || array_to_json(array(select k from unnest(protected.column3::text[]) as k where k not like '#%'))
                    || ',"command":"',
                case when exists (
                    select from pg_attribute as a
                    where a.attrelid = protected.column1::regclass and a.attname = 'allocator_id'
                ) then 'of-allocator' else 'of-nobody' end,
                (
                    select string_agg(', ' || quote_literal(substr(k, 2)), '')
                    from unnest(protected.column3::text[]) as k
                    where k like '#%'
                ));
        end if;
    end loop;
end
$$;

-- Row-level security holds for the owner too, who runs every gateway function. A table without a policy shows nothing.
do $$
declare
    protected record;
begin
    for protected in
        select c.oid::regclass as name, n.nspname as schema, c.relname
        from pg_class as c
        join pg_namespace as n on n.oid = c.relnamespace
        where c.relkind = 'r'
            and n.nspname in ('audit', 'auth', 'capital', 'collateral', 'lane', 'ledger', 'risk', 'tlog')
    loop
        execute format('alter table %s enable row level security', protected.name);
        execute format('alter table %s force row level security', protected.name);
        -- Auditors read all that can be compared with the log. The memo of verified tokens is no evidence, and the key
        -- of seals is a secret. People's names are no evidence either, and must not live on in an auditor's copy. Lanes
        -- have no rows.
        continue when protected.relname in ('verified_token', 'member_name', 'seal_key') or protected.schema = 'lane';
        execute format('grant usage on schema %I to optkas_auditor', protected.schema);
        execute format('grant select on %s to optkas_auditor', protected.name);
        execute format('create policy %I on %s for select to optkas_auditor using (true)',
            protected.relname || '_audit', protected.name);
    end loop;
end
$$;

-- ALWAYS: a trigger fires in a session with session_replication_role = replica as well.
do $$
declare
    ordinary record;
begin
    for ordinary in
        select t.tgname, t.tgrelid::regclass as name
        from pg_trigger as t
        join pg_class as c on c.oid = t.tgrelid
        join pg_namespace as n on n.oid = c.relnamespace
        where not t.tgisinternal
            and n.nspname in ('audit', 'auth', 'capital', 'collateral', 'lane', 'ledger', 'risk', 'tlog')
    loop
        execute format('alter table %s enable always trigger %I', ordinary.name, ordinary.tgname);
    end loop;
end
$$;
