//! The limits of AWS, held by the templates of 120 functions: ours, and invented ones in the same mix.
//!
//! Limits are at their default values, also those that AWS raises on request. The sources are AWS's pages of quotas:
//! `CloudFormation`, API Gateway's HTTP APIs, IAM, Lambda, `EventBridge`, `CodeDeploy`.
//!
//! One limit is not among them: what all functions together reserve of an account's concurrency is the operator's
//! choice. [`super::deployment`] holds it for the functions that we have, in each stage of samconfig.toml.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use generate::{Function, Table};
use serde_json::{Map, Value};
use tests::tools;

use super::{files, read};
use crate::endpoints::TABLE;

const FUNCTIONS: usize = 120;

/// The longest stage's name that samconfig.toml has.
const STACK: &str = "optkas-prod";

/// Templates as `CloudFormation` gets them, with the bytes of their source.
pub(super) struct Templates(BTreeMap<String, (usize, Value)>);

#[test]
fn every_limit_of_aws_has_room_for_120_functions() -> Result<()> {
    let table = invented()?;
    let generated = generate::generate(&table, &read)?;
    let templates = Templates::of(&generated)?;
    let mut limits = templates.of_stacks();
    limits.extend(templates.of_policies());
    limits.extend(templates.of_the_rest());
    let broken: Vec<_> = limits
        .iter()
        .filter(|(_, found, allowed)| found > allowed)
        .collect();
    assert!(broken.is_empty(), "{broken:#?}");
    // The counts are of 120 functions, each with what a function has.
    assert_eq!(templates.count("AWS::Lambda::Function"), FUNCTIONS);
    assert_eq!(templates.count("AWS::Lambda::Alias"), FUNCTIONS);
    assert_eq!(
        templates.count("AWS::CodeDeploy::DeploymentGroup"),
        FUNCTIONS - 1
    );
    Ok(())
}

#[test]
fn ours_are_what_is_counted() -> Result<()> {
    let current = generate::generate(&TABLE, &read)?;
    let templates = Templates::of(&current)?;
    let functions = TABLE.functions.len();
    assert_eq!(templates.count("AWS::Lambda::Function"), functions);
    let routes = TABLE.functions.iter().filter(|one| one.route.is_some());
    let schedules = TABLE.functions.iter().filter(|one| one.schedule.is_some());
    assert_eq!(
        templates.count("AWS::Lambda::Permission"),
        routes.count() + schedules.count()
    );
    Ok(())
}

/// Copies of our functions, under other names and on other paths, until there are enough.
fn invented() -> Result<Table> {
    let mut table = TABLE.clone();
    let originals: Vec<Function> = TABLE
        .functions
        .iter()
        .filter(|function| !function.is_deployment())
        .cloned()
        .collect();
    for generation in ["again", "twice", "thrice", "more"] {
        for original in &originals {
            if table.functions.len() == FUNCTIONS {
                return Ok(table);
            }
            let mut copy = original.clone();
            copy.name = format!("{}-{generation}", original.name);
            copy.route = copy.route.map(|route| format!("{route}/{generation}"));
            table.functions.push(copy);
        }
    }
    anyhow::bail!("{} are too few", table.functions.len())
}

/// What is limited, how much there is of it, and how much there may be.
type Limit = (String, usize, usize);

impl Templates {
    /// Those that are generated, and the others as they are.
    pub(super) fn of(generated: &BTreeMap<String, String>) -> Result<Self> {
        let mut texts = BTreeMap::new();
        let nested = files("infra", ".yaml")?.into_iter();
        let nested = nested.map(|name| format!("infra/{name}.yaml"));
        for file in nested.chain(["template.yaml".to_owned()]) {
            texts.insert(file.clone(), read(&file)?);
        }
        for (file, text) in &mut texts {
            if let Some(generated) = generated.get(file) {
                text.clone_from(generated);
            }
        }
        let python = tools::install(tools::Set::Checks)?.join("python");
        let mut translator = Command::new(python)
            .args(["-c", include_str!("translate.py")])
            .env("AWS_DEFAULT_REGION", "eu-central-1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut input = translator.stdin.take().context("its input")?;
        input.write_all(serde_json::to_string(&texts)?.as_bytes())?;
        drop(input);
        let output = translator.wait_with_output()?;
        ensure!(output.status.success(), "the translator failed");
        let translated: BTreeMap<String, Value> = serde_json::from_slice(&output.stdout)?;
        let sized = translated.into_iter().map(|(file, template)| {
            let template = unrolled(template);
            let bytes = texts[&file].len().max(template.to_string().len());
            (file, (bytes, template))
        });
        Ok(Self(sized.collect()))
    }

    fn of_stacks(&self) -> Vec<Limit> {
        let mut limits = Vec::new();
        for (file, (bytes, template)) in &self.0 {
            let members = |name: &str| template[name].as_object().map_or(0, Map::len);
            for (what, found, allowed) in [
                ("bytes", *bytes, 1_000_000),
                ("resources", members("Resources"), 500),
                ("parameters", members("Parameters"), 200),
                ("outputs", members("Outputs"), 200),
                ("mappings", members("Mappings"), 200),
            ] {
                limits.push((format!("{what} of {file}"), found, allowed));
            }
            let parameters = template["Parameters"].as_object();
            for (name, parameter) in parameters.into_iter().flatten() {
                let default = parameter["Default"].as_str().unwrap_or_default();
                limits.push((format!("bytes of {file} {name}"), default.len(), 4_096));
            }
        }
        let of_all = self.resources().count();
        limits.push(("resources of one operation".to_owned(), of_all, 2_500));
        let longest = self.resources().map(|(id, _)| id.len()).max();
        limits.push(("a logical id".to_owned(), longest.unwrap_or(0), 255));
        limits
    }

    fn of_policies(&self) -> Vec<Limit> {
        let mut limits = Vec::new();
        for (id, resource) in self.resources() {
            let properties = &resource["Properties"];
            match resource["Type"].as_str().unwrap_or_default() {
                "AWS::IAM::Role" => {
                    let inline = properties["Policies"].as_array().into_iter().flatten();
                    let characters = inline
                        .map(|policy| characters(&policy["PolicyDocument"]))
                        .sum();
                    limits.push((format!("inline policies of {id}"), characters, 10_240));
                    let attached = properties["ManagedPolicyArns"].as_array();
                    let attached = attached.map_or(0, Vec::len);
                    limits.push((format!("policies attached to {id}"), attached, 10));
                }
                "AWS::IAM::ManagedPolicy" => {
                    let characters = characters(&properties["PolicyDocument"]);
                    limits.push((format!("characters of {id}"), characters, 6_144));
                }
                _ => {}
            }
        }
        limits
    }

    fn of_the_rest(&self) -> Vec<Limit> {
        let mut limits = Vec::new();
        let (_, root) = &self.0["template.yaml"];
        let api = &root["Resources"]["Api"]["Properties"]["Body"]["paths"];
        let routes = api.as_object().into_iter().flat_map(Map::values);
        let routes = routes.map(|methods| methods.as_object().map_or(0, Map::len));
        // One route has one integration.
        limits.push(("routes of the API".to_owned(), routes.sum(), 300));
        for (kind, allowed) in [
            ("AWS::CloudWatch::Alarm", 5_000),
            ("AWS::CodeDeploy::DeploymentGroup", 1_000),
            ("AWS::Events::Rule", 300),
            ("AWS::IAM::ManagedPolicy", 1_500),
            ("AWS::IAM::Role", 1_000),
        ] {
            limits.push((kind.to_owned(), self.count(kind), allowed));
        }
        for (id, resource) in self.resources() {
            let properties = &resource["Properties"];
            match resource["Type"].as_str().unwrap_or_default() {
                "AWS::Lambda::Function" => {
                    let name = properties["FunctionName"].to_string();
                    let suffix = name
                        .rsplit('}')
                        .nth(1)
                        .unwrap_or_default()
                        .trim_matches('"');
                    limits.push((format!("name of {id}"), STACK.len() + suffix.len(), 64));
                }
                "AWS::CodeDeploy::DeploymentGroup" => {
                    let alarms = properties["AlarmConfiguration"]["Alarms"].as_array();
                    limits.push((format!("alarms of {id}"), alarms.map_or(0, Vec::len), 10));
                }
                _ => {}
            }
        }
        limits
    }

    /// A template by its path.
    pub(super) fn template(&self, file: &str) -> &Value {
        &self.0[file].1
    }

    /// Every template by its path.
    pub(super) fn all(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.iter().map(|(file, (_, template))| (file, template))
    }

    fn resources(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.values().flat_map(|(_, template)| {
            let resources = template["Resources"].as_object();
            resources.into_iter().flatten()
        })
    }

    fn count(&self, kind: &str) -> usize {
        let all = self.resources();
        all.filter(|(_, resource)| resource["Type"] == kind).count()
    }
}

/// The template with the turns of its loops.
fn unrolled(mut template: Value) -> Value {
    let resources = template["Resources"].as_object_mut();
    let resources = resources.map(std::mem::take).unwrap_or_default();
    let mut all = Map::new();
    for (id, resource) in resources {
        let Some(turns) = resource.as_array() else {
            all.insert(id, resource);
            continue;
        };
        let list = turns[1]["Ref"].as_str().unwrap_or_default();
        let list = template["Parameters"][list]["Default"].as_str();
        for function in list.unwrap_or_default().split(',') {
            let turn = turns[2].as_object().into_iter().flatten();
            all.extend(turn.map(|(id, resource)| {
                let id = id.replace("&{Function}", &function.replace('-', ""));
                (id, resource.clone())
            }));
        }
    }
    template["Resources"] = Value::Object(all);
    template
}

/// The characters of a policy, as IAM counts them, where each value is the longest there is.
fn characters(policy: &Value) -> usize {
    let mut text = flat(policy).to_string();
    for (name, value) in [
        ("AWS::Partition", "aws-us-gov"),
        ("AWS::Region", "ap-southeast-1"),
        ("AWS::AccountId", "123456789012"),
        ("AWS::StackName", STACK),
        ("Name", STACK),
        (
            "Cluster.DBClusterResourceId",
            "cluster-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        ),
        ("ProxyId", "prx-0123456789abcdef0"),
    ] {
        text = text.replace(&format!("${{{name}}}"), value);
    }
    text.chars()
        .filter(|letter| !letter.is_whitespace())
        .count()
}

/// Without the functions around texts; an ARN for a reference.
fn flat(value: &Value) -> Value {
    match value {
        Value::Object(members) if members.contains_key("Fn::Sub") => members["Fn::Sub"].clone(),
        Value::Object(members)
            if members.contains_key("Ref") || members.contains_key("Fn::GetAtt") =>
        {
            "arn:aws-us-gov:logs:ap-southeast-1:123456789012:log-group:/aws/lambda/a-function:*"
                .into()
        }
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, member)| (name.clone(), flat(member)))
                .collect(),
        ),
        Value::Array(items) => items.iter().map(flat).collect(),
        plain => plain.clone(),
    }
}
