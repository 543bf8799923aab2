//! Compares each risk run's snapshot with the rows that the run names: this program renders it anew.
//!
//! Whether the results follow from the snapshot is for `verify risk-run`, one run at a time: each takes about a second
//! on all cores.

use std::fmt::Write as _;

use postgres::{Row, Transaction};
use risk::snapshot::Digest;

use super::{cursor::Cursor, sql::failed};
use crate::report::{Field, Finding, Report, Undecided};

const RUN: &str = "risk.run";

const RUNS: &str = "
    select r.run_id::text, r.currency::text, r.snapshot::text, encode(r.snapshot_sha256, 'hex'),
        r.result ->> 'snapshot_sha256', (r.inputs ->> 'matrix_version')::int4
    from risk.run as r
    order by r.run_id";

/// Where a row is missing, its columns are null: they render to a line that no snapshot has.
const NAMES: &str = "
    select p.facility_id::text, g.balance_after_minor::int8,
        coalesce(f.pd_ppb, m.probabilities_ppb[cardinality(m.probabilities_ppb)]),
        f.lgd_mean_ppb, f.lgd_deviation_ppb, f.loadings_ppb, m.place,
        p.cover ->> 'eligible_minor', p.cover ->> 'excess_minor', p.cover ->> 'drawn_minor'
    from risk.run as r
    cross join lateral jsonb_to_recordset(r.inputs -> 'positions') as p (
        facility_id uuid, account_version int8, profile_version int4, cover jsonb
    )
    left join capital.account as a
        on a.allocator_id = r.allocator_id and a.currency = r.currency and a.kind = 'position'
            and a.facility_id = p.facility_id
    left join capital.posting as g on g.account_id = a.account_id and g.account_version = p.account_version
    left join risk.profile as f on f.facility_id = p.facility_id and f.version = p.profile_version
    left join risk.matrix_row as m on m.version = (r.inputs ->> 'matrix_version')::int4 and m.rating = f.rating
    where r.run_id::text = $1
    order by p.facility_id";

const MATRIX: &str = "
    select m.probabilities_ppb || m.losses_ppb
    from risk.matrix_row as m
    where m.version = $1
    order by m.place";

struct Run {
    id: String,
    currency: String,
    snapshot: String,
    digest: Option<String>,
    result_digest: Option<String>,
    matrix: Option<i32>,
}

pub(super) fn verify(
    transaction: &mut Transaction<'_>,
    report: &mut Report,
) -> Result<(), Undecided> {
    let there: bool = transaction
        .query_one("select pg_catalog.to_regclass('risk.run') is not null", &[])
        .and_then(|row| row.try_get(0))
        .map_err(failed)?;
    if !there {
        return Ok(());
    }
    let mut runs = Cursor::open(transaction, RUNS, &[], |row: &Row| {
        Ok(Run {
            id: row.try_get(0)?,
            currency: row.try_get(1)?,
            snapshot: row.try_get(2)?,
            digest: row.try_get(3)?,
            result_digest: row.try_get(4)?,
            matrix: row.try_get(5)?,
        })
    })?;
    let mut count = 0_u64;
    while let Some(run) = runs.next(transaction)? {
        count += 1;
        let rendered = render(transaction, &run)?;
        let digest = Digest::of(run.snapshot.as_bytes());
        let checks = [
            ("snapshot", rendered == run.snapshot),
            (
                "snapshot_sha256",
                run.digest.as_deref() == Some(digest.as_str()),
            ),
            (
                "result",
                run.result_digest.as_deref() == Some(digest.as_str()),
            ),
        ];
        let fields: Vec<_> = checks
            .into_iter()
            .filter(|(_, holds)| !holds)
            .map(|(name, _)| Field::hidden(name))
            .collect();
        if !fields.is_empty() {
            let text = "a run's inputs are not those of the rows it names";
            let row_key = format!("{{\"run_id\": \"{}\"}}", run.id);
            report.find(
                Finding::new("run-differs", text)
                    .in_table(RUN)
                    .of_row(row_key)
                    .differing(fields),
            );
        }
    }
    report.fact("risk_runs", count);
    Ok(())
}

/// Renders the run's snapshot as `risk::snapshot` documents its form.
fn render(transaction: &mut Transaction<'_>, run: &Run) -> Result<String, Undecided> {
    let matrix = transaction.query(MATRIX, &[&run.matrix]).map_err(failed)?;
    let names = transaction.query(NAMES, &[&run.id]).map_err(failed)?;
    let mut factors = 0;
    let mut lines = String::new();
    for row in &names {
        let name = Name::read(row).map_err(failed)?;
        factors = name.loadings.len();
        name.write(&mut lines);
    }
    let mut text = format!(
        "optkas-risk-snapshot/1\ncurrency {}\nfactors {factors}\nratings {}\n",
        run.currency,
        matrix.len()
    );
    for row in &matrix {
        let numbers: Vec<i32> = row.try_get(0).map_err(failed)?;
        text.push_str("migrate");
        push(&mut text, &numbers);
    }
    let _ = writeln!(text, "names {}", names.len());
    Ok(text + &lines)
}

struct Name {
    facility: String,
    exposure: i64,
    pd: i32,
    lgd_mean: i32,
    lgd_deviation: Option<i32>,
    loadings: Vec<i32>,
    place: Option<i32>,
    cover: Option<[i128; 3]>,
}

impl Name {
    fn read(row: &Row) -> Result<Self, postgres::Error> {
        let number = |column: usize| {
            row.try_get::<_, Option<i32>>(column)
                .map(Option::unwrap_or_default)
        };
        let minor = |column: usize| -> Result<Option<i128>, postgres::Error> {
            let text: Option<String> = row.try_get(column)?;
            Ok(text.and_then(|text| text.parse().ok()))
        };
        Ok(Self {
            facility: row.try_get::<_, Option<_>>(0)?.unwrap_or_default(),
            exposure: row.try_get::<_, Option<_>>(1)?.unwrap_or_default(),
            pd: number(2)?,
            lgd_mean: number(3)?,
            lgd_deviation: row.try_get(4)?,
            loadings: row.try_get::<_, Option<_>>(5)?.unwrap_or_default(),
            place: row.try_get(6)?,
            cover: match (minor(7)?, minor(8)?, minor(9)?) {
                (Some(eligible), Some(excess), Some(drawn)) => Some([eligible, excess, drawn]),
                _ => None,
            },
        })
    }

    /// The position's share of the collateral behind all that is drawn: rounded down, and at most the exposure.
    fn collateral(&self) -> i128 {
        let exposure = i128::from(self.exposure);
        let share = self.cover.and_then(|[eligible, excess, drawn]| {
            let free = eligible.checked_sub(excess)?;
            free.checked_mul(exposure)?.checked_div(drawn)
        });
        share.unwrap_or_default().min(exposure)
    }

    fn write(&self, text: &mut String) {
        let (facility, exposure, pd) = (&self.facility, self.exposure, self.pd);
        let collateral = self.collateral();
        let _ = write!(text, "name {facility} {exposure} {collateral} {pd}");
        let _ = match self.lgd_deviation {
            None => write!(text, " fixed {}", self.lgd_mean),
            Some(deviation) => write!(text, " beta {} {deviation}", self.lgd_mean),
        };
        match self.place {
            None => text.push_str(" -"),
            Some(place) => push_one(text, place),
        }
        push(text, &self.loadings);
    }
}

fn push(text: &mut String, numbers: &[i32]) {
    for number in numbers {
        push_one(text, *number);
    }
    text.push('\n');
}

fn push_one(text: &mut String, number: i32) {
    let _ = write!(text, " {number}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_has_its_share_of_the_cover() {
        let share = |exposure, cover| {
            let name = Name {
                facility: "f".to_owned(),
                exposure,
                pd: 1,
                lgd_mean: 2,
                lgd_deviation: None,
                loadings: vec![3, -4],
                place: None,
                cover,
            };
            name.collateral()
        };
        assert_eq!(share(100, None), 0);
        assert_eq!(share(100, Some([500, 100, 1_000])), 40);
        assert_eq!(share(99, Some([500, 100, 1_000])), 39);
        assert_eq!(share(100, Some([5_000, 0, 1_000])), 100);
        assert_eq!(share(100, Some([5_000, 0, 0])), 0);
        assert_eq!(share(100, Some([i128::MAX, 0, 1])), 0);
    }
}
