//! The credit risk of facilities, in parts per billion.

use std::{collections::HashSet, ops::RangeInclusive};

use ::risk::{
    input::{FACTORS_MAX, RATINGS_MAX, SYSTEMATIC_PPB_MAX},
    math::beta::Shape,
    units::{BILLION, Fraction},
};
use serde_json::Value;
use shared::{http::Fields, ids::FacilityId};

const ONE: i64 = BILLION as i64;
const SHARE: RangeInclusive<i64> = 0..=ONE;
const SIGNED: RangeInclusive<i64> = -ONE..=ONE;

/// `facility.risk_updated`: `{facility_id, pd_ppb?, lgd: {mean_ppb, deviation_ppb?}, loadings_ppb, rating?}`
pub(super) fn profile(data: &mut Fields) -> Option<Value> {
    data.keep::<FacilityId>("facility_id");
    let pd_ppb = data.given("pd_ppb", |data, name| data.keep_integer(name, SHARE));
    data.keep_object("lgd", lgd);
    loadings(data);
    let rating = data.keep_optional_with("rating", rating);
    if (pd_ppb, &rating) == (Some(None), &Some(None)) {
        return data.reject("pd_ppb", "is required where there is no rating");
    }
    data.kept()
}

fn lgd(lgd: &mut Fields) -> Option<()> {
    let mean_ppb = lgd.keep_integer("mean_ppb", SHARE);
    let deviation_ppb = lgd.given("deviation_ppb", |lgd, name| {
        lgd.keep_integer(name, 1..=ONE - 1)
    });
    if let Some(deviation) = deviation_ppb?
        && Shape::from_moments(share(mean_ppb?)?, share(deviation)?).is_none()
    {
        return lgd.reject(
            "deviation_ppb",
            "must be one that a Beta distribution of this mean has, with parameters from 0.05 to 100000",
        );
    }
    Some(())
}

fn share(ppb: i64) -> Option<f64> {
    Fraction::from_ppb(ppb.try_into().ok()?).map(Fraction::to_f64)
}

fn loadings(data: &mut Fields) -> Option<()> {
    let loadings = data.keep_array("loadings_ppb", 1..=FACTORS_MAX, |loadings, index| {
        loadings.keep_integer(index, SIGNED)
    })?;
    // At most sixteen times 10^18: no overflow in 128 bits.
    let systematic: i128 = loadings.iter().map(|ppb| i128::from(*ppb).pow(2)).sum();
    if systematic > i128::from(SYSTEMATIC_PPB_MAX) * i128::from(BILLION) {
        return data.reject(
            "loadings_ppb",
            "must explain at most 99% of the variance: their squares add up to at most 0.99",
        );
    }
    Some(())
}

/// `ratings.recorded`: `{ratings: [{rating, probabilities_ppb, losses_ppb}]}`, from the best to the worst.
pub(super) fn matrix(data: &mut Fields) -> Option<Value> {
    let mut seen = HashSet::new();
    let rows = data.keep_array("ratings", 1..=RATINGS_MAX, |ratings, index| {
        let row = ratings.keep_object(index, |row| {
            let name = row.keep_with("rating", rating);
            row.once("rating", name, &mut seen);
            let probabilities =
                row.keep_array("probabilities_ppb", 2..=RATINGS_MAX + 1, |all, index| {
                    all.keep_integer(index, SHARE)
                });
            let losses = row.keep_array("losses_ppb", 1..=RATINGS_MAX, |all, index| {
                all.keep_integer(index, SIGNED)
            });
            let (probabilities, losses) = (probabilities?, losses?);
            if probabilities.iter().sum::<i64>() != ONE {
                return row.reject("probabilities_ppb", "must add up to 1000000000");
            }
            if !losses.is_sorted() {
                return row.reject(
                    "losses_ppb",
                    "must not fall from a better rating to a worse",
                );
            }
            Some((probabilities.len(), losses.len()))
        });
        row.flatten()
    })?;
    let square = (rows.len() + 1, rows.len());
    if rows.iter().any(|lengths| *lengths != square) {
        return data.reject(
            "ratings",
            "must each have a loss for each rating, and a probability more: of default",
        );
    }
    data.kept()
}

fn rating(text: &str) -> Result<String, &'static str> {
    let is_known = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'-');
    if (1..=16).contains(&text.len()) && text.bytes().all(is_known) {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 16 letters, digits, plus and minus signs")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::http::{Problem, read_body};

    use super::*;

    const FACILITY: &str = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";

    fn is_accepted(read: fn(&mut Fields) -> Option<Value>, body: &Value) -> bool {
        match read_body(body.to_string().as_bytes(), read) {
            Ok(_) => true,
            Err(Problem::Invalid(_)) => false,
            Err(problem) => panic!("{body}: {problem:?}"),
        }
    }

    fn with(change: impl FnOnce(&mut Value)) -> Value {
        let mut body = json!({
            "facility_id": FACILITY,
            "pd_ppb": 10_000_000,
            "lgd": {"mean_ppb": 400_000_000, "deviation_ppb": 200_000_000},
            "loadings_ppb": [500_000_000, -100_000_000],
        });
        change(&mut body);
        body
    }

    #[test]
    fn profiles() {
        for good in [
            with(|_| ()),
            with(|it| it["pd_ppb"] = json!(0)),
            with(|it| it["rating"] = json!("BBB-")),
            with(|it| {
                it.as_object_mut().unwrap().remove("pd_ppb");
                it["rating"] = json!("Baa2");
            }),
            with(|it| it["lgd"] = json!({"mean_ppb": 0})),
            with(|it| it["loadings_ppb"] = json!([0])),
        ] {
            assert!(is_accepted(profile, &good), "{good}");
        }
        for bad in [
            with(|it| drop(it.as_object_mut().unwrap().remove("pd_ppb"))),
            with(|it| {
                it["pd_ppb"] = json!(null);
                it["rating"] = json!("Baa2");
            }),
            with(|it| it["lgd"]["deviation_ppb"] = json!(null)),
            with(|it| it["pd_ppb"] = json!(-1)),
            with(|it| it["pd_ppb"] = json!(1_000_000_001)),
            with(|it| it["pd_ppb"] = json!("10000000")),
            with(|it| it["lgd"] = json!(400_000_000)),
            with(|it| it["lgd"] = json!({})),
            with(|it| it["lgd"]["deviation_ppb"] = json!(0)),
            // Of no Beta distribution: a mean of 0.4 deviates by less than 0.49.
            with(|it| it["lgd"]["deviation_ppb"] = json!(490_000_000)),
            with(|it| it["lgd"]["mean_ppb"] = json!(0)),
            with(|it| it["lgd"]["more"] = json!(0)),
            with(|it| it["loadings_ppb"] = json!([])),
            with(|it| it["loadings_ppb"] = json!(vec![0; 17])),
            with(|it| it["loadings_ppb"] = json!([995_000_000])),
            with(|it| it["loadings_ppb"] = json!([700_000_000, 710_000_000])),
            with(|it| it["loadings_ppb"] = json!([0.5])),
            with(|it| it["rating"] = json!("")),
            with(|it| it["rating"] = json!("B B")),
            with(|it| it["rating"] = json!("B".repeat(17))),
            with(|it| it["facility_id"] = json!("1")),
            with(|it| it["more"] = json!(1)),
        ] {
            assert!(!is_accepted(profile, &bad), "{bad}");
        }
    }

    fn matrix_with(change: impl FnOnce(&mut Value)) -> Value {
        let mut body = json!({"ratings": [
            {"rating": "A", "probabilities_ppb": [900_000_000, 90_000_000, 10_000_000], "losses_ppb": [0, 20_000_000]},
            {"rating": "B", "probabilities_ppb": [50_000_000, 900_000_000, 50_000_000], "losses_ppb": [-10_000_000, 0]},
        ]});
        change(&mut body);
        body
    }

    #[test]
    fn matrices() {
        assert!(is_accepted(matrix, &matrix_with(|_| ())));
        for bad in [
            matrix_with(|it| it["ratings"] = json!([])),
            matrix_with(|it| it["ratings"][1]["rating"] = json!("A")),
            matrix_with(|it| it["ratings"][0]["probabilities_ppb"][0] = json!(900_000_001)),
            matrix_with(|it| it["ratings"][0]["losses_ppb"] = json!([20_000_000, 0])),
            matrix_with(|it| it["ratings"][0]["losses_ppb"] = json!([0])),
            matrix_with(|it| {
                it["ratings"][1]["probabilities_ppb"] = json!([500_000_000, 500_000_000]);
            }),
            matrix_with(|it| drop(it["ratings"].as_array_mut().unwrap().pop())),
            matrix_with(|it| it["ratings"][0]["more"] = json!(1)),
            matrix_with(|it| it["ratings"][0] = json!("A")),
        ] {
            assert!(!is_accepted(matrix, &bad), "{bad}");
        }
    }
}
