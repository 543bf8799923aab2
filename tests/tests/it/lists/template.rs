//! template.yaml, read as far as the lists and the least privilege go.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use serde_norway::Value as Yaml;

use tests::deployment::login;

use super::{OF_THE_SYSTEM, files, read};

/// The template's functions by their kebab-case names.
pub(super) struct Template {
    pub(super) functions: BTreeMap<String, Resource>,
    pub(super) resources: Value,
}

/// A function with what belongs to it.
pub(super) struct Resource {
    /// Its logical id.
    pub(super) id: String,
    /// Its own and the global environment's names.
    pub(super) variables: BTreeSet<String>,
    pub(super) properties: Value,
}

impl Template {
    pub(super) fn load() -> Result<Self> {
        let document = yaml("template.yaml")?;
        let resources = document["Resources"].clone();
        let global = &document["Globals"]["Function"]["Environment"]["Variables"];
        let mut functions = BTreeMap::new();
        for (id, resource) in resources.as_object().context("resources")? {
            if resource["Type"] != "AWS::Serverless::Function" {
                continue;
            }
            let name = kebab(id);
            assert_eq!(
                resource["Metadata"]["BuildProperties"]["Binary"], *name,
                "{id} takes its own binary"
            );
            let properties = resource["Properties"].clone();
            let own = &properties["Environment"]["Variables"];
            let variables = [global, own]
                .into_iter()
                .filter_map(Value::as_object)
                .flat_map(Map::keys)
                .cloned()
                .collect();
            functions.insert(
                name,
                Resource {
                    id: id.clone(),
                    variables,
                    properties,
                },
            );
        }
        Ok(Self {
            functions,
            resources,
        })
    }

    /// Function, method and path of each HTTP event.
    pub(super) fn routes(&self) -> BTreeSet<(String, String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let events = self.functions.iter().flat_map(|(name, resource)| {
            resource.properties["Events"]
                .as_object()
                .into_iter()
                .flat_map(Map::values)
                .map(move |event| (name, event))
        });
        events
            .filter(|(_, event)| event["Type"] == "HttpApi")
            .map(|(name, event)| {
                (
                    name.clone(),
                    text(&event["Properties"]["Method"]),
                    text(&event["Properties"]["Path"]),
                )
            })
            .collect()
    }
}

#[test]
fn each_function_has_a_role_for_its_own_login_secrets_and_log() -> Result<()> {
    let template = Template::load()?;
    for (name, resource) in &template.functions {
        let id = &resource.id;
        assert_eq!(
            resource.properties["Role"],
            format!("{id}Role.Arn"),
            "{name}"
        );
        assert_eq!(
            resource.properties["LoggingConfig"]["LogGroup"],
            format!("{id}Logs"),
            "{name}"
        );
        let role = &template.resources[format!("{id}Role")]["Properties"];
        let arn = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:${SecretsPrefix}";
        let mut secrets = Vec::new();
        if name.ends_with("-webhook") {
            secrets.push(format!("{arn}/webhooks/{name}-??????"));
        }
        secrets.extend(signing_key(name).map(|kind| format!("{arn}/{kind}/{name}-??????")));
        let dbuser = "arn:${AWS::Partition}:rds-db:${AWS::Region}:${AWS::AccountId}:dbuser:${Database.Outputs.ProxyId}";
        let mut statements = json!([
            { "Effect": "Allow", "Action": "rds-db:connect", "Resource": format!("{dbuser}/{}", login(name)) },
            { "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secrets },
            { "Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": format!("{id}Logs.Arn") },
            { "Effect": "Allow", "Action": ["xray:PutTelemetryRecords", "xray:PutTraceSegments"], "Resource": "*" },
        ]);
        if secrets.is_empty() {
            statements.as_array_mut().context("statements")?.remove(1);
        }
        if name == "sign-checkpoint" {
            statements
                .as_array_mut()
                .context("statements")?
                .extend(publication());
        }
        let policies = role["Policies"].as_array().context("policies")?;
        assert_eq!(policies.len(), 1, "{name}");
        assert_eq!(
            policies[0]["PolicyDocument"]["Statement"], statements,
            "{name}"
        );
        let logs = &template.resources[format!("{id}Logs")];
        assert_eq!(logs["Type"], "AWS::Logs::LogGroup", "{name}");
    }
    let roles: BTreeSet<&String> = template
        .resources
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, resource)| resource["Type"] == "AWS::IAM::Role")
        .map(|(id, _)| id)
        .collect();
    let mut expected: BTreeSet<String> = template
        .functions
        .values()
        .map(|resource| format!("{}Role", resource.id))
        .collect();
    // What moves the aliases at a deployment.
    expected.insert("DeploymentsRole".to_owned());
    assert_eq!(roles, expected.iter().collect());
    Ok(())
}

/// The kind of secret that holds a function's key, if it signs.
fn signing_key(function: &str) -> Option<&'static str> {
    match function {
        "sign-checkpoint" => Some("note-key"),
        "anchor-checkpoint" => Some("chain-key"),
        _ => None,
    }
}

/// What the signer alone may do: its state, and what it publishes.
fn publication() -> [Value; 4] {
    [
        json!({ "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:PutObjectRetention"], "Resource": "${Log.Outputs.BucketArn}/*" }),
        json!({ "Effect": "Allow", "Action": "s3:DeleteObject", "Resource": "${Log.Outputs.BucketArn}/staging/*" }),
        json!({ "Effect": "Allow", "Action": ["s3:ListBucket", "s3:ListBucketVersions"], "Resource": "Log.Outputs.BucketArn" }),
        json!({ "Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:PutItem"], "Resource": "Log.Outputs.StateTableArn" }),
    ]
}

#[test]
fn the_scheduler_calls_the_functions_of_the_system_but_the_deployment() -> Result<()> {
    let template = Template::load()?;
    let events = |name: &str| template.functions[name].properties["Events"].clone();
    for name in OF_THE_SYSTEM.into_iter().filter(|name| *name != "migrate") {
        let types: Vec<Value> = events(name)
            .as_object()
            .into_iter()
            .flat_map(Map::values)
            .map(|event| event["Type"].clone())
            .collect();
        assert_eq!(types, [json!("Schedule")], "{name}");
    }
    assert_eq!(events("migrate"), Value::Null);
    Ok(())
}

#[test]
fn the_secrets_template_has_every_functions_secrets() -> Result<()> {
    let document = yaml("infra/secrets.yaml")?;
    let resources = document["Resources"].as_object().context("resources")?;
    let found: BTreeSet<String> = resources
        .values()
        .filter(|resource| resource["Type"] == "AWS::SecretsManager::Secret")
        .filter_map(|resource| resource["Properties"]["Name"].as_str().map(str::to_owned))
        .collect();
    let mut expected = BTreeSet::new();
    for name in Template::load()?.functions.into_keys() {
        if name.ends_with("-webhook") {
            expected.insert(format!("${{SecretsPrefix}}/webhooks/{name}"));
        }
        let key = signing_key(&name);
        expected.extend(key.map(|kind| format!("${{SecretsPrefix}}/{kind}/{name}")));
    }
    assert_eq!(found, expected);
    Ok(())
}

#[test]
fn every_sample_event_is_json() -> Result<()> {
    for name in files("events", ".json")? {
        serde_json::from_str::<Value>(&read(&format!("events/{name}.json"))?)
            .with_context(|| name)?;
    }
    Ok(())
}

/// A YAML file as JSON. `CloudFormation`'s short tags (`!Sub`, `!GetAtt`) are dropped: what they tag remains.
pub(super) fn yaml(file: &str) -> Result<Value> {
    untagged(serde_norway::from_str(&read(file)?).with_context(|| file.to_owned())?)
}

fn untagged(value: Yaml) -> Result<Value> {
    Ok(match value {
        Yaml::Tagged(tagged) => untagged(tagged.value)?,
        Yaml::Sequence(items) => {
            Value::Array(items.into_iter().map(untagged).collect::<Result<_>>()?)
        }
        Yaml::Mapping(members) => {
            let member = |(name, value): (Yaml, Yaml)| {
                let name = match name {
                    Yaml::String(name) => name,
                    other => serde_json::to_string(&untagged(other)?)?,
                };
                anyhow::Ok((name, untagged(value)?))
            };
            Value::Object(members.into_iter().map(member).collect::<Result<_>>()?)
        }
        plain => serde_json::to_value(plain)?,
    })
}

/// `CreateSettlement` is `create-settlement`.
fn kebab(id: &str) -> String {
    let mut name = String::new();
    for letter in id.chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.extend(letter.to_lowercase());
    }
    name
}
