//! The rules that the templates keep, beyond what linters know: who may do what, who may reach whom, what is logged,
//! and that nothing goes in the clear. An allowance is a line here, with its reason.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use regex::Regex;
use serde_json::{Map, Value, json};
use tests::deployment::login;

use super::template::{Template, function_templates, yaml};
use super::{captures, files, jobs, read};

/// The only statements that may name no resource, and why.
const ON_EVERYTHING: [(&str, &[&str], &str); 2] = [
    (
        "NetworkAccess",
        &[
            "ec2:AssignPrivateIpAddresses",
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:UnassignPrivateIpAddresses",
        ],
        "Lambda asks for them together when it attaches a function; a second statement denies them to the code",
    ),
    (
        "Role",
        &["xray:PutTelemetryRecords", "xray:PutTraceSegments"],
        "traces have no resource to name",
    ),
];

/// The only functions that may ask hosts outside, and for what.
const OUTBOUND: [(&str, &str); 3] = [
    ("sync-jwks", "the issuer"),
    ("sign-checkpoint", "the witnesses, if there are any"),
    ("anchor-checkpoint", "the chain's node"),
];

#[test]
fn no_statement_allows_every_action_or_every_resource() -> Result<()> {
    for (place, statement) in statements()? {
        if statement["Effect"] == "Deny" {
            continue;
        }
        let is_key = statement["Resource"] == "*" && place.contains(".KeyPolicy");
        let actions = texts(&statement["Action"]);
        let resources = texts(&statement["Resource"]);
        assert!(!actions.is_empty() && !resources.is_empty(), "{place}");
        for action in &actions {
            // A key that nobody may administer cannot even be deleted; IAM says who of the account may.
            let administration = is_key
                && action == "kms:*"
                && statement["Principal"]["AWS"]
                    == "arn:${AWS::Partition}:iam::${AWS::AccountId}:root";
            assert!(!action.contains('*') || administration, "{place}: {action}");
        }
        for resource in &resources {
            // In a key's policy it is that key.
            let allowed = is_key
                || ON_EVERYTHING.iter().any(|(resource, allowed, _)| {
                    place.contains(resource)
                        && actions.iter().all(|action| allowed.contains(&&**action))
                });
            assert!(is_particular(resource) || allowed, "{place}: {resource}");
        }
    }
    Ok(())
}

/// A star may end a name, or stand for one, below something of this stage; it may not be the service, the account,
/// or the kind.
fn is_particular(resource: &str) -> bool {
    let name = resource.splitn(6, ':').last().unwrap_or_default();
    match resource.find('*') {
        None => true,
        Some(_) if resource.starts_with("arn:") => {
            !name.starts_with('*') && resource[..resource.len() - name.len()].find('*').is_none()
        }
        Some(at) => resource.starts_with("${") && at > 3,
    }
}

#[test]
fn a_statement_for_any_principal_is_limited_to_this_account() -> Result<()> {
    for (place, statement) in statements()? {
        let anybody = statement["Principal"] == "*" || statement["Principal"]["AWS"] == "*";
        if !anybody || statement["Effect"] == "Deny" {
            continue;
        }
        let condition = &statement["Condition"]["StringEquals"];
        let of_account = ["aws:PrincipalAccount", "kms:CallerAccount"]
            .iter()
            .any(|key| condition[key] == "AWS::AccountId");
        // CloudFormation's own URL, for the reply of a custom resource.
        let mailbox = statement["Action"] == "s3:PutObject"
            && statement["Resource"][0]
                == "arn:${AWS::Partition}:s3:::cloudformation-custom-resource-response-${Plain}/*";
        assert!(of_account || mailbox, "{place}");
    }
    Ok(())
}

#[test]
fn a_service_principal_acts_for_this_account_only() -> Result<()> {
    for (place, statement) in statements()? {
        let Some(service) = statement["Principal"]["Service"].as_str() else {
            continue;
        };
        let condition = &statement["Condition"];
        let arns = [
            &condition["ArnLike"]["kms:EncryptionContext:aws:logs:arn"],
            &condition["StringEquals"]["aws:SourceArn"],
        ];
        let of_account = |arn: &&Value| {
            let arn = arn.as_str().unwrap_or_default();
            arn.contains(":${AWS::AccountId}:")
        };
        let bound = condition["StringEquals"]["aws:SourceAccount"] == "AWS::AccountId"
            || arns.iter().any(of_account);
        // Lambda assumes a role for functions of the account that passed it the role, and names no source.
        assert!(bound || service == "lambda.amazonaws.com", "{place}");
    }
    Ok(())
}

#[test]
fn connections_are_opened_to_named_groups_and_ports() -> Result<()> {
    let mut groups = 0;
    for (place, resource) in resources()? {
        let properties = &resource["Properties"];
        match resource["Type"].as_str().unwrap_or_default() {
            "AWS::EC2::SecurityGroup" => {
                groups += 1;
                assert_eq!(properties["SecurityGroupIngress"], Value::Null, "{place}");
                let rules = properties["SecurityGroupEgress"]
                    .as_array()
                    .context(place.clone())?;
                assert!(
                    !rules.is_empty(),
                    "{place}: AWS would open it to everywhere"
                );
                for rule in rules {
                    let nowhere = rule["CidrIp"] == "127.0.0.1/32";
                    let ports = rule["FromPort"] == rule["ToPort"]
                        && (rule["FromPort"] == 443 || rule["FromPort"] == 5432);
                    let everywhere = rule["CidrIp"] == "0.0.0.0/0";
                    assert!(
                        nowhere || (rule["IpProtocol"] == "tcp" && ports),
                        "{place}: {rule}"
                    );
                    // Names are limited for it: by DNS, and by the firewall where there is one.
                    let outbound =
                        place == "infra/network.yaml OutboundGroup" && rule["FromPort"] == 443;
                    assert!(!everywhere || outbound, "{place}: {rule}");
                    assert_eq!(rule["CidrIpv6"], Value::Null, "{place}");
                }
            }
            "AWS::EC2::SecurityGroupIngress" => {
                assert_eq!(
                    (&properties["CidrIp"], &properties["CidrIpv6"]),
                    (&Value::Null, &Value::Null),
                    "{place}"
                );
                assert_eq!(properties["FromPort"], properties["ToPort"], "{place}");
            }
            "AWS::EC2::SecurityGroupEgress" => {
                panic!("{place}: a group's own list is the whole list")
            }
            "AWS::EC2::Subnet" => {
                assert_eq!(properties["MapPublicIpOnLaunch"], Value::Null, "{place}");
            }
            _ => {}
        }
    }
    assert_eq!(groups, 7);
    Ok(())
}

#[test]
fn the_subnets_of_the_database_have_no_way_out() -> Result<()> {
    let network = yaml("infra/network.yaml")?;
    let mut routed = BTreeSet::new();
    for resource in network["Resources"]
        .as_object()
        .context("resources")?
        .values()
    {
        if resource["Type"] == "AWS::EC2::Route" {
            routed.extend(texts(&resource["Properties"]["RouteTableId"]));
        }
    }
    let tables = [
        "FirewallRoutesA",
        "FirewallRoutesB",
        "OutboundRoutesA",
        "OutboundRoutesB",
        "PublicRoutesA",
        "PublicRoutesB",
    ];
    assert_eq!(
        routed,
        tables.map(str::to_owned).into(),
        "no table of the inside or the data subnets"
    );
    let rules = &network["Resources"]["Names"]["Properties"]["FirewallRules"];
    let last = rules.as_array().and_then(|rules| rules.last());
    assert_eq!(
        last.context("rules")?["Action"],
        "BLOCK",
        "what is not known has no address"
    );
    assert_eq!(
        network["Resources"]["AllNames"]["Properties"]["Domains"][0],
        "*"
    );
    let policy = &network["Resources"]["FirewallPolicy"]["Properties"]["FirewallPolicy"];
    assert_eq!(policy["StatefulDefaultActions"][0], "aws:drop_established");
    Ok(())
}

#[test]
fn only_functions_that_call_outside_are_let_out() -> Result<()> {
    for (name, function) in Template::load()?.functions {
        let config = function.properties["VpcConfig"].to_string();
        let out = OUTBOUND.iter().any(|(outbound, _)| *outbound == name)
            || crate::endpoints::PEOPLES.contains(&&*name);
        assert_eq!(config.contains("OutboundSubnetIds"), out, "{name}");
        assert_eq!(config.contains("OutboundGroupId"), out, "{name}");
        assert_eq!(
            config.contains("InsideSubnetIds"),
            !out || name == "sign-checkpoint",
            "{name}"
        );
        assert!(config.contains("FunctionsGroupId"), "{name}");
        // The log is published, and the stack answered, in S3.
        let stores = name == "migrate" || name == "sign-checkpoint";
        assert_eq!(config.contains("StorageGroupId"), stores, "{name}");
    }
    Ok(())
}

#[test]
fn every_route_leads_to_a_function_that_authenticates() -> Result<()> {
    let template = Template::load()?;
    let api = &template.resources["Api"]["Properties"];
    for other in ["DefinitionUri", "Auth"] {
        assert_eq!(api[other], Value::Null, "routes are in the template");
    }
    let routes = template.routes()?;
    // A route without a limit of its own has this one.
    for limit in ["ThrottlingBurstLimit", "ThrottlingRateLimit"] {
        assert!(!api["DefaultRouteSettings"][limit].is_null(), "{limit}");
    }
    let entrance = Regex::new(r"(?m)^    (human|agent)\(")?;
    for (function, method, path) in &routes {
        assert!(
            method != "ANY" && !path.contains('+') && path.starts_with("/v1/"),
            "{path}"
        );
        let main = read(&format!("functions/{function}/src/main.rs"))?;
        assert!(entrance.is_match(&main), "{function} does not authenticate");
    }
    let mut permitted = BTreeSet::new();
    for (place, resource) in resources()? {
        let properties = &resource["Properties"];
        match resource["Type"].as_str().unwrap_or_default() {
            // The API's, for one route each.
            "AWS::Lambda::Permission" => {
                assert_eq!(properties["Principal"], "apigateway.amazonaws.com");
                assert_eq!(properties["Action"], "lambda:InvokeFunction");
                let text = |name: &str| properties[name].as_str().unwrap_or_default().to_owned();
                let other = permitted.insert((text("FunctionName"), text("SourceArn")));
                assert!(other, "{place}: a second permission for one route");
            }
            "AWS::Lambda::Url" | "AWS::ApiGatewayV2::Route" => panic!("{place}"),
            _ => {}
        }
        assert_eq!(properties["FunctionUrlConfig"], Value::Null, "{place}");
    }
    let parameter = Regex::new(r"\{\w+\}")?;
    let source = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*";
    assert_eq!(
        permitted,
        routes
            .iter()
            .map(|(function, method, path)| (
                format!("${{AWS::StackName}}-{function}:live"),
                format!("{source}/{method}{}", parameter.replace_all(path, "*"))
            ))
            .collect()
    );
    Ok(())
}

#[test]
fn every_log_is_kept_and_encrypted() -> Result<()> {
    let mut groups = 0;
    for (place, resource) in resources()? {
        if resource["Type"] != "AWS::Logs::LogGroup" {
            continue;
        }
        groups += 1;
        let properties = &resource["Properties"];
        assert_eq!(properties["RetentionInDays"], "LogRetentionDays", "{place}");
        let key = properties["KmsKeyId"].as_str().unwrap_or_default();
        assert!(key.ends_with("LogsKeyArn"), "{place}");
        assert_eq!(
            resource["DeletionPolicy"], "RetainExceptOnCreate",
            "{place}"
        );
        assert_eq!(resource["UpdateReplacePolicy"], "Retain", "{place}");
    }
    // The API's, the network's two, the database's and its proxy's.
    assert_eq!(groups, Template::load()?.functions.len() + 5);
    Ok(())
}

#[test]
fn nothing_is_sent_in_the_clear_and_no_database_user_has_a_password() -> Result<()> {
    let document = yaml("template.yaml")?;
    for file in function_templates()? {
        let template = yaml(&file)?;
        let variables = &template["Globals"]["Function"]["Environment"]["Variables"];
        // What template.yaml hands on ends with sslmode=verify-full: the test of what is handed on.
        assert_eq!(variables["DATABASE_URL"], "DatabaseUrl", "{file}");
        assert_eq!(variables["DATABASE_AUTH"], "iam", "{file}");
    }
    let domain = &document["Resources"]["Domain"]["Properties"]["DomainNameConfigurations"][0];
    assert_eq!(domain["SecurityPolicy"], "TLS_1_2");

    let database = yaml("infra/database.yaml")?;
    let properties = |id: &str| database["Resources"][id]["Properties"].clone();
    let cluster = properties("Cluster");
    for (name, value) in [
        ("StorageEncrypted", true.into()),
        (
            "DeletionProtection",
            json!(["WhenBootstrapped", true, false]),
        ),
        ("EnableIAMDatabaseAuthentication", true.into()),
        ("MasterUserAuthenticationType", "iam-db-auth".into()),
        ("MasterUserPassword", Value::Null),
        ("ManageMasterUserPassword", Value::Null),
    ] {
        assert_eq!(cluster[name], value, "{name}");
    }
    let proxy = properties("Proxy");
    for (name, value) in [
        ("RequireTLS", true.into()),
        ("DefaultAuthScheme", "IAM_AUTH".into()),
        ("Auth", Value::Null),
        ("DebugLogging", false.into()),
    ] {
        assert_eq!(proxy[name], value, "{name}");
    }
    let parameters = properties("Parameters")["Parameters"].clone();
    for (name, value) in [
        ("rds.force_ssl", "1"),
        ("rds.restrict_password_commands", "1"),
        ("ssl_min_protocol_version", "TLSv1.2"),
        // A person's token is a bind parameter.
        ("log_parameter_max_length", "0"),
        ("log_parameter_max_length_on_error", "0"),
        ("log_error_verbosity", "terse"),
    ] {
        assert_eq!(parameters[name], value, "{name}");
    }
    let bucket = yaml("infra/log.yaml")?["Resources"]["BucketPolicy"].clone();
    assert!(
        bucket
            .to_string()
            .contains(r#""aws:SecureTransport":"false""#)
    );
    for instance in ["Writer", "StandbyInstance"] {
        assert_eq!(
            properties(instance)["PubliclyAccessible"],
            false,
            "{instance}"
        );
    }
    Ok(())
}

#[test]
fn the_proxy_connects_as_each_login_and_as_no_other() -> Result<()> {
    let database = yaml("infra/database.yaml")?;
    let role = &database["Resources"]["ProxyRole"]["Properties"];
    assert_eq!(role["Policies"], Value::Null);
    let mut named = BTreeSet::new();
    for policy in texts(&role["ManagedPolicyArns"]) {
        let document = &database["Resources"][&policy]["Properties"]["PolicyDocument"];
        let statements = document["Statement"].as_array().context(policy)?;
        for statement in statements {
            assert_eq!(statement["Action"], "rds-db:connect");
            named.extend(texts(&statement["Resource"]));
        }
    }
    let user = "arn:${AWS::Partition}:rds-db:${AWS::Region}:${AWS::AccountId}:dbuser:${Cluster.DBClusterResourceId}";
    let functions = Template::load()?.functions;
    assert_eq!(
        named,
        functions
            .keys()
            .map(|name| format!("{user}/{}", login(name)))
            .collect()
    );
    Ok(())
}

#[test]
fn code_is_deployed_after_its_schema_and_rolled_back_on_alarms() -> Result<()> {
    let template = Template::load()?;
    let alarms = alarms()?;
    for (name, function) in &template.functions {
        let preference = &function.properties["DeploymentPreference"];
        // A changed variable is a new version, too.
        assert_eq!(
            function.properties["AutoPublishAliasAllProperties"], true,
            "{name}"
        );
        if name == "migrate" {
            assert_eq!(function.file, "infra/functions-migration.yaml");
            assert_eq!(preference["Enabled"], false);
            continue;
        }
        assert_ne!(function.file, "infra/functions-migration.yaml", "{name}");
        let rung: Vec<String> = texts(&preference["Alarms"]);
        assert!(rung.contains(&format!("${{Name}}-{name}-errors")), "{name}");
        let failed = format!("${{Name}}-{name}-failed");
        assert_eq!(
            rung.contains(&failed),
            jobs().all(|job| job != *name),
            "{name}"
        );
        for alarm in rung {
            assert!(alarms.contains_key(&alarm), "there is no {alarm}");
        }
    }
    for file in function_templates()? {
        let stacks = template.resources.values();
        let mut stacks = stacks.filter(|resource| resource["Properties"]["Location"] == *file);
        let stack = stacks.next().with_context(|| file.clone())?;
        if file == "infra/functions-migration.yaml" {
            assert_eq!(stack["DependsOn"], Value::Null);
        } else {
            assert_eq!(stack["DependsOn"], "Migration", "{file}");
        }
    }
    let call = yaml("infra/functions-migration.yaml")?["Resources"]["Schema"].clone();
    assert_eq!(call["Condition"], Value::Null);
    let schema = &call["Properties"];
    assert_eq!(schema["ServiceToken"], "Migrate.Alias");
    assert_eq!(schema["Version"], "Migrate.Version");
    assert_eq!(schema["Bootstrapped"], "Bootstrapped");
    Ok(())
}

#[test]
fn every_function_has_its_alarms_and_every_alarm_a_metric_that_is_written() -> Result<()> {
    let functions = Template::load()?.functions;
    let alarms = alarms()?;
    for name in functions.keys().filter(|name| *name != "migrate") {
        assert!(
            alarms.contains_key(&format!("${{Name}}-{name}-errors")),
            "{name}"
        );
        let other = match name.as_str() {
            "anchor-checkpoint" => continue,
            name if jobs().any(|job| job == name) => "silent",
            _ => "p99",
        };
        assert!(
            alarms.contains_key(&format!("${{Name}}-{name}-{other}")),
            "{name}"
        );
    }
    let mut written = captures("shared/src/telemetry/metrics.rs", r#"metric\("([a-z_]+)""#)?;
    let sources = functions.keys().map(|name| format!("functions/{name}/src"));
    for folder in sources.chain([String::from("shared/src/runtime")]) {
        for file in files(&folder, ".rs")? {
            let file = format!("{folder}/{file}.rs");
            written.extend(captures(&file, r#"\.set\(\s*"([a-z_]+)""#)?);
        }
    }
    let operations = read("docs/OPERATIONS.md")?;
    for metric in &written {
        assert!(
            operations.contains(&format!("`{metric}`")),
            "OPERATIONS.md does not say what {metric} is"
        );
    }
    for (alarm, properties) in &alarms {
        let mut metrics = vec![
            &properties["Namespace"],
            &properties["MetricName"],
            &properties["Dimensions"],
        ];
        let stats = properties["Metrics"].as_array().into_iter().flatten();
        for metric in stats.map(|metric| &metric["MetricStat"]["Metric"]) {
            metrics.extend([
                &metric["Namespace"],
                &metric["MetricName"],
                &metric["Dimensions"],
            ]);
        }
        for metric in metrics.chunks(3).filter(|metric| metric[0] == "OPTKAS") {
            assert!(
                written.contains(metric[1].as_str().unwrap_or_default()),
                "{alarm}: nothing writes {}",
                metric[1]
            );
            let dimension = |name: &str| {
                let all = metric[2].as_array().into_iter().flatten();
                let found = all.filter(|dimension| dimension["Name"] == name);
                let values = found.map(|dimension| dimension["Value"].as_str().unwrap_or_default());
                values.collect::<String>()
            };
            let function = dimension("function");
            assert!(
                functions.contains_key(&function),
                "{alarm}: there is no {function}"
            );
            // !Ref Name: another stage in the same account is not this one's business.
            assert_eq!(dimension("stack"), "Name", "{alarm}");
        }
    }
    Ok(())
}

#[test]
fn every_stage_sets_exactly_the_parameters_without_a_default() -> Result<()> {
    let declared = yaml("template.yaml")?["Parameters"].clone();
    let declared = declared.as_object().context("parameters")?;
    let required: BTreeSet<&String> = declared
        .iter()
        .filter(|(_, parameter)| parameter["Default"].is_null())
        .map(|(name, _)| name)
        .collect();
    let text = read("samconfig.toml")?;
    let stage = Regex::new(r"^(\w+)\.(deploy|local_invoke|local_start_api)\.parameters\]")?;
    let list = Regex::new(r"(?s)parameter_overrides = \[(.*?)\n?\]")?;
    let name = Regex::new(r#""(\w+)="#)?;
    let mut stages = BTreeSet::new();
    for section in text.split("\n[") {
        let Some(found) = stage.captures(section) else {
            continue;
        };
        let stage = format!("{} {}", &found[1], &found[2]);
        let list = list.captures(section).context(stage.clone())?;
        let given: BTreeSet<String> = name
            .captures_iter(&list[1])
            .map(|name| name[1].to_owned())
            .collect();
        for name in &given {
            assert!(declared.contains_key(name), "{stage}: there is no {name}");
        }
        for name in &required {
            assert!(given.contains(*name), "{stage} does not give {name}");
        }
        stages.insert(stage);
    }
    assert_eq!(stages.len(), 4, "{stages:?}");
    Ok(())
}

/// Every resource of every template by where it stands; a loop's are those of its first turn.
fn resources() -> Result<Vec<(String, Value)>> {
    let nested = files("infra", ".yaml")?
        .into_iter()
        .map(|name| format!("infra/{name}.yaml"));
    let mut all = Vec::new();
    for file in [String::from("template.yaml")].into_iter().chain(nested) {
        let document = yaml(&file)?;
        for (id, resource) in document["Resources"].as_object().context("resources")? {
            match resource.as_array() {
                Some(turns) => all.extend(
                    members(&turns[2])
                        .map(|(id, resource)| (format!("{file} {id}"), resource.clone())),
                ),
                None => all.push((format!("{file} {id}"), resource.clone())),
            }
        }
    }
    Ok(all)
}

/// Every statement of every policy: of roles, keys, endpoints, buckets and topics.
fn statements() -> Result<Vec<(String, Value)>> {
    let mut all = Vec::new();
    for (place, resource) in resources()? {
        find_statements(&place, &resource["Properties"], &mut all);
    }
    assert!(all.len() > 80, "{} are too few", all.len());
    Ok(all)
}

fn find_statements(place: &str, value: &Value, all: &mut Vec<(String, Value)>) {
    for (name, member) in members(value) {
        let place = format!("{place}.{name}");
        if name == "Statement" {
            let assume = place.contains("AssumeRolePolicyDocument");
            for statement in member.as_array().into_iter().flatten() {
                // One that only some stages have: a condition, the statement, nothing.
                let mut statement = match statement {
                    Value::Array(choice) => choice[1].clone(),
                    one => one.clone(),
                };
                // Who may assume a role is asked of the role itself.
                if assume {
                    statement["Resource"] = "this role".into();
                }
                all.push((place.clone(), statement));
            }
        } else {
            find_statements(&place, member, all);
        }
    }
    for item in value.as_array().into_iter().flatten() {
        find_statements(place, item, all);
    }
}

/// Every alarm by its name, with the stack's for `${Name}`; loops are played through.
fn alarms() -> Result<BTreeMap<String, Value>> {
    let document = yaml("infra/observability.yaml")?;
    let mut all = BTreeMap::new();
    let mut take = |resource: &Value| {
        if resource["Type"] == "AWS::CloudWatch::Alarm" {
            let properties = resource["Properties"].clone();
            let name = match &properties["AlarmName"] {
                Value::Array(join) => texts(&join[1]).join("-").replacen("Name", "${Name}", 1),
                one => one.as_str().unwrap_or_default().to_owned(),
            };
            assert_eq!(all.insert(name.clone(), properties), None, "{name}");
        }
    };
    for resource in document["Resources"]
        .as_object()
        .context("resources")?
        .values()
    {
        let Some(turns) = resource.as_array() else {
            take(resource);
            continue;
        };
        let list = turns[1].as_str().context("a parameter")?;
        let list = document["Parameters"][list]["Default"]
            .as_str()
            .context("a list")?;
        for function in list.split(',') {
            let text = turns[2].to_string();
            let text = text.replace("\"Function\"", &format!("\"{function}\""));
            members(&serde_json::from_str(&text)?).for_each(|(_, resource)| take(resource));
        }
    }
    Ok(all)
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

/// A text, or all texts of a list.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.clone()],
        _ => Vec::new(),
    }
}
