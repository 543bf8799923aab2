//! template.yaml and the templates of functions, read as far as the lists and the least privilege go.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use serde_norway::Value as Yaml;

use tests::deployment::login;

use super::{files, jobs, read};

/// The templates' functions by their kebab-case names.
pub(super) struct Template {
    pub(super) functions: BTreeMap<String, Resource>,
    /// Those of template.yaml and of the templates of functions.
    pub(super) resources: Map<String, Value>,
}

/// A function with what belongs to it.
pub(super) struct Resource {
    /// Its logical id.
    pub(super) id: String,
    /// Its template.
    pub(super) file: String,
    /// Its own and the global environment's names.
    pub(super) variables: BTreeSet<String>,
    pub(super) properties: Value,
}

impl Template {
    pub(super) fn load() -> Result<Self> {
        let mut functions = BTreeMap::new();
        let mut resources = Map::new();
        let nested = function_templates()?;
        for file in [String::from("template.yaml")].into_iter().chain(nested) {
            let document = yaml(&file)?;
            let global = &document["Globals"]["Function"]["Environment"]["Variables"];
            for (id, resource) in document["Resources"].as_object().context("resources")? {
                if resource["Type"] == "AWS::Serverless::Function" {
                    let name = kebab(id);
                    assert_eq!(
                        resource["Metadata"]["BuildProperties"]["Binary"], *name,
                        "{id} takes its own binary"
                    );
                    assert_eq!(
                        resource["Properties"]["FunctionName"],
                        format!("${{Name}}-{name}"),
                        "{id}"
                    );
                    let properties = resource["Properties"].clone();
                    let own = &properties["Environment"]["Variables"];
                    let variables = [global, own]
                        .into_iter()
                        .filter_map(Value::as_object)
                        .flat_map(Map::keys)
                        .cloned()
                        .collect();
                    let function = Resource {
                        id: id.clone(),
                        file: file.clone(),
                        variables,
                        properties,
                    };
                    functions.insert(name, function);
                }
                let other = resources.insert(id.clone(), resource.clone());
                assert_eq!(other, None, "{id} is of one template");
            }
        }
        Ok(Self {
            functions,
            resources,
        })
    }

    /// Function, method and path of each route of the API.
    pub(super) fn routes(&self) -> Result<BTreeSet<(String, String, String)>> {
        let mut routes = BTreeSet::new();
        let paths = &self.resources["Api"]["Properties"]["DefinitionBody"]["paths"];
        for (path, methods) in paths.as_object().context("paths")? {
            for (method, operation) in methods.as_object().context("methods")? {
                let integration = &operation["x-amazon-apigateway-integration"];
                assert_eq!(integration["type"], "aws_proxy", "{method} {path}");
                assert_eq!(
                    integration["payloadFormatVersion"], "2.0",
                    "{method} {path}"
                );
                let uri = integration["uri"].as_str().context("a uri")?;
                let name = uri
                    .strip_prefix(
                        "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/\
                        arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-",
                    )
                    .and_then(|rest| rest.strip_suffix(":live/invocations"))
                    .with_context(|| uri.to_owned())?;
                routes.insert((name.to_owned(), method.to_uppercase(), path.clone()));
            }
        }
        Ok(routes)
    }
}

/// The templates that have functions.
pub(super) fn function_templates() -> Result<Vec<String>> {
    let names = files("infra", ".yaml")?.into_iter();
    Ok(names
        .filter(|name| name.starts_with("functions-"))
        .map(|name| format!("infra/{name}.yaml"))
        .collect())
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
        let role = &template.resources[&format!("{id}Role")]["Properties"];
        let arn = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:${SecretsPrefix}";
        let mut secrets = Vec::new();
        if name.ends_with("-webhook") {
            secrets.push(format!("{arn}/webhooks/{name}-??????"));
        }
        secrets.extend(signing_key(name).map(|kind| format!("{arn}/{kind}/{name}-??????")));
        let dbuser =
            "arn:${AWS::Partition}:rds-db:${AWS::Region}:${AWS::AccountId}:dbuser:${ProxyId}";
        let mut statements = json!([
            { "Effect": "Allow", "Action": "rds-db:connect", "Resource": format!("{dbuser}/{}", login(name)) },
            { "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secrets.first() },
            {
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": format!("{id}Logs.Arn"),
            },
            { "Effect": "Allow", "Action": ["xray:PutTelemetryRecords", "xray:PutTraceSegments"], "Resource": "*" },
        ]);
        assert!(secrets.len() < 2, "{name}");
        if secrets.is_empty() {
            statements.as_array_mut().context("statements")?.remove(1);
        }
        if name == "sign-checkpoint" {
            statements
                .as_array_mut()
                .context("statements")?
                .extend(publication());
        }
        assert_eq!(
            role["ManagedPolicyArns"],
            json!(["NetworkAccessArn"]),
            "{name}"
        );
        let policies = role["Policies"].as_array().context("policies")?;
        assert_eq!(policies.len(), 1, "{name}");
        assert_eq!(
            policies[0]["PolicyDocument"]["Statement"], statements,
            "{name}"
        );
        let logs = &template.resources[&format!("{id}Logs")];
        assert_eq!(logs["Type"], "AWS::Logs::LogGroup", "{name}");
    }
    let roles: BTreeSet<&String> = template
        .resources
        .iter()
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
        json!({
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject", "s3:PutObjectRetention"],
            "Resource": "${TlogBucketArn}/*",
        }),
        json!({ "Effect": "Allow", "Action": "s3:DeleteObject", "Resource": "${TlogBucketArn}/staging/*" }),
        json!({ "Effect": "Allow", "Action": ["s3:ListBucket", "s3:ListBucketVersions"], "Resource": "TlogBucketArn" }),
        json!({
            "Effect": "Allow",
            "Action": ["dynamodb:GetItem", "dynamodb:PutItem"],
            "Resource": "TlogStateTableArn",
        }),
    ]
}

#[test]
fn the_templates_of_functions_are_handed_what_they_declare() -> Result<()> {
    let root = yaml("template.yaml")?;
    let stacks: BTreeMap<&str, &Map<String, Value>> = root["Resources"]
        .as_object()
        .into_iter()
        .flat_map(Map::values)
        .filter_map(|stack| {
            let properties = &stack["Properties"];
            Some((
                properties["Location"].as_str()?,
                properties["Parameters"].as_object()?,
            ))
        })
        .collect();
    // A function believes these, and its role is made of them.
    let right = [
        ("Bootstrapped", "DatabaseBootstrapped"),
        (
            "DatabaseUrl",
            "postgresql://${Database.Outputs.Host}:5432/${DatabaseName}?sslmode=verify-full",
        ),
        ("DeploymentsRoleArn", "DeploymentsRole.Arn"),
        ("FunctionsGroupId", "Network.Outputs.FunctionsGroupId"),
        ("InsideSubnetIds", "Network.Outputs.InsideSubnetIds"),
        ("JwksUrl", "${JwtIssuer}/.well-known/jwks.json"),
        ("LogsKeyArn", "Observability.Outputs.LogsKeyArn"),
        ("Name", "AWS::StackName"),
        ("NetworkAccessArn", "NetworkAccess"),
        ("OutboundGroupId", "Network.Outputs.OutboundGroupId"),
        ("OutboundSubnetIds", "Network.Outputs.OutboundSubnetIds"),
        ("ProxyId", "Database.Outputs.ProxyId"),
        ("StorageGroupId", "Network.Outputs.StorageGroupId"),
        ("TlogBucketArn", "Log.Outputs.BucketArn"),
        ("TlogBucketName", "Log.Outputs.BucketName"),
        ("TlogStateTableArn", "Log.Outputs.StateTableArn"),
        ("TlogStateTableName", "Log.Outputs.StateTableName"),
    ];
    for file in function_templates()? {
        let declared = yaml(&file)?["Parameters"].clone();
        let handed = stacks.get(&*file).with_context(|| file.clone())?;
        assert_eq!(
            handed.keys().collect::<BTreeSet<_>>(),
            declared
                .as_object()
                .context("parameters")?
                .keys()
                .collect::<BTreeSet<_>>(),
            "{file}"
        );
        for (name, value) in *handed {
            let expected = right.iter().find(|(right, _)| right == name);
            match (&**name, expected) {
                (_, Some((_, expected))) => assert_eq!(value, expected, "{file} {name}"),
                ("Anchored" | "Reserved" | "Witnessed", None) => {
                    assert_eq!(*value, json!([name, "true", "false"]), "{file}");
                }
                (_, None) => assert_eq!(value, name, "{file}: the parameter of that name"),
            }
        }
    }
    Ok(())
}

/// `CloudFormation` refuses a template in which something waits for what a condition leaves out.
#[test]
fn nothing_waits_for_what_a_stage_may_not_have() -> Result<()> {
    let nested = files("infra", ".yaml")?.into_iter();
    let nested = nested.map(|name| format!("infra/{name}.yaml"));
    for file in nested.chain(["template.yaml".to_owned()]) {
        let resources = yaml(&file)?["Resources"].clone();
        for (id, resource) in resources.as_object().context("resources")? {
            let waits = match &resource["DependsOn"] {
                Value::Array(all) => all.clone(),
                Value::Null => continue,
                one => vec![one.clone()],
            };
            for other in waits {
                let other = other.as_str().context("a name")?;
                let condition = &resources[other]["Condition"];
                assert!(
                    resources[other].is_object(),
                    "{file}: {id} waits for {other}"
                );
                assert!(
                    condition.is_null() || *condition == resource["Condition"],
                    "{file}: {id} waits for {other}, which not every stage has"
                );
            }
        }
    }
    Ok(())
}

#[test]
fn the_scheduler_calls_the_functions_of_the_system_but_the_deployment() -> Result<()> {
    let template = Template::load()?;
    let events = |name: &str| template.functions[name].properties["Events"].clone();
    for name in jobs().filter(|name| *name != "migrate") {
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
pub(crate) fn yaml(file: &str) -> Result<Value> {
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
