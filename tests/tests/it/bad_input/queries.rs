//! Query parameters and ids in the path.

use anyhow::Result;
use serde_json::json;
use tests::fixture::Fixture;
use tests::http::{Request, Transport as _};
use tests::sample_data::idempotency_key;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::{assert_invalid, ledger_rows, there};
use crate::endpoints::assert_decent;

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn each_bad_query_parameter_is_named() -> Result<()> {
    let fixture = Fixture::new()?;
    let there = there(&fixture)?;
    let settlement = format!("/v1/settlements/{there}");
    let commitment = format!("/v1/commitments/{}", "0".repeat(64));
    let tomorrow = (OffsetDateTime::now_utc() + Duration::days(1)).format(&Rfc3339)?;
    let mut table: Vec<(&str, String, &str)> = Vec::new();
    for path in ["/v1/settlements", "/v1/audit", "/v1/positions"] {
        for limit in [
            "0",
            "101",
            "-1",
            "+1",
            "%2B1",
            "1.0",
            "1e1",
            "abc",
            "",
            "%00",
            "99999999999999999999",
            "٣",
            "10%20",
        ] {
            table.push((path, format!("limit={limit}"), "limit"));
        }
        for cursor in [
            "",
            "x",
            "AAAA",
            "AAAAAAAAAAA%3D",
            "%00",
            "AAAAAAAAAAB",
            "' or 1=1 --",
            "..",
            &"A".repeat(2_000),
        ] {
            table.push((
                path,
                format!("cursor={}", cursor.replace(' ', "%20")),
                "cursor",
            ));
        }
        table.push((path, "limit=1&limit=1".to_owned(), "limit"));
        table.push((path, "limit=1&limit=2".to_owned(), "limit"));
        table.push((path, "limit".to_owned(), "limit"));
        table.push((path, "Limit=1".to_owned(), "Limit"));
        table.push((
            path,
            "allocator_id=6f9619ff-8b86-4d01-b42d-00cf4fc964ff".to_owned(),
            "allocator_id",
        ));
    }
    for status in [
        "",
        "pending",
        "DRAFT",
        "PENDING,VERIFIED",
        "PENDING%00",
        "1",
    ] {
        table.push(("/v1/settlements", format!("status={status}"), "status"));
    }
    table.push((
        "/v1/settlements",
        "status=PENDING&status=PENDING".to_owned(),
        "status",
    ));
    for id in [
        "",
        "1",
        "6F9619FF-8B86-4D01-B42D-00CF4FC964FF",
        "6f9619ff8b864d01b42d00cf4fc964ff",
        "%27",
    ] {
        table.push((
            "/v1/settlements",
            format!("facility_id={id}"),
            "facility_id",
        ));
    }
    for at in [
        "",
        "now",
        "2026-11-23",
        "2026-02-30T00:00:00Z",
        "2026-11-23T00:00:00+01:00",
        "1795392000",
        "infinity",
        "9999-12-31T23:59:59-01:00",
        "%00",
    ] {
        table.push((
            "/v1/settlements",
            format!("created_after={at}"),
            "created_after",
        ));
        table.push((
            "/v1/settlements",
            format!("created_before={at}"),
            "created_before",
        ));
        table.push(("/v1/positions", format!("as_of={at}"), "as_of"));
    }
    table.push(("/v1/positions", format!("as_of={tomorrow}"), "as_of"));
    table.push((&settlement, "expand=all".to_owned(), "expand"));
    table.push((&commitment, "x=1".to_owned(), "x"));
    for (path, query, parameter) in table {
        let target = format!("{path}?{query}");
        let answer = fixture.person("carol").get(&target)?;
        assert_invalid(&target, &answer, &[parameter]);
        assert_eq!(
            answer.json()["errors"][0]["parameter"],
            json!(parameter),
            "{target}: a parameter is no pointer"
        );
    }
    let several = fixture
        .person("carol")
        .get("/v1/settlements?limit=0&status=x&facility_id=y&sort=asc")?;
    assert_invalid(
        "several",
        &several,
        &["limit", "status", "facility_id", "sort"],
    );
    for odd in ["?", "?&", "?&&limit=1&"] {
        assert_eq!(
            fixture
                .person("carol")
                .get(&format!("/v1/settlements{odd}"))?
                .status,
            200,
            "{odd}"
        );
    }
    Ok(())
}

#[test]
fn the_earliest_and_latest_instants_give_empty_pages() -> Result<()> {
    let fixture = Fixture::new()?;
    let _one = there(&fixture)?;
    for instant in [
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999999Z",
        "1970-01-01T00:00:00-23:59",
    ] {
        for target in [
            format!("/v1/settlements?created_after={instant}"),
            format!("/v1/settlements?created_before={instant}"),
        ] {
            let answer = fixture.person("carol").get(&target)?;
            assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        }
    }
    let answer = fixture
        .person("carol")
        .get("/v1/positions?as_of=0001-01-01T00:00:00Z")?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    // Cursors of the right length that no page gave: from before all time to after it.
    for (path, bytes) in [("/v1/audit", 8), ("/v1/settlements", 24)] {
        for fill in [0_u8, 0x7f, 0x80, 0xff] {
            let cursor = base64::Engine::encode(
                &base64::engine::general_purpose::URL_SAFE_NO_PAD,
                vec![fill; bytes],
            );
            let answer = fixture
                .person("carol")
                .get(&format!("{path}?cursor={cursor}"))?;
            assert!(
                [200, 422].contains(&answer.status),
                "{path} {fill:#x}: {}",
                answer.text()
            );
            assert_decent(path, &answer);
        }
    }
    Ok(())
}

#[test]
fn a_malformed_id_is_answered_with_404() -> Result<()> {
    let fixture = Fixture::new()?;
    let there = there(&fixture)?;
    let before = ledger_rows(&fixture)?;
    let dave = fixture.person("dave");
    let ids = [
        "x",
        "%00",
        "..",
        "%2e%2e",
        "'",
        "%27%20or%201=1",
        "0",
        "null",
        "%ff",
        "{id}",
        &there.to_uppercase(),
        &there.replace('-', ""),
        &format!("{there}%20"),
    ];
    let unknown = fixture
        .person("dave")
        .get("/v1/settlements/6f9619ff-8b86-4d01-b42d-00cf4fc964ff")?
        .json()["detail"]
        .clone();
    for id in ids {
        let post = |action: &str| {
            dave.request("POST", &format!("/v1/settlements/{id}/{action}"))
                .header("idempotency-key", &idempotency_key())
        };
        let get = |path: &str| dave.request("GET", &format!("{path}/{id}"));
        for request in [
            get("/v1/settlements"),
            get("/v1/commitments"),
            post("verify"),
            post("cancel"),
        ] {
            assert_nothing_there(&fixture, &request, &unknown)?;
        }
    }
    for key in [
        "0".repeat(63),
        "0".repeat(65),
        "A".repeat(64),
        "g".repeat(64),
        format!("0x{}", "0".repeat(62)),
    ] {
        assert_nothing_there(
            &fixture,
            &dave.request("GET", &format!("/v1/commitments/{key}")),
            &unknown,
        )?;
    }
    assert_eq!(
        ledger_rows(&fixture)?,
        before,
        "nothing of it reached the ledger"
    );
    Ok(())
}

/// The answer must be that for another allocator's id.
fn assert_nothing_there(
    fixture: &Fixture,
    request: &Request,
    detail: &serde_json::Value,
) -> Result<()> {
    let what = format!("{} {}", request.method, request.target);
    let answer = fixture.send(request)?;
    assert_eq!(answer.status, 404, "{what}: {}", answer.text());
    assert_eq!(answer.json()["detail"], *detail, "{what}");
    assert_decent(&what, &answer);
    Ok(())
}
