create or replace function gateway.reconcile_books(_books text, _after_id uuid, _batch_size int4)
returns ledger.reply
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    batch uuid[];
    id uuid;
    imbalances jsonb := '[]';
begin
    perform auth.authenticate_system('reconcile-books');
    perform ledger.require_arguments(num_nulls(_books, _batch_size));

    case _books
        when 'allocators' then
            batch := array(
                select a.allocator_id
                from capital.allocator as a
                where _after_id is null or a.allocator_id > _after_id
                order by a.allocator_id
                limit _batch_size
            );
            foreach id in array batch loop
                perform auth.scope_to(id);
                imbalances := imbalances || (
                    select coalesce(jsonb_agg(i), '[]') from capital.imbalances_of_allocator(id) as i
                );
            end loop;
        when 'facilities' then
            batch := array(
                select f.facility_id
                from capital.facility as f
                where _after_id is null or f.facility_id > _after_id
                order by f.facility_id
                limit _batch_size
            );
            foreach id in array batch loop
                imbalances := imbalances || (
                    select coalesce(jsonb_agg(i), '[]') from capital.imbalances_of_facility(id) as i
                );
            end loop;
    end case;

    return ledger.ok(jsonb_build_object(
        'reconciled', cardinality(batch),
        'last_id', batch[cardinality(batch)],
        'more', cardinality(batch) = _batch_size,
        'imbalances', imbalances
    ));
end
$$;
comment on function gateway.reconcile_books is
    'Scheduled: adds up the books of the next allocators, or facilities, after that one. Reads only; each call sees '
    'one snapshot.';

grant execute on function gateway.reconcile_books to reconcile_books;
