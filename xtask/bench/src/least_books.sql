-- The least that keeps books: a key, two balances that may not go below nought, a journal, two postings. The reference
-- for what our promises cost.
drop schema if exists least cascade;
create schema least;
create table least.key (hash bytea primary key, request jsonb not null, at timestamptz not null default now());
create table least.account (id bigint primary key, balance bigint not null check (balance >= 0));
create table least.journal (
    id bigint generated always as identity primary key,
    at timestamptz not null default now()
);
create table least.posting (
    id bigint generated always as identity primary key,
    journal bigint not null references least.journal,
    account bigint not null references least.account,
    amount bigint not null
);
create index on least.posting (account);
insert into least.account select id, 1000000000000 from generate_series(1, 20000) as id;
