use shared::{
    gateway::{SettlementFilter, SettlementOrder},
    http::{
        Fields, Problem,
        cursor::page_size,
        instant::{parse_date, parse_instant},
        read_query_with_lists,
    },
    paging::{ChangesCursor, NewestFirstCursor},
};

/// All parameters are optional. `status` may be given several times.
pub(crate) fn read(query: &str) -> Result<SettlementFilter, Problem> {
    read_query_with_lists(query, &["status"], |query| {
        let page_size = page_size(query);
        let order = order(query);
        let statuses = query.each("status");
        let facility_id = query.optional("facility_id");
        let currency = query.optional("currency");
        let value_date = query.optional_with("value_date", parse_date);
        let uetr = query.optional("uetr");
        let reference = query.optional("reference");
        let created_by = query.optional("created_by");
        let not_created_by = query.optional("not_created_by");
        let created_after = query.optional_with("created_after", parse_instant);
        let created_before = query.optional_with("created_before", parse_instant);
        Some(SettlementFilter {
            page_size: page_size?,
            order: order?,
            statuses: statuses?,
            facility_id: facility_id?,
            currency: currency?,
            value_date: value_date?,
            uetr: uetr?,
            reference: reference?,
            created_by: created_by?,
            not_created_by: not_created_by?,
            created_after: created_after?,
            created_before: created_before?,
        })
    })
}

/// `updated_after` chooses the order, and so which cursors there are.
fn order(query: &mut Fields) -> Option<SettlementOrder> {
    match query.optional_with("updated_after", parse_instant) {
        Some(None) => query
            .optional_with("cursor", NewestFirstCursor::parse)
            .map(SettlementOrder::NewestFirst),
        Some(Some(after)) => query
            .optional_with("cursor", ChangesCursor::parse)
            .map(|cursor| SettlementOrder::Changes(after, cursor)),
        None => query.skip("cursor"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cursors of each order: a place in 1970.
    const NEWEST_FIRST: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const CHANGES: &str = "YwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    #[test]
    fn queries() {
        let plain = read("").unwrap();
        assert_eq!(plain.page_size, 50);
        assert_eq!(plain.order, SettlementOrder::NewestFirst(None));
        assert_eq!(plain.statuses, None);
        let several = read("status=PENDING&limit=7&status=VERIFIED").unwrap();
        assert_eq!(several.statuses.unwrap().len(), 2);
        for good in [
            "limit=1",
            "limit=100&status=PENDING",
            "facility_id=6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
            "created_after=2026-11-23T00:00:00Z&created_before=2026-11-24T00:00:00%2B01:00",
            "currency=USD&value_date=2020-02-29&reference=Tranche+4",
            "uetr=97ed4827-7b6f-4491-a06f-b548d5a7512d",
            "created_by=6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
            "not_created_by=6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
            &format!("cursor={NEWEST_FIRST}"),
            &format!("cursor={CHANGES}&updated_after=2026-11-23T00:00:00Z"),
        ] {
            assert!(read(good).is_ok(), "{good}");
        }
        for bad in [
            "limit=0",
            "limit=101",
            "limit=",
            "limit=+1",
            "limit=1&limit=1",
            "status=pending",
            "status=",
            "status=PENDING,VERIFIED",
            "status=PENDING&status=PENDING",
            "status=PENDING&status=paid",
            "facility_id=1",
            "facility_id=6f9619ff-8b86-4d01-b42d-00cf4fc964ff&facility_id=6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
            "currency=usd",
            "value_date=2026-02-29",
            "value_date=2026-11-23T00:00:00Z",
            "uetr=6f9619ff-8b86-1d01-b42d-00cf4fc964ff",
            "reference=",
            "reference=a%0Ab",
            "created_by=me",
            "not_created_by=",
            "created_after=yesterday",
            "created_before=2026-11-24T00:00:00+01:00",
            "updated_after=2026-11-24",
            "cursor=",
            "cursor=AAAA",
            &format!("cursor={CHANGES}"),
            &format!("cursor={NEWEST_FIRST}&updated_after=2026-11-23T00:00:00Z"),
            "allocator_id=6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
            "%00",
        ] {
            assert!(matches!(read(bad), Err(Problem::Invalid(_))), "{bad}");
        }
    }
}
