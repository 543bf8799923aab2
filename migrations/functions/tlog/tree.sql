-- The Merkle tree of the log (RFC 9162, 2.1), computed from the complete subtrees in tlog.node.

create or replace function tlog.size()
returns bigint
language sql
stable
return coalesce((select max(e.index) + 1 from tlog.entry as e), 0);
comment on function tlog.size() is 'The number of outcomes that have a place.';

create or replace function tlog.subtree(_level int4, _index bigint, _size bigint)
returns bytea
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    middle numeric := (2 * _index + 1)::numeric * 2::numeric ^ (_level - 1);
begin
    -- Numeric, since an index near the end of bigint times a power of two is beyond bigint.
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
    'The hash MTH(D[index * 2^level : min((index + 1) * 2^level, size)]) of RFC 9162, 2.1.1. The range is not empty.';

create or replace function tlog.height(_size bigint)
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
comment on function tlog.height(bigint) is 'The number of levels above the leaves in a tree of that size.';

create or replace function tlog.root(_size bigint)
returns bytea
language sql
stable
return case
    when _size = 0 then sha256(''::bytea)
    when _size between 1 and tlog.size() then tlog.subtree(tlog.height(_size), 0, _size)
end;
comment on function tlog.root(bigint) is
    'The root MTH(D_size) of RFC 9162, 2.1.1; null for a size that is not reached.';

create or replace function tlog.inclusion_path(_index bigint, _size bigint)
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
    'The path PATH(index, D_size) of RFC 9162, 2.1.3.1, from the leaf''s sibling up. The index is below the size.';
