-- The transparency log: the place of each outcome, the tree over all of them, and what was published.
--
-- Writers touch nothing here that another writer touches. A mutation freezes its leaf in its own outcome.
-- `sequence-tlog` gives the outcomes their places afterwards, one caller at a time and outside SERIALIZABLE: it can
-- neither abort a writer nor be aborted. `sign-checkpoint` and `anchor-checkpoint` record here what they have published
-- elsewhere.
--
-- An auditor believes nothing in this schema: it is compared with what was published.

-- Epochs and places.
create table tlog.epoch (
    epoch int4 not null,
    opened_at timestamptz not null default clock_timestamp(),
    constraint epoch_pkey primary key (epoch)
);
comment on table tlog.epoch is
    'The clusters that this database has lived in, one after the other. gateway.migrate opens an epoch where '
    'transaction ids start anew.';
insert into tlog.epoch (epoch) values (1);

create table tlog.entry (
    index bigint not null,
    previous bigint,
    key fixed.sha256 not null,
    epoch int4 not null,
    xid xid8 not null,
    constraint entry_pkey primary key (index),
    constraint entry_key_key unique (key),
    constraint entry_previous_next check (
        (index = 0 and previous is null) or (index > 0 and previous is not null and previous = index - 1)
    ),
    constraint entry_previous_fkey foreign key (previous) references tlog.entry (index),
    constraint entry_key_fkey foreign key (key) references ledger.commitment_outcome (key)
);
comment on table tlog.entry is
    'Which outcome has which place in the log. Places run from 0 without a gap, since each entry refers to the one '
    'before. Append-only.';
comment on column tlog.entry.epoch is
    'The epoch of the outcome; likewise xid. Those of the last entry say how far the sequencer has come.';

-- Whose turn it is, and how far history is final.
create table tlog.turn (
    only_row boolean not null default true,
    constraint turn_pkey primary key (only_row),
    constraint turn_only_row_single check (only_row)
);
comment on table tlog.turn is
    'The row that a run of sequence-tlog locks, so that one runs at a time. No login can lock it otherwise.';
insert into tlog.turn default values;

create table tlog.horizon (
    taken_at timestamptz not null,
    epoch int4 not null,
    xid xid8 not null,
    constraint horizon_pkey primary key (taken_at)
);
comment on table tlog.horizon is
    'Instants, each with a transaction id that was given later. Once all transactions below it have ended, nothing can '
    'be written at or before the instant any more. A memo: what is older than the last final instant is forgotten.';

-- The tree, and what was published of it.
create table tlog.node (
    level int4 not null,
    index bigint not null,
    hash fixed.sha256 not null,
    constraint node_pkey primary key (level, index),
    constraint node_level_range check (level between 0 and 62),
    constraint node_index_range check (index >= 0)
);
comment on table tlog.node is
    'The Merkle tree (RFC 9162, 2.1): the hash of each complete subtree of 2^level entries. The index counts subtrees '
    'from the left. Append-only.';

create table tlog.checkpoint (
    size bigint not null,
    root fixed.sha256 not null,
    note text not null,
    published_at timestamptz not null default clock_timestamp(),
    constraint checkpoint_pkey primary key (size),
    constraint checkpoint_size_positive check (size > 0),
    constraint checkpoint_note_length check (length(note) between 1 and 65536)
);
comment on table tlog.checkpoint is
    'The checkpoints that were published, as they were: signed by the log, cosigned by its witnesses. Append-only.';

-- Anchoring on a chain: what is meant, what is signed, what is confirmed.
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
    'Which nonce of the anchoring account is for which checkpoint. A chain takes one transaction for a nonce. '
    'Append-only.';

create table tlog.anchor_transaction (
    transaction_hash fixed.hash_0x not null,
    chain_id bigint not null,
    size bigint not null,
    nonce bigint not null,
    raw_transaction text not null,
    prepared_at timestamptz not null default clock_timestamp(),
    constraint anchor_transaction_pkey primary key (transaction_hash),
    constraint anchor_transaction_intent_key unique (transaction_hash, chain_id, size),
    constraint anchor_transaction_intent_fkey foreign key (chain_id, size, nonce)
        references tlog.anchor_intent (chain_id, size, nonce),
    constraint anchor_transaction_raw_transaction_form check (
        raw_transaction ~ '^0x([0-9a-f]{2})+$' and length(raw_transaction) <= 4098
    )
);
comment on table tlog.anchor_transaction is
    'Signed transactions, recorded before they are sent: after a crash the same transaction is sent again. '
    'Append-only.';
create index anchor_transaction_intent_idx on tlog.anchor_transaction (chain_id, size, nonce);

create table tlog.anchor (
    chain_id bigint not null,
    size bigint not null,
    transaction_hash text not null,
    block_number bigint not null,
    block_hash fixed.hash_0x not null,
    anchored_at timestamptz not null default clock_timestamp(),
    constraint anchor_pkey primary key (chain_id, size),
    constraint anchor_transaction_fkey foreign key (transaction_hash, chain_id, size)
        references tlog.anchor_transaction (transaction_hash, chain_id, size),
    constraint anchor_block_number_range check (block_number >= 0)
);
comment on table tlog.anchor is 'The transactions that a chain has confirmed, one for each checkpoint. Append-only.';
create index anchor_size_idx on tlog.anchor (size);
