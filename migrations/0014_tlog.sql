-- The transparency log: each outcome's leaf, its place, and the tree over all of them.
--
-- Writers touch nothing here that another writer touches. A mutation freezes its leaf in its own outcome;
-- `sequence-tlog` gives the outcomes their places afterwards, one caller at a time and outside
-- SERIALIZABLE, so that it can neither abort a writer nor be aborted; `sign-checkpoint` and
-- `anchor-checkpoint` record here what they have published elsewhere. Nothing in this schema is believed by
-- an auditor: it is compared with what was published.

-- ---------------------------------------------------------------------------------------------
-- Who keeps the log.

create or replace function auth.login_kind()
returns text
language sql
stable
return case
    when session_user in ('escrow_webhook', 'settlement_webhook', 'platform_webhook') then 'agent'
    when session_user in (
        'anchor_checkpoint', 'expire_settlements', 'migrate', 'prune_tokens', 'sequence_tlog', 'sign_checkpoint',
        'sync_jwks'
    ) then 'system'
    else 'human'
end;

create function auth.forget()
returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    -- One expression: each statement of its own would be planned and run as a query.
    return set_config('optkas.token', '', true)
        || set_config('optkas.agent', '', true)
        || set_config('optkas.scope', '', true)
        || set_config('optkas.commitment', '', true)
        -- Rows are audited in the text form of these, whatever the session likes to see.
        || set_config('timezone', 'UTC', true)
        || set_config('bytea_output', 'hex', true);
end
$$;
comment on function auth.forget() is 'Forgets whatever the session, or an earlier call, put into our settings.';

create or replace function auth.start()
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    forgotten text;
begin
    -- A role's default can be overridden by the session; the level the promises rest on cannot be
    -- left to it. Everybody is presented first, so nothing runs at a weaker level.
    if current_setting('transaction_isolation') <> 'serializable' then
        raise exception using errcode = 'OPK04', message = 'isolation-too-weak';
    end if;
    forgotten := auth.forget();
end
$$;

create function auth.present_log_keeper(_name text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    forgotten text;
begin
    -- At SERIALIZABLE it would take part in the writers' conflicts and abort them; and it would look at
    -- a snapshot older than the lock it waited for.
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception using errcode = 'OPK04', message = 'isolation-not-read-committed';
    end if;
    forgotten := auth.forget();
    if not auth.is_system(_name) then
        raise exception using errcode = 'OPK04', message = 'not-this-system';
    end if;
end
$$;
comment on function auth.present_log_keeper(text) is
    'Presents one of the functions that keep the log: the only ones that run outside SERIALIZABLE.';

-- ---------------------------------------------------------------------------------------------
-- The leaf: what the log says of one outcome, to the byte. docs/ARCHITECTURE.md has the format; the crate
-- `tlog` renders the same.

-- The hashes below are ledger.tagged_hash written out: every mutation pays for them, and an expression costs a
-- tenth of a call.

create function ledger.leaf_head(_claim ledger.commitment_ledger)
returns text
language sql
stable
return '{"v":1,"key":"' || encode((_claim).key, 'hex')
    || '","fingerprint":"' || encode((_claim).fingerprint, 'hex')
    || '","actor":{"kind":"' || (_claim).principal_kind
    || '","id_hash":"' || encode(sha256(
        sha256('optkas/log-actor/v1'::bytea) || sha256('optkas/log-actor/v1'::bytea)
        || int8send(octet_length((_claim).principal_kind)) || convert_to((_claim).principal_kind, 'UTF8')
        || int8send(octet_length((_claim).principal_id)) || convert_to((_claim).principal_id, 'UTF8')
    ), 'hex')
    || '"},"operation":' || to_json((_claim).operation)::text
    || ',"resource":' || to_json((_claim).resource)::text
    || ',"attempt":' || to_json((_claim).attempt)::text
    || ',"claimed_at":"' || ledger.rfc3339((_claim).claimed_at) || '"';

comment on function ledger.leaf_head(ledger.commitment_ledger) is
    'The part of a leaf that the claim knows. The actor is a hash: whoever erases the person leaves nothing to link.';

create function ledger.leaf_tail(
    _outcome ledger.commitment_outcome,
    _body bytea,
    _mutations int4,
    _mutations_hash bytea
)
returns text
language sql
stable
return ',"allocator":' || coalesce('"' || (_outcome).allocator_id::text || '"', 'null')
    || ',"outcome":"' || (_outcome).outcome
    || '","status":' || (_outcome).status
    || ',"committed_at":"' || ledger.rfc3339((_outcome).committed_at)
    || '","body_hash":"' || encode(sha256(
        sha256('optkas/log-body/v1'::bytea) || sha256('optkas/log-body/v1'::bytea)
        || int8send(octet_length(_body)) || _body
    ), 'hex')
    || '","mutations":' || _mutations
    || ',"mutations_hash":"' || encode(_mutations_hash, 'hex') || '"}';

comment on function ledger.leaf_tail(ledger.commitment_outcome, bytea, int4, bytea) is
    'The part of a leaf that the outcome knows, and its body in UTF-8. Hashes of what was answered and changed, not what.';

create function ledger.mutations_start()
returns bytea
language sql
immutable
parallel safe
return '\x0000000000000000000000000000000000000000000000000000000000000000'::bytea;
comment on function ledger.mutations_start() is 'The digest of no mutation.';

create function ledger.mutations_add(_hash bytea, _mutation_hash bytea)
returns bytea
language sql
immutable
parallel safe
return sha256(
    sha256('optkas/log-mutations/v1'::bytea) || sha256('optkas/log-mutations/v1'::bytea)
    || '\x0000000000000020'::bytea || _hash
    || '\x0000000000000020'::bytea || _mutation_hash
);
comment on function ledger.mutations_add(bytea, bytea) is
    'The digest of a commitment''s audit rows, one more in the order of their ids. Both are hashes of 32 octets.';

alter table ledger.commitment_outcome
    add column epoch int4,
    add column leaf text;
comment on column ledger.commitment_outcome.epoch is
    'Of the transaction ids: a restored cluster counts from anew, and is ordered after the one it was restored from.';
comment on column ledger.commitment_outcome.leaf is
    'The log''s entry, frozen with the outcome. What is hashed are these bytes in UTF-8, as they are here.';

-- What was concluded before there was a log becomes its beginning.
alter table ledger.commitment_ledger no force row level security;
alter table ledger.commitment_outcome no force row level security;
alter table audit.trail no force row level security;
alter table ledger.commitment_outcome disable trigger commitment_outcome_append_only;
do $$
declare
    earlier record;
    mutation bytea;
    mutations int4;
    digest bytea;
begin
    perform set_config('timezone', 'UTC', true);
    for earlier in
        select l as claim, o as outcome, o.key
        from ledger.commitment_outcome as o
        join ledger.commitment_ledger as l on l.key = o.key
    loop
        mutations := 0;
        digest := ledger.mutations_start();
        for mutation in
            select a.mutation_hash from audit.trail as a where a.commitment_key = earlier.key order by a.id
        loop
            mutations := mutations + 1;
            digest := ledger.mutations_add(digest, mutation);
        end loop;
        update ledger.commitment_outcome as o
        set epoch = 1,
            leaf = ledger.leaf_head(earlier.claim) || ledger.leaf_tail(
                earlier.outcome, convert_to(o.body::text, 'UTF8'), mutations, digest)
        where o.key = earlier.key;
    end loop;
end
$$;
alter table ledger.commitment_outcome enable always trigger commitment_outcome_append_only;
alter table audit.trail force row level security;
alter table ledger.commitment_outcome force row level security;
alter table ledger.commitment_ledger force row level security;

-- Each outcome was just rewritten in this very transaction, which holds the table anyway: no lock is spared by
-- checking later. A database of before the log is a young one.
alter table ledger.commitment_outcome
    -- squawk-ignore adding-not-nullable-field
    alter column epoch set not null,
    -- squawk-ignore adding-not-nullable-field
    alter column leaf set not null,
    -- A C2SP entry bundle gives the length of an entry sixteen bits.
    -- squawk-ignore constraint-missing-not-valid
    add constraint commitment_outcome_leaf_length check (octet_length(leaf) between 2 and 65535);

-- squawk-ignore require-concurrent-index-creation
create unique index commitment_outcome_place_idx on ledger.commitment_outcome (epoch, xid, key);

-- ---------------------------------------------------------------------------------------------
-- Places.

create table tlog.epoch (
    epoch int4 not null,
    opened_at timestamptz not null default clock_timestamp(),
    constraint epoch_pkey primary key (epoch)
);
comment on table tlog.epoch is
    'The clusters this database has lived in, one after the other. gateway.migrate opens one where transaction ids start anew.';
insert into tlog.epoch (epoch) values (1);

create table tlog.entry (
    index bigint not null,
    previous bigint,
    key bytea not null,
    epoch int4 not null,
    xid xid8 not null,
    constraint entry_pkey primary key (index),
    constraint entry_key_key unique (key),
    constraint entry_previous_next check (
        (index = 0 and previous is null) or (index > 0 and previous = index - 1)
    ),
    constraint entry_previous_fkey foreign key (previous) references tlog.entry (index),
    constraint entry_key_fkey foreign key (key) references ledger.commitment_outcome (key)
);
comment on table tlog.entry is
    'Which outcome has which place in the log. Append-only, from 0 without a gap: each entry refers to the one before.';
comment on column tlog.entry.epoch is 'Of the outcome, as xid: the last entry''s are how far the sequencer has come.';

create table tlog.node (
    level int4 not null,
    index bigint not null,
    hash bytea not null,
    constraint node_pkey primary key (level, index),
    constraint node_level_range check (level between 0 and 62),
    constraint node_index_range check (index >= 0),
    constraint node_hash_length check (octet_length(hash) = 32)
);
comment on table tlog.node is
    'The Merkle tree (RFC 9162, 2.1): the hash of each complete subtree of 2^level entries, the index-th from the left. Append-only.';

create table tlog.checkpoint (
    size bigint not null,
    root bytea not null,
    note text not null,
    published_at timestamptz not null default clock_timestamp(),
    constraint checkpoint_pkey primary key (size),
    constraint checkpoint_size_positive check (size > 0),
    constraint checkpoint_root_length check (octet_length(root) = 32),
    constraint checkpoint_note_length check (length(note) between 1 and 65536)
);
comment on table tlog.checkpoint is
    'The checkpoints that were published, as they were: signed by the log, cosigned by its witnesses. Append-only.';

create table tlog.anchor_intent (
    chain_id bigint not null,
    size bigint not null,
    address text not null,
    nonce bigint not null,
    constraint anchor_intent_pkey primary key (chain_id, size, nonce),
    constraint anchor_intent_nonce_key unique (chain_id, address, nonce),
    constraint anchor_intent_size_fkey foreign key (size) references tlog.checkpoint (size),
    constraint anchor_intent_chain_id_positive check (chain_id > 0),
    constraint anchor_intent_nonce_range check (nonce >= 0),
    constraint anchor_intent_address_form check (address ~ '^0x[0-9a-f]{40}$')
);
comment on table tlog.anchor_intent is
    'Which nonce of the anchoring account is for which checkpoint: a chain takes one transaction for a nonce. Append-only.';

create table tlog.anchor_transaction (
    transaction_hash text not null,
    chain_id bigint not null,
    size bigint not null,
    nonce bigint not null,
    raw_transaction text not null,
    prepared_at timestamptz not null default clock_timestamp(),
    constraint anchor_transaction_pkey primary key (transaction_hash),
    constraint anchor_transaction_intent_key unique (transaction_hash, chain_id, size),
    constraint anchor_transaction_intent_fkey foreign key (chain_id, size, nonce)
        references tlog.anchor_intent (chain_id, size, nonce),
    constraint anchor_transaction_transaction_hash_form check (transaction_hash ~ '^0x[0-9a-f]{64}$'),
    constraint anchor_transaction_raw_transaction_form check (
        raw_transaction ~ '^0x([0-9a-f]{2})+$' and length(raw_transaction) <= 4098
    )
);
comment on table tlog.anchor_transaction is
    'Signed transactions, recorded before they are sent: after a crash the same one is sent again. Append-only.';
create index anchor_transaction_intent_idx on tlog.anchor_transaction (chain_id, size, nonce);

create table tlog.anchor (
    chain_id bigint not null,
    size bigint not null,
    transaction_hash text not null,
    block_number bigint not null,
    block_hash text not null,
    anchored_at timestamptz not null default clock_timestamp(),
    constraint anchor_pkey primary key (chain_id, size),
    constraint anchor_transaction_fkey foreign key (transaction_hash, chain_id, size)
        references tlog.anchor_transaction (transaction_hash, chain_id, size),
    constraint anchor_block_number_range check (block_number >= 0),
    constraint anchor_block_hash_form check (block_hash ~ '^0x[0-9a-f]{64}$')
);
comment on table tlog.anchor is 'The transactions that a chain has confirmed: one for a checkpoint. Append-only.';
create index anchor_size_idx on tlog.anchor (size);

do $$
declare
    kept text;
begin
    foreach kept in array array[
        'epoch', 'entry', 'node', 'checkpoint', 'anchor_intent', 'anchor_transaction', 'anchor'
    ]
    loop
        execute format(
            'create trigger %I before update or delete or truncate on tlog.%I
            for each statement execute function ledger.forbid_change()', kept || '_append_only', kept);
        execute format('alter table tlog.%I enable always trigger %I', kept, kept || '_append_only');
        execute format('alter table tlog.%I enable row level security', kept);
        execute format('alter table tlog.%I force row level security', kept);
        -- What a log says is for everybody whom a gateway function lets ask: no row here is an allocator's own.
        execute format('create policy %I on tlog.%I for select to optkas_owner using (true)', kept || '_read', kept);
        execute format('create policy %I on tlog.%I for select to optkas_auditor using (true)', kept || '_audit', kept);
        execute format('grant select on tlog.%I to optkas_auditor', kept);
    end loop;
end
$$;

create policy epoch_open on tlog.epoch
    for insert
    to optkas_owner
    with check ((select auth.is_system('migrate')));
create policy entry_place on tlog.entry
    for insert
    to optkas_owner
    with check ((select auth.is_system('sequence-tlog')));
create policy node_place on tlog.node
    for insert
    to optkas_owner
    with check ((select auth.is_system('sequence-tlog')));
create policy checkpoint_publish on tlog.checkpoint
    for insert
    to optkas_owner
    with check ((select auth.is_system('sign-checkpoint')));
create policy anchor_intent_prepare on tlog.anchor_intent
    for insert
    to optkas_owner
    with check ((select auth.is_system('anchor-checkpoint')));
create policy anchor_transaction_prepare on tlog.anchor_transaction
    for insert
    to optkas_owner
    with check ((select auth.is_system('anchor-checkpoint')));
create policy anchor_confirm on tlog.anchor
    for insert
    to optkas_owner
    with check ((select auth.is_system('anchor-checkpoint')));

create policy commitment_outcome_place on ledger.commitment_outcome
    for select
    to optkas_owner
    using ((select auth.is_system('sequence-tlog')) or (select auth.is_system('sign-checkpoint')));

-- ---------------------------------------------------------------------------------------------
-- Writers: claim, audit and conclude, with the leaf.

create function tlog.present_epoch()
returns int4
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    present record;
begin
    select e.epoch, last.epoch as last_epoch, last.xid
    into present
    from (select max(epoch) as epoch from tlog.epoch) as e
    left join lateral (
        select n.epoch, n.xid from tlog.entry as n order by n.index desc limit 1
    ) as last on true;
    -- Below the sequencer's place nobody looks again. In one cluster ids only rise; this is another one.
    if present.last_epoch = present.epoch and present.xid >= pg_current_xact_id() then
        raise exception using errcode = 'OPK04', message = 'epoch-over',
            hint = 'This cluster counts transactions from anew: run migrate, which opens its epoch.';
    end if;
    return present.epoch;
end
$$;
comment on function tlog.present_epoch() is
    'The epoch of an outcome that is concluded now. Raises in a restored cluster until its epoch is open: nothing is lost unseen.';

create or replace function audit.record()
returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    who auth.principal_name := auth.principal();
    entry audit.trail;
    changed jsonb;
    mutations text := coalesce(current_setting('optkas.mutations', true), '');
begin
    if tg_op <> 'INSERT' then
        entry.old_row := to_jsonb(old);
    end if;
    if tg_op <> 'DELETE' then
        entry.new_row := to_jsonb(new);
    end if;
    changed := coalesce(entry.new_row, entry.old_row);

    entry.table_name := tg_table_schema || '.' || tg_table_name;
    entry.operation := tg_op;
    entry.row_key := (
        select jsonb_object_agg(name, changed -> name) from unnest(tg_argv) as key_column (name)
    );
    entry.allocator_id := (changed ->> 'allocator_id')::uuid;
    -- Nobody presented means somebody reached the table without a gateway function; the commitment
    -- below is missing then too, and the change is refused.
    entry.actor_kind := coalesce(who.kind, 'database');
    entry.actor_id := coalesce(who.id, session_user);
    entry.commitment_key := decode(nullif(current_setting('optkas.commitment', true), ''), 'hex');
    entry.at := clock_timestamp();
    entry.mutation_hash := audit.mutation_hash(entry);

    insert into audit.trail
        (commitment_key, allocator_id, table_name, row_key, operation, old_row, new_row,
         actor_kind, actor_id, at, mutation_hash)
    values
        (entry.commitment_key, entry.allocator_id, entry.table_name, entry.row_key, entry.operation,
         entry.old_row, entry.new_row, entry.actor_kind, entry.actor_id, entry.at, entry.mutation_hash);
    -- For the leaf, as <number>:<digest in hex>. Not read back from the table: under SERIALIZABLE that would make writers conflict. It is
    -- undone with the row when a refusal rolls the effect back.
    mutations := set_config('optkas.mutations', case mutations
        when '' then '1:' || encode(ledger.mutations_add(ledger.mutations_start(), entry.mutation_hash), 'hex')
        else (split_part(mutations, ':', 1)::int4 + 1)::text || ':' || encode(
            ledger.mutations_add(decode(split_part(mutations, ':', 2), 'hex'), entry.mutation_hash), 'hex')
    end, true);
    return null;
end
$$;

create or replace function ledger.claim(
    _attempt text,
    _operation text,
    _resource text,
    _client_key text,
    _key bytea,
    _fingerprint bytea
)
returns ledger.reply
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    who auth.principal_name := auth.principal();
    claimed ledger.commitment_ledger;
    put text;
    first record;
    commitment jsonb;
begin
    -- The function in front computed the key; it is not believed. A caller can claim only what
    -- follows from the principal that was presented.
    if _key is distinct from ledger.idempotency_key(
        who.kind, who.id, _operation, _resource, _client_key
    ) then
        raise exception using errcode = 'OPK04', message = 'idempotency-key-not-derived';
    end if;

    -- The insert comes first, with no look before it. Of two racing claims one waits here; when the
    -- other has committed it fails with 40001, and the next try, with a new snapshot, finds the row.
    claimed.key := _key;
    claimed.fingerprint := _fingerprint;
    claimed.principal_kind := who.kind;
    claimed.principal_id := who.id;
    claimed.operation := _operation;
    claimed.resource := _resource;
    claimed.attempt := _attempt;
    claimed.claimed_at := clock_timestamp();
    insert into ledger.commitment_ledger
        (key, fingerprint, principal_kind, principal_id, operation, resource, attempt, claimed_at)
    values
        (claimed.key, claimed.fingerprint, claimed.principal_kind, claimed.principal_id, claimed.operation,
         claimed.resource, claimed.attempt, claimed.claimed_at)
    on conflict on constraint commitment_ledger_pkey do nothing;
    if found then
        put := set_config('optkas.commitment', encode(_key, 'hex'), true)
            || set_config('optkas.mutations', '', true)
            || set_config('optkas.leaf', ledger.leaf_head(claimed), true);
        return null;
    end if;

    select l.fingerprint, l.attempt, o.outcome, o.status, o.body, o.committed_at
    into strict first
    from ledger.commitment_ledger as l
    join ledger.commitment_outcome as o on o.key = l.key
    where l.key = _key;

    commitment := ledger.commitment_json(_key, first.outcome, first.committed_at);
    if first.fingerprint <> _fingerprint then
        return row('reused', 422, jsonb_build_object('commitment', commitment))::ledger.reply;
    end if;
    if first.attempt = _attempt then
        return row('replayed', first.status, first.body)::ledger.reply;
    end if;
    return row('duplicate', 409, jsonb_build_object(
        'commitment', commitment,
        'original', jsonb_build_object(
            'outcome', first.outcome,
            'status', first.status,
            'body', first.body,
            'committed_at', ledger.rfc3339(first.committed_at)
        )
    ))::ledger.reply;
end
$$;

create or replace function ledger.conclude(_outcome text, _status int4, _allocator_id uuid, _body jsonb)
returns ledger.reply
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    who auth.principal_name := auth.principal();
    mutations text := coalesce(current_setting('optkas.mutations', true), '');
    concluded ledger.commitment_outcome;
    body bytea;
begin
    concluded.key := decode(current_setting('optkas.commitment'), 'hex');
    concluded.principal_kind := who.kind;
    concluded.principal_id := who.id;
    concluded.allocator_id := _allocator_id;
    concluded.outcome := _outcome;
    concluded.status := _status;
    concluded.committed_at := clock_timestamp();
    concluded.body := _body || jsonb_build_object(
        'commitment', ledger.commitment_json(concluded.key, _outcome, concluded.committed_at));
    concluded.epoch := tlog.present_epoch();
    body := convert_to(concluded.body::text, 'UTF8');
    concluded.leaf := current_setting('optkas.leaf') || ledger.leaf_tail(
        concluded,
        body,
        coalesce(nullif(split_part(mutations, ':', 1), ''), '0')::int4,
        case when mutations = '' then ledger.mutations_start()
            else decode(split_part(mutations, ':', 2), 'hex') end
    );

    insert into ledger.commitment_outcome
        (key, principal_kind, principal_id, allocator_id, outcome, status, body, committed_at, epoch, leaf)
    values
        (concluded.key, concluded.principal_kind, concluded.principal_id, concluded.allocator_id, concluded.outcome,
         concluded.status, concluded.body, concluded.committed_at, concluded.epoch, concluded.leaf);
    -- What is deferred is checked here, while this principal is presented: at commit the session could
    -- have changed what the checks can see, and the next claim of this transaction, if any, is deferred again.
    set constraints all immediate;
    set constraints all deferred;
    return row(_outcome, _status, concluded.body)::ledger.reply;
end
$$;

-- ---------------------------------------------------------------------------------------------
-- Two more refusals.

create or replace function ledger.problem(_name text, _members jsonb default '{}')
returns jsonb
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    problem record;
begin
    select status, title, detail into strict problem
    from (
        values
            ('not-found', 404, 'Not found', 'There is no such resource for you.'),
            ('role-missing', 403, 'Role missing', 'Your membership does not include a role this needs.'),
            ('four-eyes', 409, 'Four eyes', 'The member who created a settlement cannot verify it.'),
            ('illegal-transition', 409, 'Illegal transition', 'The settlement cannot go from its state to the one asked for.'),
            ('insufficient-capital', 409, 'Insufficient capital', 'The allocator has less available capital than the amount.'),
            ('account-limit', 409, 'Account limit', 'The account cannot hold that much.'),
            ('facility-limit', 409, 'Facility limit', 'The facility has less room under its limit than the amount.'),
            ('expired', 409, 'Expired', 'The settlement''s time has run out.'),
            ('uetr-in-use', 409, 'UETR in use', 'Another settlement of this allocator bears this UETR.'),
            ('currency-mismatch', 409, 'Currency mismatch', 'The currency is not the one of the facility or settlement.'),
            ('amount-mismatch', 409, 'Amount mismatch', 'The amount is not the one of the settlement.'),
            ('facility-mismatch', 409, 'Facility mismatch', 'The facility is not the one of the settlement.'),
            ('already-exists', 409, 'Already exists', 'This id is taken.'),
            ('member-elsewhere', 409, 'Member elsewhere', 'This person is a member of another allocator.'),
            ('not-granted', 409, 'Not granted', 'There is no such membership to revoke.'),
            ('agent-kind', 409, 'Agent of another kind', 'The agent is not registered for this task.'),
            ('keys-vanished', 409, 'Keys vanished', 'The issuer publishes none of the keys in force.'),
            ('key-changed', 409, 'Key changed', 'A kid that is known stands for another key.'),
            ('tlog-mismatch', 409, 'Transparency log mismatch', 'The log in the database is not the one that was signed.'),
            ('not-published', 404, 'Not published', 'The log has not been published that far yet; ask again in a few seconds.'),
            ('key-unacceptable', 409, 'Key unacceptable', 'A key is malformed, too weak, or of another kind than it says.')
    ) as known (name, status, title, detail)
    where known.name = _name;

    return jsonb_build_object(
        'type', 'urn:optkas:problem:' || _name,
        'title', problem.title,
        'status', problem.status,
        'detail', problem.detail
    ) || _members;
end
$$;
-- ---------------------------------------------------------------------------------------------
-- The tree.

create function tlog.size()
returns bigint
language sql
stable
return coalesce((select max(e.index) + 1 from tlog.entry as e), 0);
comment on function tlog.size() is 'How many outcomes have a place.';

create function tlog.subtree(_level int4, _index bigint, _size bigint)
returns bytea
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    middle numeric := (2 * _index + 1)::numeric * 2::numeric ^ (_level - 1);
begin
    -- numeric: an index near the end of bigint times a power of two is over it.
    if (_index + 1)::numeric * 2::numeric ^ _level <= _size then
        return (select n.hash from tlog.node as n where n.level = _level and n.index = _index);
    end if;
    if middle >= _size then
        return tlog.subtree(_level - 1, 2 * _index, _size);
    end if;
    return sha256(
        '\x01'::bytea
        || tlog.subtree(_level - 1, 2 * _index, _size)
        || tlog.subtree(_level - 1, 2 * _index + 1, _size)
    );
end
$$;
comment on function tlog.subtree(int4, bigint, bigint) is
    'MTH(D[index * 2^level : min((index + 1) * 2^level, size)]) of RFC 9162, 2.1.1; the range is not empty.';

create function tlog.height(_size bigint)
returns int4
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    height int4 := 0;
begin
    while height < 62 and (1::bigint << height) < _size loop
        height := height + 1;
    end loop;
    return height;
end
$$;
comment on function tlog.height(bigint) is 'Levels above the leaves of a tree of that size.';

create function tlog.root(_size bigint)
returns bytea
language sql
stable
return case
    when _size = 0 then sha256(''::bytea)
    when _size between 1 and tlog.size() then tlog.subtree(tlog.height(_size), 0, _size)
end;
comment on function tlog.root(bigint) is 'MTH(D_size) of RFC 9162, 2.1.1; null for a size that is not reached.';

create function tlog.inclusion_path(_index bigint, _size bigint)
returns bytea[]
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    path bytea[] := '{}';
    node bigint := _index;
    last bigint := _size - 1;
    level int4 := 0;
begin
    while last > 0 loop
        if node % 2 = 1 then
            path := path || tlog.subtree(level, node - 1, _size);
        elsif node < last then
            path := path || tlog.subtree(level, node + 1, _size);
        end if;
        node := node / 2;
        last := last / 2;
        level := level + 1;
    end loop;
    return path;
end
$$;
comment on function tlog.inclusion_path(bigint, bigint) is
    'PATH(index, D_size) of RFC 9162, 2.1.3.1, from the leaf''s sibling up; index < size.';

create function tlog.base64(_bytes bytea)
returns text
language sql
immutable
parallel safe
return replace(encode(_bytes, 'base64'), E'\n', '');
comment on function tlog.base64(bytea) is 'RFC 4648, 4, in one line.';

create function tlog.latest_checkpoint()
returns tlog.checkpoint
language sql
stable
return (select c from tlog.checkpoint as c order by c.size desc limit 1);
comment on function tlog.latest_checkpoint() is 'The largest that was published; null before the first.';

create function tlog.proof(_leaf text, _index bigint, _checkpoint tlog.checkpoint)
returns text
language sql
stable
return E'c2sp.org/tlog-proof@v1\nextra ' || tlog.base64(convert_to(_leaf, 'UTF8'))
    || E'\nindex ' || _index || E'\n'
    || coalesce((
        select string_agg(tlog.base64(p.hash) || E'\n', '' order by p.place)
        from unnest(tlog.inclusion_path(_index, (_checkpoint).size)) with ordinality as p (hash, place)
    ), '')
    || E'\n' || (_checkpoint).note;
comment on function tlog.proof(text, bigint, tlog.checkpoint) is
    'The receipt: a C2SP tlog-proof whose extra data is the entry itself.';

create function tlog.anchors_json(_size bigint)
returns jsonb
language sql
stable
return coalesce((
    select jsonb_agg(jsonb_build_object(
        'chain_id', a.chain_id,
        'checkpoint_size', a.size,
        'address', i.address,
        'transaction_hash', a.transaction_hash,
        'raw_transaction', t.raw_transaction,
        'block_number', a.block_number,
        'block_hash', a.block_hash,
        'anchored_at', ledger.rfc3339(a.anchored_at)
    ) order by a.chain_id)
    from tlog.anchor as a
    join tlog.anchor_transaction as t on t.transaction_hash = a.transaction_hash
    join tlog.anchor_intent as i on (i.chain_id, i.size, i.nonce) = (t.chain_id, t.size, t.nonce)
    where a.size = _size
), '[]'::jsonb);
comment on function tlog.anchors_json(bigint) is 'Where the checkpoint of that size is anchored.';

-- ---------------------------------------------------------------------------------------------
-- Auditors read every table that is audited, to compare it with its trail.

do $$
declare
    audited record;
begin
    for audited in
        select c.oid::regclass as name, c.relname
        from pg_catalog.pg_trigger as t
        join pg_catalog.pg_class as c on c.oid = t.tgrelid
        where t.tgfoid = 'audit.record'::regproc
            and not pg_catalog.has_table_privilege('optkas_auditor', c.oid, 'select')
    loop
        execute format('create policy %I on %s for select to optkas_auditor using (true)',
            audited.relname || '_audit', audited.name);
        execute format('grant select on %s to optkas_auditor', audited.name);
    end loop;
end
$$;
grant usage on schema auth, tlog to optkas_auditor;
