use std::collections::HashSet;

use shared::{
    gateway::{NewRelease, Released},
    http::{Fields, Problem, one_of, read_body},
    ids::PledgeId,
};

/// As many as the body's limit has room for, in round numbers.
const PLEDGES_MAX: usize = 1_000;

/// `{kind, filing_id, pledge_ids?, reason}`: the pledges exactly where the kind is `assets`.
pub(crate) fn read(body: &[u8]) -> Result<NewRelease, Problem> {
    read_body(body, |body| {
        let kind = body.required_with("kind", |text| one_of(text, &["assets", "termination"]));
        let filing_id = body.required("filing_id");
        let released = match kind {
            Some("assets") => pledges(body).map(Released::Assets),
            Some(_) => body
                .absent(
                    "pledge_ids",
                    "a termination is of all that is pledged under the filing",
                )
                .map(|()| Released::Termination),
            None => body.skip("pledge_ids"),
        };
        let reason = body.required("reason");
        Some(NewRelease {
            filing_id: filing_id?,
            released: released?,
            reason: reason?,
        })
    })
}

fn pledges(body: &mut Fields) -> Option<Vec<PledgeId>> {
    let mut seen = HashSet::new();
    body.array("pledge_ids", 1..=PLEDGES_MAX, |pledges, index| {
        let pledge = pledges.required(index);
        pledges.once(index, pledge, &mut seen)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";
    const OTHER: &str = "0d6b3b52-21cf-4d2e-9b0a-5c8e2f4b7a10";

    fn with(kind: &str, pledge_ids: &str) -> String {
        format!(r#"{{"kind":"{kind}","filing_id":"{ID}","reason":"Paid off"{pledge_ids}}}"#)
    }

    #[test]
    fn assets_are_named_and_a_termination_is_of_all() {
        let two = format!(r#","pledge_ids":["{ID}","{OTHER}"]"#);
        let named = read(with("assets", &two).as_bytes()).unwrap();
        let expected = [ID, OTHER].map(|id| id.parse().unwrap()).to_vec();
        assert_eq!(named.released, Released::Assets(expected));
        for pledge_ids in ["", r#","pledge_ids":null"#] {
            let all = read(with("termination", pledge_ids).as_bytes()).unwrap();
            assert_eq!(all.released, Released::Termination);
        }
    }

    #[test]
    fn refused_bodies() {
        let one = format!(r#","pledge_ids":["{ID}"]"#);
        let twice = format!(r#","pledge_ids":["{ID}","{ID}"]"#);
        let many: Vec<_> = (0..=PLEDGES_MAX)
            .map(|n| format!(r#""00000000-0000-0000-0000-{n:012x}""#))
            .collect();
        let many = format!(r#","pledge_ids":[{}]"#, many.join(","));
        for body in [
            with("assets", ""),
            with("assets", r#","pledge_ids":[]"#),
            with("assets", r#","pledge_ids":["x"]"#),
            with("assets", r#","pledge_ids":null"#),
            with("assets", &twice),
            with("assets", &many),
            with("termination", &one),
            with("termination", r#","pledge_ids":[]"#),
            with("all", &one),
            with("assets", &one).replace("Paid off", ""),
            with("assets", &one).replace("filing_id", "filing"),
            with("assets", &format!(r#"{one},"approved_by":"{ID}""#)),
        ] {
            assert!(
                matches!(read(body.as_bytes()), Err(Problem::Invalid(_))),
                "{body:.200}"
            );
        }
    }
}
