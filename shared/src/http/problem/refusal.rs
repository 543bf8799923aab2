//! Business refusals: what each name means to a caller.
//!
//! The database refuses by name and members, and records these two. Status, title, detail and URN of a name stand here
//! alone: for the first answer, for a duplicate's original, and for an entry that is read from the ledger. The words of
//! a name that was ever answered never change: whoever kept a reply can hold it to the ledger's entry.

use serde_json::{Map, Value};

/// What a refusal's name means to a caller.
#[derive(Debug)]
pub struct Refusal {
    /// The name: the last part of the URN.
    pub name: &'static str,
    /// The HTTP status: 403, 404 or 409.
    pub status: u16,
    /// The kind of refusal, in a few words.
    pub title: &'static str,
    /// One sentence.
    pub detail: &'static str,
}

const fn of(name: &'static str, status: u16, title: &'static str, detail: &'static str) -> Refusal {
    Refusal {
        name,
        status,
        title,
        detail,
    }
}

/// Every refusal, by name.
pub const REFUSALS: &[Refusal] = &[
    of(
        "account-limit",
        409,
        "Account limit",
        "The account cannot hold that much.",
    ),
    of(
        "agent-kind",
        409,
        "Agent of another kind",
        "The agent is not registered for this task.",
    ),
    of(
        "agreement-missing",
        409,
        "Agreement missing",
        "No security agreement in force covers the assets (UCC 9-203).",
    ),
    of("already-exists", 409, "Already exists", "This id is taken."),
    of(
        "already-pledged",
        409,
        "Already pledged",
        "The asset is pledged for a part of that time.",
    ),
    of(
        "amount-mismatch",
        409,
        "Amount mismatch",
        "The amount is not the one of the settlement.",
    ),
    of(
        "availability-short",
        409,
        "Availability short",
        "The borrowing base has less room than the amount.",
    ),
    of(
        "collateral-deficient",
        409,
        "Collateral deficient",
        "The facility's collateral does not bear the settlement; problems lists every reason.",
    ),
    of(
        "collateral-limit",
        409,
        "Collateral limit",
        "The facility, or the filing, has as many of these as can be recorded.",
    ),
    of(
        "coverage-short",
        409,
        "Coverage short",
        "What would be drawn is covered less than the floor.",
    ),
    of(
        "currency-mismatch",
        409,
        "Currency mismatch",
        "The currency is not the one of the facility or settlement.",
    ),
    of(
        "custodian-mismatch",
        409,
        "Custodian mismatch",
        "A receipt is from another custodian than the asset's.",
    ),
    of(
        "custody-missing",
        409,
        "Custody receipt missing",
        "Pledged assets have no custody receipt.",
    ),
    of(
        "custody-stale",
        409,
        "Custody receipt stale",
        "A custody receipt is older than the rules allow.",
    ),
    of(
        "date-ahead",
        409,
        "Date ahead",
        "What is recorded has happened; its date is not to come.",
    ),
    of(
        "expired",
        409,
        "Expired",
        "The settlement's time has run out.",
    ),
    of(
        "facility-limit",
        409,
        "Facility limit",
        "The facility has less room under its limit than the amount.",
    ),
    of(
        "facility-mismatch",
        409,
        "Facility mismatch",
        "The facility is not the one of the settlement.",
    ),
    of(
        "filing-contested",
        409,
        "Filing contested",
        "Another facility recorded the same filing before this one; the platform has to decide.",
    ),
    of(
        "filing-disputed",
        409,
        "Filing disputed",
        "An amendment of record takes cover away without an approved release (UCC 9-509, 9-510).",
    ),
    of(
        "filing-insufficient",
        409,
        "Filing insufficient",
        "A filing does not name the debtor, a secured party and the collateral (UCC 9-502).",
    ),
    of(
        "filing-lapsing",
        409,
        "Filing lapsing",
        "A filing lapses before the value date and its guard (UCC 9-515).",
    ),
    of(
        "filing-missing",
        409,
        "Filing missing",
        "No asset is pledged under a filing.",
    ),
    of(
        "filing-name",
        409,
        "Filing under another name",
        "A filing does not give the debtor the name on its public organic record (UCC 9-503).",
    ),
    of(
        "filing-office",
        409,
        "Filing in another office",
        "A filing is not in the office of the state where the debtor is located (UCC 9-301, 9-307, 9-501).",
    ),
    of(
        "filing-terminated",
        409,
        "Filing terminated",
        "A filing has been terminated (UCC 9-513).",
    ),
    of(
        "four-eyes",
        409,
        "Four eyes",
        "Who asked for it cannot be who approves it.",
    ),
    of(
        "illegal-transition",
        409,
        "Illegal transition",
        "The settlement cannot go from its state to the one asked for.",
    ),
    of(
        "insufficient-capital",
        409,
        "Insufficient capital",
        "The allocator has less available capital than the amount.",
    ),
    of(
        "key-changed",
        409,
        "Key changed",
        "A kid that is known stands for another key.",
    ),
    of(
        "key-unacceptable",
        409,
        "Key unacceptable",
        "A key is malformed, too weak, or of another kind than it says.",
    ),
    of(
        "keys-vanished",
        409,
        "Keys vanished",
        "The issuer publishes none of the keys in force.",
    ),
    of(
        "member-elsewhere",
        409,
        "Member elsewhere",
        "This person is a member of another allocator.",
    ),
    of(
        "no-positions",
        409,
        "No positions",
        "The allocator has no position in this currency.",
    ),
    of(
        "not-admitted",
        409,
        "Not admitted",
        "There is no such admission to take back.",
    ),
    of(
        "not-found",
        404,
        "Not found",
        "There is no such resource for you.",
    ),
    of(
        "not-granted",
        409,
        "Not granted",
        "There is no such membership to revoke.",
    ),
    of(
        "not-lead",
        403,
        "Not the lead",
        "Your allocator does not lead this facility.",
    ),
    of(
        "not-published",
        404,
        "Not published",
        "The log has not been published that far yet; ask again in a few seconds.",
    ),
    of(
        "portfolio-limit",
        409,
        "Portfolio limit",
        "The positions are more than 10,000, or add up to more than 10^15 minor units.",
    ),
    of(
        "rating-unknown",
        409,
        "Rating unknown",
        "The migration matrix in force has no such rating.",
    ),
    of(
        "release-changed",
        409,
        "Release changed",
        "What would be released, or its exposure, is not what was requested and approved.",
    ),
    of(
        "release-decided",
        409,
        "Release decided",
        "The release has been approved.",
    ),
    of(
        "release-large",
        409,
        "Release large",
        "More is pledged under the filing than one release can show; release assets first.",
    ),
    of(
        "risk-inputs-missing",
        409,
        "Risk inputs missing",
        "Inputs of these facilities were never recorded, or do not fit the others; nothing is assumed for them.",
    ),
    of(
        "role-missing",
        403,
        "Role missing",
        "Your membership does not include a role this needs.",
    ),
    of(
        "rules-missing",
        409,
        "Rules missing",
        "The facility has no eligibility rules.",
    ),
    of(
        "search-adverse",
        409,
        "Search adverse",
        "A search finds an earlier filing that is not subordinated (UCC 9-322).",
    ),
    of(
        "search-missing",
        409,
        "Search missing",
        "No search under the debtor's exact name goes beyond the filing's date.",
    ),
    of(
        "tlog-mismatch",
        409,
        "Transparency log mismatch",
        "The log in the database is not the one that was signed.",
    ),
    of(
        "uetr-in-use",
        409,
        "UETR in use",
        "Another settlement of this allocator bears this UETR.",
    ),
    of(
        "unsecured",
        409,
        "Unsecured",
        "The facility was opened without collateral.",
    ),
    of(
        "valuation-missing",
        409,
        "Valuation missing",
        "Pledged assets have no valuation.",
    ),
    of(
        "valuation-stale",
        409,
        "Valuation stale",
        "A valuation is older than the rules allow.",
    ),
    of(
        "value-limit",
        409,
        "Value limit",
        "The values of the facility's assets are more than can be counted.",
    ),
];

/// The URN of a problem type.
pub(super) fn urn(name: &str) -> String {
    format!("urn:optkas:problem:{name}")
}

/// The status and the problem document of a refusal, without the request id. None for a name that is not known.
pub(super) fn render(
    name: &str,
    mut members: Map<String, Value>,
) -> Option<(u16, Map<String, Value>)> {
    let refusal = REFUSALS.iter().find(|refusal| refusal.name == name)?;
    // Several reasons at once: each is a refusal of its own.
    if let Some(Value::Array(problems)) = members.get_mut("problems") {
        for problem in problems {
            if !render_reason(problem) {
                return None;
            }
        }
    }
    let mut document = Map::from_iter([
        ("type".to_owned(), urn(name).into()),
        ("title".to_owned(), refusal.title.into()),
        ("status".to_owned(), refusal.status.into()),
        ("detail".to_owned(), refusal.detail.into()),
    ]);
    document.extend(members);
    Some((refusal.status, document))
}

/// Turns a reason, which is the name of a refusal beside its members, into its problem document. For a name that is not
/// known, the result is false.
#[must_use]
pub(in crate::http) fn render_reason(reason: &mut Value) -> bool {
    let Some(members) = reason.as_object_mut() else {
        return false;
    };
    let Some(Value::String(name)) = members.remove("refusal") else {
        return false;
    };
    let Some((_, document)) = render(&name, std::mem::take(members)) else {
        return false;
    };
    *reason = document.into();
    true
}

/// Turns the `refusal` of an outcome as the ledger has it, beside its `body`, into the answer: the `status` and the
/// problem document. An accepted outcome has its status already. For a name that is not known, the result is false and
/// nothing changes.
#[must_use]
pub fn render_outcome(outcome: &mut Map<String, Value>) -> bool {
    match outcome.get("refusal") {
        Some(Value::String(name)) => {
            let members = outcome.get("body").and_then(Value::as_object).cloned();
            let Some((status, document)) = members.and_then(|members| render(name, members)) else {
                return false;
            };
            outcome.insert("status".to_owned(), status.into());
            outcome.insert("body".to_owned(), document.into());
        }
        Some(Value::Null) => {}
        _ => return false,
    }
    outcome.remove("refusal");
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_sorted_and_unique_and_have_the_statuses_of_refusals() {
        assert!(REFUSALS.is_sorted_by(|one, next| one.name < next.name));
        assert!(
            REFUSALS
                .iter()
                .all(|refusal| matches!(refusal.status, 403 | 404 | 409))
        );
    }

    #[test]
    fn reasons_are_rendered_as_refusals_of_their_own() {
        let Value::Object(members) =
            json!({ "problems": [{ "refusal": "filing-lapsing", "subjects": [1] }] })
        else {
            unreachable!()
        };
        let (status, document) = render("collateral-deficient", members).unwrap();
        assert_eq!(status, 409);
        assert_eq!(
            document["problems"][0]["type"],
            "urn:optkas:problem:filing-lapsing"
        );
        assert_eq!(document["problems"][0]["subjects"], json!([1]));
        assert!(document["problems"][0].get("refusal").is_none());
    }

    #[test]
    fn an_outcome_without_a_known_name_is_left_alone() {
        for outcome in [
            json!({ "refusal": "no-such-name", "body": {} }),
            json!({ "refusal": 7, "body": {} }),
            json!({ "refusal": "expired", "body": 7 }),
            json!({ "body": {} }),
        ] {
            let Value::Object(mut members) = outcome.clone() else {
                unreachable!()
            };
            assert!(!render_outcome(&mut members));
            assert_eq!(Value::Object(members), outcome);
        }
    }
}
