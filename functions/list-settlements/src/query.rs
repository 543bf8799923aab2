use shared::{
    gateway::SettlementFilter,
    http::{Problem, cursor::page_size, instant::parse_instant, read_query},
    paging::NewestFirstCursor,
};

/// `limit`, `cursor`, `status`, `facility_id`, `created_after`, `created_before`: all optional.
pub(crate) fn read(query: &str) -> Result<SettlementFilter, Problem> {
    read_query(query, |query| {
        let page_size = page_size(query);
        let cursor = query.optional_with("cursor", NewestFirstCursor::parse);
        let status = query.optional("status");
        let facility_id = query.optional("facility_id");
        let created_after = query.optional_with("created_after", parse_instant);
        let created_before = query.optional_with("created_before", parse_instant);
        Some(SettlementFilter {
            page_size: page_size?,
            cursor: cursor?,
            status: status?,
            facility_id: facility_id?,
            created_after: created_after?,
            created_before: created_before?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries() {
        assert_eq!(read("").unwrap().page_size, 50);
        for good in [
            "limit=1",
            "limit=100&status=PENDING",
            "facility_id=6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
            "created_after=2026-11-23T00:00:00Z&created_before=2026-11-24T00:00:00%2B01:00",
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
            "facility_id=1",
            "created_after=yesterday",
            "created_before=2026-11-24T00:00:00+01:00",
            "cursor=",
            "cursor=AAAA",
            "allocator_id=6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
            "%00",
        ] {
            assert!(matches!(read(bad), Err(Problem::Invalid(_))), "{bad}");
        }
    }
}
