//! Refusals of risk runs and of their inputs, and what each leaves behind.

use anyhow::Result;
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::sample_data::{USD_FACILITY, idempotency_key};
use uuid::Uuid;

use super::fixture::{
    ROUTE, ask, held, held_in, matrix, opened, profile, quick, rated_position, record, send,
};
use crate::support::count;

#[test]
fn missing_risk_inputs_are_named_and_nothing_is_assumed() -> Result<()> {
    let fixture = Fixture::new()?;
    held(&fixture, 1_000)?;
    let second = opened(&fixture)?;
    held_in(&fixture, second, 500)?;
    record(&fixture, "facility.risk_updated", &profile(second))?;
    let carol = fixture.person("carol");
    let key = idempotency_key();
    let refused = carol.post(ROUTE, &key, &quick())?;
    assert_eq!(refused.status, 409, "{}", refused.text());
    let problem = refused.json();
    assert_eq!(problem["type"], "urn:optkas:problem:risk-inputs-missing");
    let missing =
        json!([{"facility_id": USD_FACILITY.id.to_string(), "missing": ["pd", "lgd", "loadings"]}]);
    assert_eq!(
        (&problem["facilities"], &problem["facilities_count"]),
        (&missing, &json!(1))
    );
    assert_eq!(problem["commitment"]["outcome"], "refused");

    // One factor here, two there: which of them is meant cannot be guessed.
    let mut two = profile(USD_FACILITY.id);
    two["loadings_ppb"] = json!([300_000_000, 200_000_000]);
    record(&fixture, "facility.risk_updated", &two)?;
    let problem = ask(&fixture, "carol", &quick())?.json();
    assert_eq!(
        problem["facilities"],
        json!([{"facility_id": second.to_string(), "missing": ["loadings"]}])
    );

    record(&fixture, "facility.risk_updated", &profile(USD_FACILITY.id))?;
    assert_eq!(ask(&fixture, "carol", &quick())?.status, 201);
    // The refused request has used up its key.
    let again = carol.post(ROUTE, &key, &quick())?;
    assert_eq!(again.json()["type"], "urn:optkas:problem:duplicate-request");
    assert_eq!(again.json()["original"]["body"]["facilities"], missing);
    Ok(())
}

#[test]
fn a_rating_is_one_of_the_matrix_in_force() -> Result<()> {
    let fixture = rated_position()?;
    let mut rated = profile(USD_FACILITY.id);
    rated["rating"] = json!("B");
    let early = send(&fixture, "facility.risk_updated", &rated)?;
    assert_eq!(
        early.json()["type"],
        "urn:optkas:problem:rating-unknown",
        "{}",
        early.text()
    );
    record(&fixture, "ratings.recorded", &matrix())?;
    record(&fixture, "facility.risk_updated", &rated)?;
    assert_eq!(ask(&fixture, "carol", &quick())?.status, 201);
    // A matrix without it: the facility is named until it is rated anew.
    record(
        &fixture,
        "ratings.recorded",
        &json!({"ratings": [
            {"rating": "A", "probabilities_ppb": [990_000_000, 10_000_000], "losses_ppb": [0]},
        ]}),
    )?;
    let problem = ask(&fixture, "carol", &quick())?.json();
    assert_eq!(
        problem["facilities"][0]["missing"],
        json!(["rating"]),
        "{problem}"
    );
    Ok(())
}

#[test]
fn an_unknown_facility_takes_no_risk_profile() -> Result<()> {
    let fixture = Fixture::new()?;
    let refused = send(&fixture, "facility.risk_updated", &profile(Uuid::new_v4()))?;
    assert_eq!(
        (refused.status, &refused.json()["resource"]),
        (404, &json!("facility"))
    );
    Ok(())
}

#[test]
fn bad_members_of_a_run_are_named_and_never_reach_the_ledger() -> Result<()> {
    let fixture = rated_position()?;
    let rows = "select count(*) from ledger.commitment_ledger";
    let before = count(&mut fixture.admin()?, rows)?;
    for (change, pointer) in [
        (json!({"currency": "usd"}), "/currency"),
        (json!({"currency": null}), "/currency"),
        (json!({"levels": []}), "/levels"),
        (json!({"levels": [990_000, 1_000_000]}), "/levels/1"),
        (json!({"levels": [999_000, 990_000]}), "/levels"),
        (json!({"levels": [0.99]}), "/levels/0"),
        (json!({"levels": [999_999]}), "/levels"),
        (json!({"scenarios": 999}), "/scenarios"),
        (json!({"scenarios": 10_000_001}), "/scenarios"),
        (json!({"scenarios": "20000"}), "/scenarios"),
        (json!({"copula": {"kind": "clayton"}}), "/copula/kind"),
        (
            json!({"copula": {"kind": "student_t", "degrees": 1}}),
            "/copula/degrees",
        ),
        (json!({"method": "guess"}), "/method"),
        (json!({"seed": -1}), "/seed"),
        (json!({"seed": 9_007_199_254_740_992_u64}), "/seed"),
        (json!({"run": "mine"}), "/run"),
        (json!({"positions": []}), "/positions"),
    ] {
        let mut body = quick();
        for (name, value) in change.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        let answer = ask(&fixture, "carol", &body)?;
        assert_eq!(answer.status, 422, "{change}: {}", answer.text());
        assert_eq!(
            answer.json()["errors"][0]["pointer"],
            pointer,
            "{change}: {}",
            answer.text()
        );
    }
    assert_eq!(count(&mut fixture.admin()?, rows)?, before);
    Ok(())
}

#[test]
fn bad_members_of_a_profile_are_named_and_never_reach_the_ledger() -> Result<()> {
    let fixture = Fixture::new()?;
    let rows = "select count(*) from ledger.commitment_ledger";
    let before = count(&mut fixture.admin()?, rows)?;
    let good = profile(USD_FACILITY.id);
    for (pointer, value) in [
        ("/pd_ppb", json!(1_000_000_001)),
        ("/pd_ppb", json!(null)),
        ("/lgd", json!(null)),
        ("/lgd/mean_ppb", json!(-1)),
        ("/lgd/deviation_ppb", json!(499_000_000)),
        ("/loadings_ppb", json!([])),
        ("/loadings_ppb/0", json!("450000000")),
        ("/loadings_ppb", json!([996_000_000])),
        ("/rating", json!("B B")),
        ("/facility_id", json!("1")),
    ] {
        let mut data = good.clone();
        match data.pointer_mut(pointer) {
            Some(place) => *place = value.clone(),
            None => data[&pointer[1..]] = value.clone(),
        }
        let answer = send(&fixture, "facility.risk_updated", &data)?;
        assert_eq!(answer.status, 422, "{pointer} {value}: {}", answer.text());
        let reported = answer.json()["errors"][0]["pointer"].take();
        assert_eq!(reported, format!("/data{pointer}"), "{value}");
    }
    for (pointer, value) in [
        ("/ratings", json!([])),
        (
            "/ratings/0/probabilities_ppb",
            json!([900_000_000, 80_000_000, 20_000_001]),
        ),
        ("/ratings/1/losses_ppb", json!([1, 0])),
        ("/ratings/1/rating", json!("BB")),
    ] {
        let mut data = matrix();
        if let Some(place) = data.pointer_mut(pointer) {
            *place = value.clone();
        }
        let answer = send(&fixture, "ratings.recorded", &data)?;
        assert_eq!(answer.status, 422, "{pointer} {value}: {}", answer.text());
        let reported = answer.json()["errors"][0]["pointer"].take();
        assert_eq!(reported, format!("/data{pointer}"), "{value}");
    }
    assert_eq!(count(&mut fixture.admin()?, rows)?, before);
    Ok(())
}

/// A profile that the function in front would have refused: the table refuses it too.
#[test]
fn no_profile_is_recorded_that_the_engine_would_not_take() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    let valid = |admin: &mut postgres::Client, call: &str| -> Result<bool> {
        Ok(admin.query_one(&format!("select {call}"), &[])?.get(0))
    };
    // Means and deviations over the whole range: the database and the engine agree on each.
    for mean in (0_u32..=1_000).map(|part| part * 1_000_000) {
        let mut deviations: Vec<u32> = (0..=50).map(|part| part * 10_000_000).collect();
        deviations.extend([1, 1_000, 999_999_999]);
        let listed = deviations
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ");
        let rows = admin.query(
            &format!(
                "select fixed.lgd_valid({mean}, d)
                from unnest(array[{listed}]) with ordinality as d (d, place) order by place"
            ),
            &[],
        )?;
        for (deviation, row) in deviations.iter().zip(&rows) {
            let share = |ppb: u32| f64::from(ppb) / 1e9;
            let engine = *deviation > 0
                && risk::math::beta::Shape::from_moments(share(mean), share(*deviation)).is_some();
            assert_eq!(row.get::<_, bool>(0), engine, "{mean} {deviation}");
        }
    }
    for (call, expected) in [
        ("fixed.lgd_valid(0, null)", true),
        ("fixed.lgd_valid(1000000001, null)", false),
        ("fixed.loadings_valid('{0}')", true),
        ("fixed.loadings_valid('{994987437}')", true),
        ("fixed.loadings_valid('{994987438}')", false),
        ("fixed.loadings_valid('{}')", false),
        ("fixed.loadings_valid('{1,null}')", false),
        ("fixed.loadings_valid('{{1}}')", false),
        ("fixed.loadings_valid(null)", false),
        ("fixed.migration_row_valid('{999999999,1}', '{0}')", true),
        ("fixed.migration_row_valid('{1000000000,1}', '{0}')", false),
        (
            "fixed.migration_row_valid('{500000000,400000000,100000000}', '{1,0}')",
            false,
        ),
        (
            "fixed.migration_row_valid('{500000000,400000000,100000000}', '{0}')",
            false,
        ),
        (
            "fixed.migration_row_valid('{500000000,null,500000000}', '{0,1}')",
            false,
        ),
    ] {
        assert_eq!(valid(&mut admin, call)?, expected, "{call}");
    }
    Ok(())
}

#[test]
fn a_run_that_cannot_end_in_time_is_not_begun() -> Result<()> {
    let fixture = rated_position()?;
    super::trust::many(&fixture, 2_000)?;
    let rows = "select count(*) from ledger.commitment_ledger";
    let before = count(&mut fixture.admin()?, rows)?;
    let body = json!({"currency": "USD", "scenarios": 10_000_000, "method": "importance"});
    let answer = ask(&fixture, "carol", &body)?;
    let problem = answer.json();
    assert_eq!(answer.status, 422, "{problem}");
    assert_eq!(problem["type"], "urn:optkas:problem:run-too-long");
    let number = |name: &str| problem[name].as_u64().unwrap_or_default();
    assert!(number("estimate_ms") > number("available_ms"), "{problem}");
    assert_eq!(
        count(&mut fixture.admin()?, rows)?,
        before,
        "the key is free"
    );
    let _: Value = problem;
    Ok(())
}
