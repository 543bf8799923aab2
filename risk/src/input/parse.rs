//! From a draft to a portfolio: every check there is, in one place.

use super::{
    Draft, EXPOSURE_MINOR_MAX, FACTORS_MAX, Field, ID_BYTES_MAX, Lgd, Migration, NAMES_MAX, Name,
    NameDraft, Portfolio, Refusal, Refused, SYSTEMATIC_PPB_MAX,
};
use crate::{
    math::beta::Shape,
    units::{BILLION, Loading},
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
        if id.is_empty()
            || id.len() > ID_BYTES_MAX
            || !id.bytes().all(|byte| byte.is_ascii_graphic())
        {
            refusals.push(invalid(
                &id,
                Field::Id,
                "is not 1 to 64 visible ASCII characters",
            ));
        }
        let rated = draft.rating.and_then(|rating| {
            self.migration
                .filter(|m| rating < m.ratings())
                .map(|m| m.pd(rating))
        });
        if draft.rating.is_some() && rated.is_none() {
            refusals.push(invalid(
                &id,
                Field::Rating,
                "is not a row of the migration matrix",
            ));
        }
        let mut missing = |field| {
            refusals.push(Refusal::Missing {
                name: id.clone(),
                field,
            });
        };
        let exposure_minor = draft.exposure_minor.or_else(|| {
            missing(Field::Exposure);
            None
        });
        let pd = draft.pd.or(rated).or_else(|| {
            missing(Field::Pd);
            None
        });
        let lgd = draft.lgd.or_else(|| {
            missing(Field::Lgd);
            None
        });
        let loadings = draft.loadings.or_else(|| {
            missing(Field::Loadings);
            None
        });
        if let Some(loadings) = &loadings {
            self.check_loadings(&id, loadings, refusals);
        }
        if let Some(Lgd::Beta { mean, deviation }) = lgd
            && Shape::from_moments(mean.to_f64(), deviation.to_f64()).is_none()
        {
            refusals.push(invalid(
                &id,
                Field::Lgd,
                "has a mean and deviation that no usable Beta distribution has",
            ));
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

fn invalid(name: &str, field: Field, rule: &'static str) -> Refusal {
    Refusal::Invalid {
        name: name.to_owned(),
        field,
        rule,
    }
}
