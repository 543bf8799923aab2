//! The borrowing base equals a plain second computation; the kept sums equal sums made anew.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use postgres::{Client, Row};
use serde_json::{Value, json};
use tests::fixture::Fixture;
use tests::sample_data::kind_rule;

use super::plain::{Base, Holding, Rules, base};
use super::secured_facility::{Pledged, SecuredFacility, fund, refusal};
use crate::random::Random;
use crate::support::assert_books;

const CASES: usize = 300;
const STEPS: usize = 150;
const KINDS: [&str; 4] = ["receivable", "equipment", "loan", "other"];
/// The largest value of one asset.
const VALUE_MAX: usize = 999_999_999_999_999;

/// The worked example of the requirements.
#[test]
fn the_worked_example_gives_its_availability() -> Result<()> {
    let million: u64 = 100_000_000;
    let fixture = Fixture::new()?;
    fund(&fixture, 100 * million)?;
    let mut facility = SecuredFacility::open(&fixture)?;
    facility.rule(&[("concentration_cap_bp", json!(2_500))])?;
    facility = facility.secured_by(&[40, 20, 20, 20].map(|millions| millions * million))?;
    let answer = facility.draw(70 * million)?;
    assert_eq!(refusal(&answer), "");
    let rested = answer.json();
    let figures = |of: &Value| {
        ["eligible", "excess", "base", "drawn", "availability"]
            .map(|name| of[format!("{name}_minor")].as_str().map(str::to_owned))
    };
    let figure = |minor: u64| Some(minor.to_string());
    // The step rested on the base before it.
    assert_eq!(
        figures(&rested["borrowing_base"]),
        [
            figure(100 * million),
            figure(15 * million),
            figure(7_225_000_000),
            figure(0),
            figure(7_225_000_000)
        ]
    );
    let recorded: (String, Value) = {
        let row = fixture.admin()?.query_one(
            "select encode(inputs_sha256, 'hex'), 
                jsonb_build_array(version, base_minor, drawn_minor, availability_minor)
            from collateral.borrowing_base where settlement_id::text = $1",
            &[&rested["id"].as_str().context("an id")?],
        )?;
        (row.get(0), row.get(1))
    };
    assert_eq!(recorded.0, rested["borrowing_base"]["inputs_sha256"]);
    assert_eq!(
        recorded.1,
        json!([1, 7_225_000_000_u64, 0, 7_225_000_000_u64])
    );

    let shown = facility.collateral()?["borrowing_base"].take();
    assert_eq!(
        figures(&shown)[2..],
        [
            figure(7_225_000_000),
            figure(70 * million),
            figure(225_000_000)
        ]
    );
    assert_eq!(shown["coverage_bp"], 12_142);
    assert_eq!(refusal(&facility.draw(225_000_001)?), "availability-short");
    assert_eq!(refusal(&facility.draw(225_000_000)?), "");
    assert_eq!(refusal(&facility.draw(1)?), "availability-short");
    assert_books(&mut fixture.admin()?)
}

#[test]
fn the_base_equals_a_second_plain_computation() -> Result<()> {
    let fixture = Fixture::empty()?;
    let mut admin = fixture.admin()?;
    let mut random = Random::seeded("base");
    for case in 0..CASES {
        let rules = any_rules(&mut random);
        let holdings = any_holdings(&mut random);
        let drawn = *random.pick(&[0, 1, 1_000_000, 1_000_000_000_000_000]);
        let expected = base(&holdings, &rules, drawn);
        let cap = expected.eligible * rules.cap_bp / 10_000;
        let owes = |obligor: &str| {
            let of = holdings.iter().filter(|it| it.obligor == obligor);
            of.map(|it| it.value_minor).sum::<i128>()
        };
        // Computed over all obligors, and over those that can exceed the cap: figures and inputs are the same.
        let all = figure(&mut admin, &rules, &holdings, drawn, |_| true)?;
        let few = figure(&mut admin, &rules, &holdings, drawn, |it| owes(it) > cap)?;
        assert_eq!(
            all.0, expected,
            "case {case}: {rules:?} {holdings:?} {drawn}"
        );
        assert_eq!(all, few, "case {case}: {rules:?} {holdings:?} {drawn}");
    }
    Ok(())
}

fn any_rules(random: &mut Random) -> Rules {
    let mut kinds = BTreeMap::new();
    for _ in 0..=random.below(3) {
        let rate = i128::try_from(random.below(10_001)).unwrap_or_default();
        let haircut = *random.pick(&[0, 500, 3_333, 10_000]);
        kinds.insert((*random.pick(&KINDS)).to_owned(), (rate, haircut));
    }
    Rules {
        cap_bp: *random.pick(&[1, 50, 500, 2_500, 5_000, 10_000]),
        reserves_minor: *random.pick(&[0, 0, 7, 1_000_000]),
        kinds,
    }
}

/// Few obligors owe much: they are picked from a range that is small half of the time.
fn any_holdings(random: &mut Random) -> Vec<Holding> {
    let most = *random.pick(&[10, 1_000_000, VALUE_MAX]);
    let obligors = *random.pick(&[1, 3, 40]);
    (0..random.below(40))
        .map(|_| Holding {
            obligor: format!("O{}", random.below(obligors)),
            kind: (*random.pick(&KINDS)).to_owned(),
            value_minor: i128::try_from(random.below(most)).unwrap_or_default(),
        })
        .collect()
}

/// The database's figures, and the hash of their inputs.
fn figure(
    admin: &mut Client,
    rules: &Rules,
    holdings: &[Holding],
    drawn: i128,
    named: impl Fn(&str) -> bool,
) -> Result<(Base, String)> {
    let mut kinds: BTreeMap<&str, (i64, i128)> = BTreeMap::new();
    let mut obligors: BTreeMap<(&str, &str), (i64, i128)> = BTreeMap::new();
    for it in holdings {
        let kind = kinds.entry(&it.kind).or_default();
        *kind = (kind.0 + 1, kind.1 + it.value_minor);
        let both = obligors.entry((&it.obligor, &it.kind)).or_default();
        *both = (both.0 + 1, both.1 + it.value_minor);
    }
    let array =
        |rows: Vec<String>, of: &str| format!("array[{}]::collateral.{of}[]", rows.join(","));
    let by_kind = kinds.iter().map(|(kind, (number, value))| {
        format!("row(null,'{kind}',{number},{value})::collateral.sum")
    });
    let by_obligor = obligors
        .iter()
        .filter(|((obligor, _), _)| named(obligor))
        .map(|((obligor, kind), (number, value))| {
            format!("row('{obligor}','{kind}',{number},{value})::collateral.sum")
        });
    let of_kinds = rules.kinds.iter().map(|(kind, (rate, haircut))| {
        format!("row(null,1,'{kind}',{rate},{haircut})::collateral.rule_kind")
    });
    let sql = format!(
        "select eligible_minor::text, excess_minor::text, base_minor::text,
                availability_minor::text, coverage_bp::text,
            encode(fixed.text_sha256(inputs), 'hex')
        from collateral.borrowing_base_from_sums(
            row(null,1,null,{},0,30,30,30,{},null,null)::collateral.rules, {}, {}, {}, {drawn})",
        rules.cap_bp,
        rules.reserves_minor,
        array(of_kinds.collect(), "rule_kind"),
        array(by_kind.collect(), "sum"),
        array(by_obligor.collect(), "sum"),
    );
    let row = admin.query_one(&sql, &[]).with_context(|| sql.clone())?;
    Ok((read(&row)?, row.get(5)))
}

fn read(row: &Row) -> Result<Base> {
    let number = |column: usize| -> Result<Option<i128>> {
        let text: Option<String> = row.try_get(column)?;
        Ok(text.map(|text| text.parse()).transpose()?)
    };
    let given = |column: usize| number(column)?.context("a figure");
    Ok(Base {
        eligible: given(0)?,
        excess: given(1)?,
        lent: given(2)?,
        availability: given(3)?,
        coverage_bp: number(4)?,
    })
}

/// The latest documents of one pledge, by their dates, as a plain book would keep them.
struct Known {
    pledged: Pledged,
    obligor: String,
    kind: &'static str,
    valued: Option<(i64, i128)>,
    held: Option<i64>,
}

/// Pledges, valuations, receipts, releases and new rules in random order. After each step the kept sums, sums made
/// anew, and the plain book give the same base.
#[test]
fn after_random_events_the_kept_sums_equal_sums_made_anew() -> Result<()> {
    let fixture = Fixture::new()?;
    let mut admin = fixture.admin()?;
    let mut random = Random::seeded("life");
    let mut facility = SecuredFacility::open(&fixture)?;
    facility.file(|filing| filing)?;
    facility.sign(|agreement| agreement.with("asset_kinds", json!(KINDS)))?;
    let mut rules = new_rules(&facility, &mut random)?;
    let mut book: Vec<Known> = Vec::new();
    for step in 0..STEPS {
        match random.below(20) {
            0..8 => book.push(new_pledge(&mut facility, &mut random)?),
            _ if book.is_empty() => {}
            8..13 => {
                let valued_on = -i64::try_from(random.below(20))?;
                let mut values = Vec::new();
                for known in &mut some(&mut book, &mut random) {
                    let value = random.below(1_000_000);
                    values.push((known.pledged.asset, u64::try_from(value)?));
                    // Of two documents of one day, the one that was recorded later counts.
                    if known.valued.is_none_or(|(day, _)| day <= valued_on) {
                        known.valued = Some((valued_on, i128::try_from(value)?));
                    }
                }
                facility.record(&facility.terms.valuation(facility.day(valued_on), &values))?;
            }
            13..17 => {
                let held_on = -i64::try_from(random.below(20))?;
                let mut assets = Vec::new();
                for known in &mut some(&mut book, &mut random) {
                    assets.push(known.pledged.asset);
                    known.held = known.held.max(Some(held_on));
                }
                facility.record(&facility.terms.receipt(facility.day(held_on), &assets))?;
            }
            17 => rules = new_rules(&facility, &mut random)?,
            _ => {
                let gone: Vec<Known> = (0..=random.below(3).min(book.len() - 1))
                    .map(|_| {
                        let at = random.below(book.len());
                        book.swap_remove(at)
                    })
                    .collect();
                let pledges: Vec<Pledged> = gone.iter().map(|known| known.pledged).collect();
                facility.released(&facility.release(&pledges))?;
            }
        }
        let expected = base(&counting(&book), &rules, 0);
        for how in ["from_kept_sums", "recomputed"] {
            let found = found(&mut admin, &facility, how)?;
            assert_eq!(found, expected, "step {step}, {how}");
        }
    }
    ensure!(
        counting(&book).len() > 3,
        "a life without holdings proves nothing"
    );
    // Each sum by itself, each filing's cover: the rules that hold after everything.
    assert_books(&mut admin)
}

fn new_rules(facility: &SecuredFacility<'_>, random: &mut Random) -> Result<Rules> {
    let rules = any_rules(random);
    let kinds: Vec<Value> = rules
        .kinds
        .iter()
        .map(|(kind, (rate, haircut))| {
            Ok(kind_rule(
                kind,
                u32::try_from(*rate)?,
                u32::try_from(*haircut)?,
            ))
        })
        .collect::<Result<_>>()?;
    facility.rule(&[
        ("concentration_cap_bp", json!(i64::try_from(rules.cap_bp)?)),
        ("reserves_minor", json!(rules.reserves_minor.to_string())),
        ("kinds", json!(kinds)),
    ])?;
    Ok(rules)
}

fn new_pledge(facility: &mut SecuredFacility<'_>, random: &mut Random) -> Result<Known> {
    let (obligor, kind) = (format!("O{}", random.below(5)), *random.pick(&KINDS));
    let pledged = facility.pledge(|mut pledge| {
        pledge.data["asset"]["obligor"] = json!(obligor);
        pledge.data["asset"]["asset_kind"] = json!(kind);
        pledge
    })?;
    Ok(Known {
        pledged,
        obligor,
        kind,
        valued: None,
        held: None,
    })
}

/// A random choice of at least one, each once.
fn some<'a>(book: &'a mut [Known], random: &mut Random) -> Vec<&'a mut Known> {
    let certain = random.below(book.len());
    book.iter_mut()
        .enumerate()
        .filter_map(|(at, known)| (at == certain || random.chance(3)).then_some(known))
        .collect()
}

/// A pledge that has a value and a receipt.
fn counting(book: &[Known]) -> Vec<Holding> {
    book.iter()
        .filter(|known| known.held.is_some())
        .filter_map(|known| {
            Some(Holding {
                obligor: known.obligor.clone(),
                kind: known.kind.to_owned(),
                value_minor: known.valued?.1,
            })
        })
        .collect()
}

fn found(admin: &mut Client, facility: &SecuredFacility<'_>, how: &str) -> Result<Base> {
    let row = admin.query_one(
        &format!(
            "select eligible_minor::text, excess_minor::text, base_minor::text,
                availability_minor::text, coverage_bp::text
            from collateral.borrowing_base_{how}($1, collateral.rules_in_force($1))"
        ),
        &[&facility.terms.facility],
    )?;
    read(&row)
}
