use shared::{
    gateway::ReleaseFilter,
    http::{Problem, cursor::page_size, read_query_with_lists},
    paging::NewestFirstCursor,
};

/// `limit`, `cursor`, `status`, `facility_id`: all optional. `status` may be given several times.
pub(crate) fn read(query: &str) -> Result<ReleaseFilter, Problem> {
    read_query_with_lists(query, &["status"], |query| {
        let page_size = page_size(query);
        let cursor = query.optional_with("cursor", NewestFirstCursor::parse);
        let statuses = query.each("status");
        let facility_id = query.optional("facility_id");
        Some(ReleaseFilter {
            page_size: page_size?,
            cursor: cursor?,
            statuses: statuses?,
            facility_id: facility_id?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries() {
        assert_eq!(read("").unwrap().statuses, None);
        let several = read("status=REQUESTED&limit=7&status=EXPIRED").unwrap();
        assert_eq!(several.statuses.unwrap().len(), 2);
        for bad in [
            "status=requested",
            "status=",
            "status=APPROVED&status=APPROVED",
            "status=REQUESTED,APPROVED",
            "facility_id=1",
            "limit=0",
            "cursor=AAAA",
            "kind=assets",
        ] {
            assert!(matches!(read(bad), Err(Problem::Invalid(_))), "{bad}");
        }
    }
}
