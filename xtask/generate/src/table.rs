//! The table itself, `functions/endpoints.toml`, read and checked.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// What template.yaml hands on to the templates of functions, by name.
    pub parameters: BTreeMap<String, Parameter>,
    /// What every function of a kind is given.
    pub environment: BTreeMap<Kind, BTreeMap<String, Given>>,
    /// All endpoints, in the order of the file.
    #[serde(rename = "function")]
    pub functions: Vec<Function>,
}

/// A parameter of the nested templates.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Parameter {
    /// Its value in template.yaml, as YAML; the parameter of the same name by default.
    pub from: Option<String>,
    /// Its type; `String` by default.
    #[serde(rename = "type", default = "string")]
    pub kind: String,
    /// Whether `CloudFormation` keeps its value to itself.
    #[serde(default)]
    pub no_echo: bool,
    /// Its description.
    pub what: String,
}

fn string() -> String {
    "String".to_owned()
}

/// Who calls a function.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A person with a token.
    People,
    /// An agent with a signature.
    Agent,
    /// A schedule or the deployment.
    Job,
}

/// One endpoint.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Function {
    /// `create-settlement`
    pub name: String,
    /// Who calls it.
    pub kind: Kind,
    /// Method and path; jobs have none.
    #[serde(default)]
    pub route: Option<String>,
    /// When a job runs, in words.
    #[serde(default)]
    pub called: Option<String>,
    /// A job's schedule, or the parameter that has it.
    #[serde(default)]
    pub schedule: Option<String>,
    /// Who may call it, in words.
    #[serde(default)]
    pub who: Option<String>,
    /// What it does, in words.
    pub what: String,
    /// What a job's login may execute in the schema `gateway`, where it is not the one function of its name.
    #[serde(default)]
    pub gateway_functions: Option<Vec<String>>,
    /// Whether it changes something for its caller.
    #[serde(default)]
    pub writes: bool,
    /// The ceiling of its route, where it is not that of all.
    #[serde(default)]
    pub throttle: Option<Throttle>,
    /// The level that its login starts at.
    #[serde(default)]
    pub isolation: Isolation,
    /// The longest statement of its login.
    #[serde(default = "five_seconds")]
    pub statement_timeout: String,
    /// The seconds of a run, where they are not those of all.
    #[serde(default)]
    pub timeout: Option<u32>,
    /// The parameter that has its megabytes, where it is not that of all.
    #[serde(default)]
    pub memory: Option<String>,
    /// Whether it may ask known hosts outside.
    #[serde(default)]
    pub outside: Option<Outside>,
    /// Whether it reaches S3 and `DynamoDB`.
    #[serde(default)]
    pub storage: bool,
    /// The parameter that says whether the stage has it.
    #[serde(default)]
    pub when: Option<String>,
    /// The secret that its role may read besides an agent's key ring.
    #[serde(default)]
    pub secret: Option<Secret>,
    /// What its role may do besides login, secret, log and traces.
    #[serde(default)]
    pub permissions: Vec<Permission>,
    /// Its own variables.
    #[serde(default)]
    pub environment: BTreeMap<String, Given>,
    /// Whose its alarms are.
    #[serde(default)]
    pub alarms: Alarms,
}

fn five_seconds() -> String {
    "5s".to_owned()
}

/// A ceiling of a route.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Throttle {
    /// Requests a second.
    pub rate: u32,
    /// Requests at once.
    pub burst: u32,
}

/// An isolation level of PostgreSQL.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
pub enum Isolation {
    /// What competes with other writers is in their conflicts.
    #[default]
    #[serde(rename = "serializable")]
    Serializable,
    /// One snapshot, outside the conflicts.
    #[serde(rename = "repeatable read")]
    RepeatableRead,
    /// Outside the conflicts.
    #[serde(rename = "read committed")]
    ReadCommitted,
}

impl Isolation {
    /// As PostgreSQL spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Serializable => "serializable",
            Self::RepeatableRead => "repeatable read",
            Self::ReadCommitted => "read committed",
        }
    }
}

/// Whether a function may ask hosts outside.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(untagged)]
pub enum Outside {
    /// In every stage, or in none.
    Always(bool),
    /// Where this parameter says so.
    When(String),
}

/// A secret of a function.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// The middle of its name: `<prefix>/<kind>/<function>`.
    pub kind: String,
    /// Its description.
    pub what: String,
}

/// A statement of a role.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permission {
    /// What is allowed.
    pub actions: Vec<String>,
    /// On what, with the parameters in `${}`.
    pub resource: String,
}

/// The value of a variable.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Given {
    /// This parameter's.
    Always(String),
    /// This parameter's, where another says so.
    When {
        /// The parameter that has the value.
        parameter: String,
        /// The parameter that says whether.
        when: String,
    },
}

/// Whose a function's alarms are.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Alarms {
    /// Those of its kind.
    #[default]
    Kind,
    /// Some of its own, written by hand.
    Own,
}

impl Table {
    /// Reads the table and refuses what contradicts itself.
    pub fn parse(text: &str) -> Result<Self> {
        let table: Self = toml::from_str(text)?;
        let mut names = BTreeSet::new();
        let mut routes = BTreeSet::new();
        for function in &table.functions {
            let name = &function.name;
            function.check().with_context(|| name.clone())?;
            ensure!(names.insert(name.clone()), "{name} stands twice");
            if let Some(route) = &function.route {
                ensure!(routes.insert(route.clone()), "{route} stands twice");
            }
        }
        let deployments = table.functions.iter().filter(|one| one.is_deployment());
        ensure!(deployments.count() == 1, "the deployment calls one job");
        Ok(table)
    }

    /// The function of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.name == name)
    }

    /// The functions of a kind, in the order of the file.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Function> {
        self.functions
            .iter()
            .filter(move |function| function.kind == kind)
    }

    /// All functions, by name.
    #[must_use]
    pub fn sorted(&self) -> Vec<&Function> {
        let mut all: Vec<_> = self.functions.iter().collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }
}

impl Function {
    fn check(&self) -> Result<()> {
        let word = |word: &str| {
            word.starts_with(|first: char| first.is_ascii_lowercase())
                && word.chars().all(|letter| letter.is_ascii_lowercase())
        };
        ensure!(self.name.split('-').all(word), "words with hyphens");
        let routed = self.kind != Kind::Job;
        ensure!(routed == self.route.is_some(), "a job has no route");
        ensure!(routed == self.who.is_some(), "a job has no caller");
        ensure!(routed != self.called.is_some(), "a job says when it runs");
        ensure!(
            !routed || self.schedule.is_none(),
            "a route has no schedule"
        );
        ensure!(
            routed || !self.writes && self.throttle.is_none(),
            "`writes` and `throttle` are of routes"
        );
        ensure!(
            routed || self.timeout.is_some(),
            "a job says how long a run may take"
        );
        ensure!(
            !routed || self.gateway_functions.is_none(),
            "a route's login executes the one function of its name"
        );
        if let Some(route) = &self.route {
            let (method, path) = route.split_once(' ').context("method and path")?;
            ensure!(matches!(method, "GET" | "POST"), "{method}");
            ensure!(
                path.starts_with("/v1/") && !path.contains('+'),
                "{path} is below /v1, with no catch-all"
            );
        }
        Ok(())
    }

    /// Method and path.
    #[must_use]
    pub fn method_and_path(&self) -> Option<(&str, &str)> {
        self.route.as_deref()?.split_once(' ')
    }

    /// The login of the database.
    #[must_use]
    pub fn login(&self) -> String {
        self.name.replace('-', "_")
    }

    /// What the login may execute in the schema `gateway`.
    #[must_use]
    pub fn gateway_functions(&self) -> Vec<String> {
        let own = self.gateway_functions.clone();
        own.unwrap_or_else(|| vec![self.login()])
    }

    /// The logical id in a template.
    #[must_use]
    pub fn id(&self) -> String {
        pascal(&self.name)
    }

    /// Whether the deployment calls it.
    #[must_use]
    pub fn is_deployment(&self) -> bool {
        self.kind == Kind::Job && self.schedule.is_none()
    }

    /// The kind of its secret.
    #[must_use]
    pub fn secret_kind(&self) -> Option<&str> {
        match self.kind {
            Kind::Agent => Some("webhooks"),
            Kind::People | Kind::Job => self.secret.as_ref().map(|secret| &*secret.kind),
        }
    }

    pub(crate) fn outside(&self) -> Outside {
        let by_kind = Outside::Always(self.kind == Kind::People);
        self.outside.clone().unwrap_or(by_kind)
    }
}

/// `note-key` is `NoteKey`.
pub(crate) fn pascal(name: &str) -> String {
    name.split('-')
        .map(|word| word[..1].to_uppercase() + &word[1..])
        .collect()
}
