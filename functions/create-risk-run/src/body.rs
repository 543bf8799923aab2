use risk::{
    parameters::{
        Asked, BadSettings, Copula, DEGREES, LEVELS_MAX, Method, Parameters, SCENARIOS_MAX,
        SCENARIOS_MIN, SEED_MAX,
    },
    units::Level,
};
use shared::{
    http::{Fields, Problem, read_body},
    money::CurrencyCode,
};

/// `{currency, levels?, scenarios?, copula?, method?, seed?}`
pub(crate) fn read(body: &[u8]) -> Result<Asked, Problem> {
    read_body(body, |body| {
        let currency = body.required::<CurrencyCode>("currency");
        let levels = body.given("levels", |body, name| {
            body.array(name, 1..=LEVELS_MAX, level)
        });
        let scenarios = body.given("scenarios", |body, name| {
            let range = SCENARIOS_MIN.into()..=SCENARIOS_MAX.into();
            body.integer(name, range)?.try_into().ok()
        });
        let copula = body.given("copula", |body, name| body.object(name, copula));
        let method = body.optional_with("method", method);
        let seed = body.given("seed", |body, name| {
            body.integer(name, 0..=SEED_MAX.try_into().ok()?)?
                .try_into()
                .ok()
        });
        let asked = Asked {
            currency: currency?.to_string(),
            levels: levels?,
            scenarios: scenarios?,
            copula: copula?,
            method: method?,
            seed: seed?,
        };
        // What holds between members, say between scenarios and the highest level.
        match Parameters::parse(asked.settings("run")) {
            Ok(_) => Some(asked),
            Err(bad) => body.reject(member(bad), bad),
        }
    })
}

fn level(levels: &mut Fields, index: &str) -> Option<Level> {
    let ppm = levels.integer(index, 500_000..=999_999)?;
    Level::from_ppm(ppm.try_into().ok()?)
}

fn copula(copula: &mut Fields) -> Option<Copula> {
    let kind = copula.required_with("kind", |text| match text {
        "gaussian" | "student_t" => Ok(text.to_owned()),
        _ => Err("must be gaussian or student_t"),
    })?;
    if kind == "gaussian" {
        return Some(Copula::Gaussian);
    }
    let range = (*DEGREES.start()).into()..=(*DEGREES.end()).into();
    let degrees = copula.integer("degrees", range)?.try_into().ok()?;
    Some(Copula::StudentT { degrees })
}

fn method(text: &str) -> Result<Method, &'static str> {
    match text {
        "exact" => Ok(Method::Exact),
        "plain" => Ok(Method::Plain),
        "importance" => Ok(Method::Importance),
        "sobol" => Ok(Method::Sobol),
        _ => Err("must be exact, plain, importance or sobol"),
    }
}

fn member(bad: BadSettings) -> &'static str {
    match bad {
        BadSettings::Levels | BadSettings::Tail => "levels",
        BadSettings::Scenarios => "scenarios",
        BadSettings::Degrees => "copula",
        BadSettings::Seed | BadSettings::Run => "seed",
    }
}

#[cfg(test)]
mod tests {
    use risk::parameters::Settings;

    use super::*;

    #[test]
    fn defaults_are_of_the_run() {
        let asked = read(br#"{"currency": "USD"}"#).unwrap();
        assert_eq!(asked.currency, "USD");
        assert_eq!(asked.settings("a"), Settings::of_run("a"));
        assert_ne!(asked.settings("a").seed, asked.settings("b").seed);
    }

    #[test]
    fn what_is_asked_for_is_what_is_run() {
        let asked = read(
            br#"{"currency": "EUR", "levels": [950000, 990000], "scenarios": 20000,
                 "copula": {"kind": "student_t", "degrees": 5}, "method": "importance", "seed": 9007199254740991}"#,
        )
        .unwrap();
        let settings = asked.settings("r");
        assert_eq!(
            settings.levels,
            [950_000, 990_000].map(|ppm| Level::from_ppm(ppm).unwrap())
        );
        assert_eq!(settings.scenarios, 20_000);
        assert_eq!(settings.copula, Copula::StudentT { degrees: 5 });
        assert_eq!(settings.method, Method::Importance);
        assert_eq!(settings.seed, SEED_MAX);
        assert_eq!(settings.run, "r");
    }

    #[test]
    fn refused_members() {
        for member in [
            r#""currency": "usd""#,
            r#""currency": null"#,
            r#""currency": "USD", "levels": []"#,
            r#""currency": "USD", "levels": 990000"#,
            r#""currency": "USD", "levels": [0.99]"#,
            r#""currency": "USD", "levels": ["990000"]"#,
            r#""currency": "USD", "levels": [499999]"#,
            r#""currency": "USD", "levels": [1000000]"#,
            r#""currency": "USD", "levels": [999000, 990000]"#,
            r#""currency": "USD", "levels": [990000, 990000]"#,
            r#""currency": "USD", "levels": [1,2,3,4,5,6,7,8,9]"#,
            r#""currency": "USD", "scenarios": 999"#,
            r#""currency": "USD", "scenarios": 10000001"#,
            r#""currency": "USD", "scenarios": "1000000""#,
            r#""currency": "USD", "scenarios": 1e6"#,
            r#""currency": "USD", "scenarios": 1000, "method": "plain""#,
            r#""currency": "USD", "levels": [999991]"#,
            r#""currency": "USD", "scenarios": 100000, "method": "sobol""#,
            r#""currency": "USD", "copula": "gaussian""#,
            r#""currency": "USD", "copula": {"kind": "clayton"}"#,
            r#""currency": "USD", "copula": {"kind": "gaussian", "degrees": 5}"#,
            r#""currency": "USD", "copula": {"kind": "student_t"}"#,
            r#""currency": "USD", "copula": {"kind": "student_t", "degrees": 1}"#,
            r#""currency": "USD", "copula": {"kind": "student_t", "degrees": 101}"#,
            r#""currency": "USD", "method": "Plain""#,
            r#""currency": "USD", "seed": -1"#,
            r#""currency": "USD", "seed": 9007199254740992"#,
            r#""currency": "USD", "seed": "1""#,
            r#""currency": "USD", "run": "r""#,
            r#""currency": "USD", "allocator_id": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff""#,
        ] {
            let refused = read(format!("{{{member}}}").as_bytes());
            assert!(matches!(refused, Err(Problem::Invalid(_))), "{member}");
        }
    }
}
