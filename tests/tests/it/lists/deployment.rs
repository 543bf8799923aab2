//! What a first deployment, and each later one, meets at AWS: names, versions, protections, quotas. No server is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;
use std::sync::LazyLock;

use anyhow::{Context as _, Result, anyhow, ensure};
use regex::Regex;
use serde_json::{Map, Value, json};
use tests::{folders, tools};

use super::limits::Templates;
use super::read;
use super::template::yaml;
use crate::endpoints::TABLE;

/// Regions old and new: the suffix of their names, and where a stack waits for a custom resource's reply.
const REGIONS: [(&str, &str, &str); 12] = [
    ("us-east-1", "amazonaws.com", ".s3.amazonaws.com"),
    ("us-east-2", "amazonaws.com", ".s3.us-east-2.amazonaws.com"),
    ("us-west-1", "amazonaws.com", ".s3-us-west-1.amazonaws.com"),
    ("us-west-2", "amazonaws.com", ".s3-us-west-2.amazonaws.com"),
    ("eu-west-1", "amazonaws.com", ".s3-eu-west-1.amazonaws.com"),
    (
        "eu-central-1",
        "amazonaws.com",
        ".s3.eu-central-1.amazonaws.com",
    ),
    (
        "ap-southeast-1",
        "amazonaws.com",
        ".s3-ap-southeast-1.amazonaws.com",
    ),
    (
        "ap-southeast-2",
        "amazonaws.com",
        ".s3-ap-southeast-2.amazonaws.com",
    ),
    (
        "ap-northeast-1",
        "amazonaws.com",
        ".s3-ap-northeast-1.amazonaws.com",
    ),
    ("sa-east-1", "amazonaws.com", ".s3-sa-east-1.amazonaws.com"),
    ("ca-west-1", "amazonaws.com", ".s3.ca-west-1.amazonaws.com"),
    (
        "cn-north-1",
        "amazonaws.com.cn",
        ".s3.cn-north-1.amazonaws.com.cn",
    ),
];

/// What functions, operators and stacks ask for; R is the region, S its suffix.
const ASKED: [&str; 9] = [
    "optkas-dev.proxy-c1a2b3c4d5e6.R.rds.S",
    "optkas-dev.cluster-c1a2b3c4d5e6.R.rds.S",
    "optkas-dev-1.c1a2b3c4d5e6.R.rds.S",
    "secretsmanager.R.S",
    "dynamodb.R.S",
    "123456789012.ddb.R.S",
    "optkas-dev-log.s3.R.S",
    "project.supabase.co",
    "witness.example.com",
];

/// What would be a way out: services, and other accounts' buckets, tables, queues, functions.
const NOT_ASKED: [&str; 44] = [
    "R.S",
    "a.R.S",
    "s3.R.S",
    "s3.S",
    "evil.s3.S",
    "evil.s3.R.S",
    "evil.s3-R.S",
    "evil.s3.dualstack.R.S",
    "evil.s3-accelerate.S",
    "evil.s3-website.R.S",
    "optkas-dev-log.s3.S",
    "optkas-dev-log.s3.eu-north-1.S",
    "a.optkas-dev-log.s3.R.S",
    "optkas-dev-log.s3.R.S.example.com",
    "cloudformation-custom-resource-response-eunorth1.s3.eu-north-1.S",
    "cloudformation-custom-resource-response-evil.s3.R.S",
    "secretsmanager.eu-north-1.S",
    "a.secretsmanager.R.S",
    "dynamodb.eu-north-1.S",
    "999999999999.ddb.R.S",
    "streams.dynamodb.R.S",
    "a.execute-api.R.S",
    "a.lambda-url.R.on.aws",
    "lambda.R.S",
    "sqs.R.S",
    "sns.R.S",
    "kinesis.R.S",
    "firehose.R.S",
    "logs.R.S",
    "monitoring.R.S",
    "events.R.S",
    "sts.R.S",
    "sts.S",
    "iam.S",
    "kms.R.S",
    "ssm.R.S",
    "ec2.R.S",
    "a.elb.R.S",
    "git-codecommit.R.S",
    "a.dkr.ecr.R.S",
    "a.R.es.S",
    "a.R.redshift.S",
    "d111111abcdef8.cloudfront.net",
    "evil.supabase.co",
];

/// The templates as they are.
fn current() -> Result<&'static Templates> {
    static CURRENT: LazyLock<Result<Templates>> = LazyLock::new(|| Templates::of(&BTreeMap::new()));
    CURRENT.as_ref().map_err(|cause| anyhow!("{cause:#}"))
}

/// The network of a stage in that region, as `CloudFormation` resolves it.
fn network(region: &str, suffix: &str) -> Result<Value> {
    let templates = current()?;
    let known = [
        ("AWS::Region", json!(region)),
        ("AWS::URLSuffix", json!(suffix)),
        ("AWS::Partition", json!("aws")),
        ("AWS::AccountId", json!("123456789012")),
        ("LogBucket", json!("optkas-dev-log")),
        (
            "OutboundHosts",
            json!(["project.supabase.co", "witness.example.com"]),
        ),
    ];
    let known = known.map(|(name, value)| (name.to_owned(), value)).into();
    Ok(resolved(
        &templates.template("infra/network.yaml")["Resources"],
        &known,
    ))
}

/// A value with its functions computed, as far as these are known.
fn resolved(value: &Value, known: &BTreeMap<String, Value>) -> Value {
    let of = |value: &Value| resolved(value, known);
    let text = |value: Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: Value| value.as_array().cloned().unwrap_or_default();
    match value {
        Value::Array(all) => all.iter().map(of).collect(),
        Value::Object(members) => match members.iter().next() {
            Some((name, given)) if members.len() == 1 => match name.as_str() {
                "Ref" => {
                    let name = given.as_str().unwrap_or_default();
                    known.get(name).cloned().unwrap_or_else(|| value.clone())
                }
                "Fn::Join" => {
                    let texts: Vec<String> = list(of(&given[1])).into_iter().map(text).collect();
                    json!(texts.join(given[0].as_str().unwrap_or_default()))
                }
                "Fn::Split" => {
                    let whole = text(of(&given[1]));
                    json!(
                        whole
                            .split(given[0].as_str().unwrap_or_default())
                            .collect::<Vec<_>>()
                    )
                }
                "Fn::Sub" => {
                    let (template, own) = match given {
                        Value::Array(both) => (both[0].clone(), of(&both[1])),
                        one => (one.clone(), json!({})),
                    };
                    let own = own.as_object().cloned().unwrap_or_default();
                    let all = known.iter().chain(&own);
                    json!(all.fold(text(template), |text, (name, value)| {
                        text.replace(&format!("${{{name}}}"), value.as_str().unwrap_or_default())
                    }))
                }
                _ => Value::Object(Map::from_iter([(name.clone(), of(given))])),
            },
            _ => members
                .iter()
                .map(|(name, value)| (name.clone(), of(value)))
                .collect(),
        },
        plain => plain.clone(),
    }
}

#[test]
fn what_is_asked_for_has_an_address_and_nothing_else_has() -> Result<()> {
    for (region, suffix, mailbox) in REGIONS {
        let network = network(region, suffix)?;
        let domains = network["KnownNames"]["Properties"]["Domains"].clone();
        let domains: Vec<String> = serde_json::from_value(domains).context("resolved domains")?;
        let one_of_each: BTreeSet<&String> = domains.iter().collect();
        assert_eq!(one_of_each.len(), domains.len(), "{domains:?}");
        let passes = |name: &str| {
            domains.iter().any(|domain| match domain.strip_prefix('*') {
                Some(end) => name.ends_with(end) && name.len() > end.len(),
                None => name == domain,
            })
        };
        let named = |name: &str| {
            name.replace(".S", &format!(".{suffix}"))
                .replace('R', region)
        };
        let plain = region.replace('-', "");
        let mailbox = format!("cloudformation-custom-resource-response-{plain}{mailbox}");
        for asked in ASKED.map(named).into_iter().chain([mailbox]) {
            assert!(passes(&asked), "{asked} has no address: {domains:?}");
        }
        for other in NOT_ASKED.map(named) {
            assert!(!passes(&other), "{other} has an address: {domains:?}");
        }
        // What the firewall lets through by its name, and what the endpoint of S3 does.
        let targets =
            &network["KnownHosts"]["Properties"]["RuleGroup"]["RulesSource"]["RulesSourceList"];
        assert_eq!(
            targets["Targets"],
            json!(["project.supabase.co", "witness.example.com"])
        );
        let statements = &network["S3Endpoint"]["Properties"]["PolicyDocument"]["Statement"];
        assert_eq!(
            statements[1]["Resource"],
            format!("arn:aws:s3:::cloudformation-custom-resource-response-{plain}/*")
        );
    }
    Ok(())
}

/// The logical ids of versions, by template: `CloudFormation` publishes a version for each new one.
fn versions(stages: &str) -> Result<BTreeSet<(String, String)>> {
    let current = |file: &str| {
        if file == generate::STAGES {
            Ok(stages.to_owned())
        } else {
            read(file)
        }
    };
    let templates = Templates::of(&generate::generate(&TABLE, &current)?)?;
    let mut ids = BTreeSet::new();
    for (file, template) in templates.all() {
        for (id, resource) in template["Resources"].as_object().context("resources")? {
            if resource["Type"] == "AWS::Lambda::Version" {
                ids.insert((file.clone(), id.clone()));
            }
        }
    }
    Ok(ids)
}

#[test]
fn a_changed_parameter_is_a_new_version_of_every_function() -> Result<()> {
    let stages = read(generate::STAGES)?;
    let before = versions(&stages)?;
    assert_eq!(before.len(), TABLE.functions.len());
    assert_eq!(before, versions(&stages)?);
    let changed = stages.replacen(
        "\"LogRetentionDays=14\"",
        "\"LogRetentionDays=14\", \"MemoryMb=1024\"",
        1,
    );
    assert_ne!(changed, stages);
    let after = versions(&changed)?;
    assert_eq!(after.len(), before.len());
    assert_eq!(after.intersection(&before).count(), 0);
    Ok(())
}

/// Nothing is protected, and nothing kept, before there is something in it; then all of it is.
#[test]
fn what_is_kept_is_kept_once_there_is_something() -> Result<()> {
    let root = yaml("template.yaml")?;
    let kept = ["Database", "Log", "Network"];
    for (id, resource) in root["Resources"].as_object().context("resources")? {
        if resource["Type"] == "AWS::Serverless::Application" {
            let policy = if kept.contains(&&**id) {
                json!("RetainExceptOnCreate")
            } else {
                Value::Null
            };
            assert_eq!(resource["DeletionPolicy"], policy, "{id}");
        }
    }
    let templates = current()?;
    let by_state = json!({ "Fn::If": ["WhenBootstrapped", true, false] });
    let mut protections = 0;
    for (file, template) in templates.all() {
        for (id, resource) in template["Resources"].as_object().context("resources")? {
            if resource["Type"] != "AWS::Lambda::Version" {
                assert_ne!(resource["DeletionPolicy"], "Retain", "{file} {id}");
            }
            for (name, value) in resource["Properties"].as_object().into_iter().flatten() {
                if name.contains("Protection") && name != "MutationProtection" {
                    assert_eq!(*value, by_state, "{file} {id} {name}");
                    protections += 1;
                }
            }
            // Nothing runs before there is a database.
            if resource["Type"] == "AWS::Events::Rule" {
                let state = json!({ "Fn::If": ["WhenBootstrapped", "ENABLED", "DISABLED"] });
                assert_eq!(resource["Properties"]["State"], state, "{file} {id}");
            }
        }
    }
    assert_eq!(protections, 4);
    Ok(())
}

/// The front reads what readers of the log ask for, whatever the bucket also holds, and cannot list.
#[test]
fn the_front_serves_published_files_alone() -> Result<()> {
    let log = current()?.template("infra/log.yaml");
    let statements = &log["Resources"]["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"];
    let all = statements.as_array().context("statements")?;
    let allowed: Vec<&Value> = all.iter().filter(|one| one["Effect"] != "Deny").collect();
    let [choice] = allowed[..] else {
        anyhow::bail!("more is allowed: {allowed:?}");
    };
    let [condition, front, nothing] = [0, 1, 2].map(|at| &choice["Fn::If"][at]);
    assert_eq!(
        (condition, nothing),
        (&json!("WhenPublished"), &json!({ "Ref": "AWS::NoValue" }))
    );
    assert_eq!(front["Action"], "s3:GetObject");
    assert_eq!(
        front["Principal"],
        json!({ "Service": "cloudfront.amazonaws.com" })
    );
    let own = &front["Condition"]["StringEquals"]["aws:SourceArn"]["Fn::Sub"];
    assert!(
        own.as_str()
            .is_some_and(|arn| arn.ends_with("distribution/${Front}")),
        "{own}"
    );
    let files = ["checkpoint", "checkpoints/*", "tile/*", "not-found"];
    let files = files.map(|file| json!({ "Fn::Sub": format!("${{Bucket.Arn}}/{file}") }));
    assert_eq!(front["Resource"], json!(files));

    let config = &log["Resources"]["Front"]["Properties"]["DistributionConfig"];
    let others = config["CacheBehaviors"].as_array().into_iter().flatten();
    for behaviour in others.chain([&config["DefaultCacheBehavior"]]) {
        assert_eq!(
            behaviour["ViewerProtocolPolicy"], "https-only",
            "{behaviour}"
        );
        assert_eq!(
            behaviour["AllowedMethods"],
            json!(["GET", "HEAD"]),
            "{behaviour}"
        );
    }
    let missing = &config["CustomErrorResponses"][0];
    assert_eq!(
        (&missing["ErrorCode"], &missing["ResponseCode"]),
        (&json!(403), &json!(404))
    );
    assert_eq!(missing["ResponsePagePath"], "/not-found");
    for id in ["Front", "FrontAccess"] {
        assert_eq!(log["Resources"][id]["Condition"], "WhenPublished", "{id}");
    }
    assert_eq!(
        current()?.template("template.yaml")["Parameters"]["PublishLog"]["Default"],
        "false"
    );
    Ok(())
}

/// API Gateway refuses settings of a route that it does not know, and keeps those of a route that is gone.
#[test]
fn only_a_route_that_differs_has_settings() -> Result<()> {
    let api = yaml("template.yaml")?["Resources"]["Api"]["Properties"].take();
    let paths = api["DefinitionBody"]["paths"]
        .as_object()
        .context("paths")?;
    let default = &api["DefaultRouteSettings"];
    for (route, settings) in api["RouteSettings"].as_object().context("settings")? {
        let (method, path) = route.split_once(' ').context("a route")?;
        assert!(paths[path][method.to_lowercase()].is_object(), "{route}");
        assert_ne!(settings, default, "{route}");
        // What a route says replaces the default as a whole.
        assert_eq!(settings["DetailedMetricsEnabled"], true, "{route}");
    }
    Ok(())
}

/// A young account has 3,008 MB a function, and reserves nothing. A grown one has 1,000 at once, of which 100 stay
/// unreserved.
#[test]
fn every_stage_stays_within_its_accounts_quotas() -> Result<()> {
    let declared = yaml("template.yaml")?["Parameters"].take();
    let stages = read("samconfig.toml")?;
    let section = |name: &str| {
        let begin = stages.find(&format!("[{name}.deploy.parameters]"))?;
        stages[begin + 1..].split("\n[").next()
    };
    let jobs = TABLE
        .functions
        .iter()
        .filter(|one| one.kind == generate::Kind::Job)
        .count();
    let jobs = u64::try_from(jobs)?;
    let endpoints = u64::try_from(TABLE.functions.len())? - jobs;
    for (stage, is_young) in [("default", true), ("prod", false)] {
        let section = section(stage).context(stage)?;
        let value = |name: &str| -> Result<u64> {
            let own = Regex::new(&format!(r#""{name}=(\d+)""#))?;
            let given = own
                .captures(section)
                .and_then(|found| found[1].parse().ok());
            given
                .or_else(|| declared[name]["Default"].as_u64())
                .context(name.to_owned())
        };
        let at_once = value("Concurrency")?;
        let reserved = if at_once == 0 {
            0
        } else {
            endpoints * at_once + jobs
        };
        let largest = value("MemoryMb")?.max(value("RiskMemoryMb")?);
        let (reserved_max, memory_max) = if is_young { (0, 3_008) } else { (900, 10_240) };
        assert!(reserved <= reserved_max, "{stage} reserves {reserved}");
        assert!(largest <= memory_max, "{stage} needs {largest} MB");
    }
    Ok(())
}

/// What is passed on is checked by the same rule where it arrives: minutes later is too late.
#[test]
fn a_parameter_that_is_passed_on_has_one_rule() -> Result<()> {
    let templates = current()?;
    let root = templates.template("template.yaml");
    let source = yaml("template.yaml")?;
    let mut compared = 0;
    for (id, resource) in root["Resources"].as_object().context("resources")? {
        if resource["Type"] != "AWS::CloudFormation::Stack" {
            continue;
        }
        let file = source["Resources"][id]["Properties"]["Location"].as_str();
        let nested = templates.template(file.context("a file")?);
        for (name, value) in resource["Properties"]["Parameters"]
            .as_object()
            .into_iter()
            .flatten()
        {
            let Some(own) = value["Ref"]
                .as_str()
                .filter(|own| !own.starts_with("AWS::"))
            else {
                continue;
            };
            for rule in [
                "AllowedPattern",
                "AllowedValues",
                "MinValue",
                "MaxValue",
                "MinLength",
                "MaxLength",
            ] {
                let (inner, outer) = (
                    &nested["Parameters"][name][rule],
                    &root["Parameters"][own][rule],
                );
                if !inner.is_null() {
                    assert_eq!(inner, outer, "{file:?} {name}: {rule}");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 10, "{compared}");
    Ok(())
}

/// The linter sees what `CloudFormation` gets, not only what SAM reads.
#[test]
fn the_translated_templates_are_without_fault() -> Result<()> {
    let templates = current()?;
    let folder = folders::own("translated")?;
    let mut files = Vec::new();
    for (file, template) in templates.all() {
        // A loop is not written out here as AWS does it; the linter reads its source elsewhere.
        if file != "infra/observability.yaml" {
            let path = folder.join(file.replace('/', "-")).with_extension("json");
            fs::write(&path, template.to_string())?;
            files.push(path);
        }
    }
    let linter = tools::install(tools::Set::Checks)?.join("cfn-lint");
    let output = Command::new(linter)
        // The translator has put the style of deployments in place.
        .args(["--format", "parseable", "--ignore-checks", "W2001"])
        .arg("--")
        .args(files)
        .output()?;
    ensure!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
