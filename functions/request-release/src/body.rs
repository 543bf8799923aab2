use std::collections::HashSet;

use shared::{
    collateral::Description,
    gateway::{NewRelease, Released, Removal},
    http::{Fields, Problem, one_of, read_body},
    ids::PledgeId,
};

/// As many as the body's limit has room for, in round numbers.
const PLEDGES_MAX: usize = 1_000;

/// `{kind, filing_id, pledge_ids?, amendment?, reason}`: the pledges exactly where the kind is `assets`, the amendment
/// exactly where it is `amendment`.
pub(crate) fn read(body: &[u8]) -> Result<NewRelease, Problem> {
    read_body(body, |body| {
        let kind = body.required_with("kind", |text| {
            one_of(text, &["assets", "termination", "amendment"])
        });
        let filing_id = body.required("filing_id");
        let released = match kind {
            Some("assets") => pledges(body).map(Released::Assets),
            Some("amendment") => body.object("amendment", removal).map(Released::Amendment),
            Some(_) => Some(Released::Termination),
            None => None,
        };
        for (member, of) in [("pledge_ids", "assets"), ("amendment", "amendment")] {
            match kind {
                Some(kind) if kind == of => {}
                Some(_) => drop(body.absent(member, "does not go with this kind")),
                None => drop(body.skip::<()>(member)),
            }
        }
        let reason = body.required("reason");
        Some(NewRelease {
            filing_id: filing_id?,
            released: released?,
            reason: reason?,
        })
    })
}

/// `{kind, action, role?, party_id?, description?}`: what the amendment must say that the release authorises.
fn removal(amendment: &mut Fields) -> Option<Removal> {
    match amendment.required_with("kind", |text| one_of(text, &["party", "collateral"])) {
        Some("party") => {
            amendment.required_with("action", |text| one_of(text, &["delete"]));
            let role = amendment.required_with("role", |text| one_of(text, &["debtor", "secured"]));
            let party_id = amendment.required("party_id");
            Some(Removal::Party {
                role: role?,
                party_id: party_id?,
            })
        }
        Some(_) => {
            let action =
                amendment.required_with("action", |text| one_of(text, &["delete", "restate"]));
            let description = amendment.required::<Description>("description");
            Some(Removal::Collateral {
                action: action?,
                description: description?,
            })
        }
        None => {
            for member in ["action", "role", "party_id", "description"] {
                amendment.skip::<()>(member);
            }
            None
        }
    }
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
        let all = read(with("termination", "").as_bytes()).unwrap();
        assert_eq!(all.released, Released::Termination);
    }

    const DELETION: &str =
        r#","amendment":{"kind":"collateral","action":"delete","description":"Machine 5"}"#;

    fn of_party(action: &str, role: &str) -> String {
        format!(
            r#","amendment":{{"kind":"party","action":"{action}","role":"{role}","party_id":"{ID}"}}"#
        )
    }

    #[test]
    fn an_amendment_says_all_that_is_filed() {
        let deletion = read(with("amendment", DELETION).as_bytes()).unwrap();
        let expected = Removal::Collateral {
            action: "delete",
            description: "Machine 5".parse().unwrap(),
        };
        assert_eq!(deletion.released, Released::Amendment(expected));
        let party = read(with("amendment", &of_party("delete", "debtor")).as_bytes()).unwrap();
        let expected = Removal::Party {
            role: "debtor",
            party_id: ID.parse().unwrap(),
        };
        assert_eq!(party.released, Released::Amendment(expected));
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
            with("termination", r#","pledge_ids":null"#),
            with("all", &one),
            with("amendment", ""),
            with("amendment", r#","amendment":{}"#),
            with("amendment", &format!("{DELETION}{one}")),
            with("assets", &format!("{DELETION}{one}")),
            with("termination", DELETION),
            with("amendment", &DELETION.replace("delete", "add")),
            with("amendment", &DELETION.replace("Machine 5", "")),
            with("amendment", &DELETION.replace("collateral", "termination")),
            with("amendment", &DELETION.replace("collateral", "party")),
            with("amendment", &of_party("change", "debtor")),
            with("amendment", &of_party("delete", "creditor")),
            with(
                "amendment",
                &of_party("delete", "debtor").replace("party_id", "id"),
            ),
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
