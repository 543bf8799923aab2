//! From a draft to a portfolio: all checks, in one place.

use super::{
    Draft, EXPOSURE_MINOR_MAX, FACTORS_MAX, Field, ID_BYTES_MAX, Lgd, Migration, NAMES_MAX, Name,
    NameDraft, Portfolio, Refusal, Refused, SYSTEMATIC_PPB_MAX,
};
use crate::{
    math::beta::Shape,
    units::{BILLION, Fraction, Loading},
};

impl Portfolio {
    /// Checks a draft.
    ///
    /// # Errors
    /// Everything that is missing or wrong.
    pub fn parse(draft: Draft) -> Result<Self, Refused> {
        let mut refusals = Vec::new();
        check_whole(&draft, &mut refusals);
        let migration = draft
            .migration
            .map(Migration::parse)
            .transpose()
            .unwrap_or_else(|refusal| {
                refusals.push(refusal);
                None
            });
        let checks = Checks {
            factors: draft.factors,
            migration: migration.as_ref(),
        };
        let mut names: Vec<_> = draft
            .names
            .into_iter()
            .filter_map(|name| checks.name(name, &mut refusals))
            .collect();
        names.sort_by(|a, b| a.id.cmp(&b.id));
        for pair in names.windows(2).filter(|pair| pair[0].id == pair[1].id) {
            refusals.push(invalid(&pair[0].id, Field::Id, "is there twice"));
        }
        if names
            .iter()
            .map(|name| u128::from(name.exposure_minor))
            .sum::<u128>()
            > u128::from(EXPOSURE_MINOR_MAX)
        {
            refusals.push(Refusal::Portfolio(
                "has exposures of more than 10^15 minor units",
            ));
        }
        if refusals.is_empty() {
            Ok(Self {
                currency: draft.currency,
                factors: draft.factors,
                migration,
                names,
            })
        } else {
            Err(Refused(refusals))
        }
    }
}

fn check_whole(draft: &Draft, refusals: &mut Vec<Refusal>) {
    let mut demand = |holds: bool, rule| {
        if !holds {
            refusals.push(Refusal::Portfolio(rule));
        }
    };
    let currency = draft.currency.as_bytes();
    demand(
        currency.len() == 3 && currency.iter().all(u8::is_ascii_uppercase),
        "has a currency that is not three capitals",
    );
    demand(!draft.names.is_empty(), "has no names");
    demand(draft.names.len() <= NAMES_MAX, "has more than 10,000 names");
    demand(
        (1..=FACTORS_MAX).contains(&draft.factors),
        "has no factor or more than 16",
    );
}

struct Checks<'a> {
    factors: usize,
    migration: Option<&'a Migration>,
}

impl Checks<'_> {
    fn name(&self, draft: NameDraft, refusals: &mut Vec<Refusal>) -> Option<Name> {
        let before = refusals.len();
        let id = draft.id;
        check_id(&id, refusals);
        let rated = self.rated(&id, draft.rating, refusals);
        let exposure_minor = recorded(draft.exposure_minor, &id, Field::Exposure, refusals);
        let pd = recorded(draft.pd.or(rated), &id, Field::Pd, refusals);
        let lgd = recorded(draft.lgd, &id, Field::Lgd, refusals);
        let loadings = recorded(draft.loadings, &id, Field::Loadings, refusals);
        if let Some(loadings) = &loadings {
            self.check_loadings(&id, loadings, refusals);
        }
        if let Some(lgd) = lgd {
            check_lgd(&id, lgd, refusals);
        }
        if refusals.len() > before {
            return None;
        }
        Some(Name {
            id,
            exposure_minor: exposure_minor?,
            pd: pd?,
            lgd: lgd?,
            loadings: loadings?,
            collateral_minor: draft.collateral_minor.unwrap_or(0),
            rating: draft.rating,
        })
    }

    /// The PD of the name's rating.
    fn rated(
        &self,
        id: &str,
        rating: Option<usize>,
        refusals: &mut Vec<Refusal>,
    ) -> Option<Fraction> {
        let rating = rating?;
        let matrix = self.migration.filter(|matrix| rating < matrix.ratings());
        if matrix.is_none() {
            let rule = "is not a row of the migration matrix";
            refusals.push(invalid(id, Field::Rating, rule));
        }
        matrix.map(|matrix| matrix.pd(rating))
    }

    fn check_loadings(&self, id: &str, loadings: &[Loading], refusals: &mut Vec<Refusal>) {
        if loadings.len() != self.factors {
            refusals.push(invalid(id, Field::Loadings, "are not one a factor"));
        }
        let square = |loading: &Loading| u64::from(loading.ppb().unsigned_abs()).pow(2);
        if loadings.iter().map(square).sum::<u64>()
            > u64::from(SYSTEMATIC_PPB_MAX) * u64::from(BILLION)
        {
            refusals.push(invalid(
                id,
                Field::Loadings,
                "explain more than 99% of the variance",
            ));
        }
    }
}

fn check_id(id: &str, refusals: &mut Vec<Refusal>) {
    let fits = (1..=ID_BYTES_MAX).contains(&id.len());
    if !fits || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        let rule = "is not 1 to 64 visible ASCII characters";
        refusals.push(invalid(id, Field::Id, rule));
    }
}

fn check_lgd(id: &str, lgd: Lgd, refusals: &mut Vec<Refusal>) {
    if let Lgd::Beta { mean, deviation } = lgd
        && Shape::from_moments(mean.to_f64(), deviation.to_f64()).is_none()
    {
        let rule = "has a mean and deviation that no usable Beta distribution has";
        refusals.push(invalid(id, Field::Lgd, rule));
    }
}

/// The input, or a refusal that names it.
fn recorded<T>(
    input: Option<T>,
    name: &str,
    field: Field,
    refusals: &mut Vec<Refusal>,
) -> Option<T> {
    if input.is_none() {
        refusals.push(Refusal::Missing {
            name: name.to_owned(),
            field,
        });
    }
    input
}

fn invalid(name: &str, field: Field, rule: &'static str) -> Refusal {
    Refusal::Invalid {
        name: name.to_owned(),
        field,
        rule,
    }
}
