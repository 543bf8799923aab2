use shared::{
    collateral::WarningStatus,
    gateway::WarningFilter,
    http::{Problem, cursor::page_size, read_query_with_lists},
    paging::NewestFirstCursor,
};

/// `limit`, `cursor`, `status`, `facility_id`, `kind`: all optional. `status` and `kind` may be given several times;
/// without a `status` the open ones are meant.
pub(crate) fn read(query: &str) -> Result<WarningFilter, Problem> {
    read_query_with_lists(query, &["status", "kind"], |query| {
        let page_size = page_size(query);
        let cursor = query.optional_with("cursor", NewestFirstCursor::parse);
        let statuses = query.each("status");
        let facility_id = query.optional("facility_id");
        let kinds = query.each("kind");
        Some(WarningFilter {
            page_size: page_size?,
            cursor: cursor?,
            statuses: statuses?.unwrap_or_else(|| vec![WarningStatus::OPEN]),
            facility_id: facility_id?,
            kinds: kinds?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries() {
        let plain = read("").unwrap();
        assert_eq!(plain.statuses, [WarningStatus::OPEN]);
        assert_eq!(plain.kinds, None);
        let several = read("status=closed&status=open&kind=base-short&kind=filing-lapsed").unwrap();
        assert_eq!(several.statuses.len(), 2);
        assert_eq!(several.kinds.unwrap().len(), 2);
        for bad in [
            "status=OPEN",
            "status=",
            "status=open&status=open",
            "kind=",
            "kind=nothing",
            "kind=base-short&kind=base-short",
            "facility_id=1",
            "limit=101",
            "cursor=AAAA",
            "subject=x",
        ] {
            assert!(matches!(read(bad), Err(Problem::Invalid(_))), "{bad}");
        }
    }
}
