//! The nested templates of the functions, `infra/functions-*.yaml`, and how template.yaml calls them.
//!
//! A template may have 500 resources, and a function takes seven to nine. So each kind has a template of its own.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Result, ensure};

use crate::region::MARK;
use crate::table::{Function, Given, Kind, Outside, Parameter, Table};

/// A nested template of functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stack {
    /// What the deployment calls before it changes anything else.
    Migration,
    /// People's functions that only read.
    PeopleReads,
    /// People's functions that write.
    PeopleWrites,
    /// Agents' functions.
    Agents,
    /// What a schedule calls.
    Jobs,
}

impl Stack {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Migration,
        Self::PeopleReads,
        Self::PeopleWrites,
        Self::Agents,
        Self::Jobs,
    ];

    /// The one that a function is in.
    #[must_use]
    pub fn of(function: &Function) -> Self {
        match function.kind {
            Kind::People if function.writes => Self::PeopleWrites,
            Kind::People => Self::PeopleReads,
            Kind::Agent => Self::Agents,
            Kind::Job if function.is_deployment() => Self::Migration,
            Kind::Job => Self::Jobs,
        }
    }

    /// Its logical id in template.yaml.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Migration => "Migration",
            Self::PeopleReads => "PeopleReads",
            Self::PeopleWrites => "PeopleWrites",
            Self::Agents => "Agents",
            Self::Jobs => "Jobs",
        }
    }

    /// Its template.
    #[must_use]
    pub fn file(self) -> String {
        let name = match self {
            Self::Migration => "migration",
            Self::PeopleReads => "people-reads",
            Self::PeopleWrites => "people-writes",
            Self::Agents => "agents",
            Self::Jobs => "jobs",
        };
        format!("infra/functions-{name}.yaml")
    }

    fn what(self) -> &'static str {
        match self {
            Self::Migration => "the function that migrates, and its call",
            Self::PeopleReads => "functions that people call to read",
            Self::PeopleWrites => "functions that people call to write",
            Self::Agents => "functions that agents call",
            Self::Jobs => "functions that a schedule calls",
        }
    }

    /// Its functions, by name.
    pub fn functions(self, table: &Table) -> impl Iterator<Item = &Function> {
        let all = table.sorted().into_iter();
        all.filter(move |function| Self::of(function) == self)
    }
}

fn globals(revision: &str) -> String {
    format!("{GLOBALS}        REVISION: \"{revision}\"\n")
}

const GLOBALS: &str = r"Globals:
  Function:
    # One workspace builds all binaries; Metadata names the one that a function takes.
    CodeUri: ..
    Runtime: provided.al2023
    Handler: bootstrap
    Architectures: [!Ref Architecture]
    MemorySize: !Ref MemoryMb
    # Below API Gateway's 30 s, so that the function's own 503 reaches the caller, not the gateway's.
    Timeout: 20
    LoggingConfig:
      LogFormat: JSON
      ApplicationLogLevel: INFO
      SystemLogLevel: INFO
    Tracing: Active
    # What calls a function calls `live`: a version that does not change, and that a deployment replaces. With
    # AutoPublishAliasAllProperties, which each function has, every change of a property is a new version.
    AutoPublishAlias: live
    DeploymentPreference:
      Type: !Ref DeploymentStyle
      Role: !Ref DeploymentsRoleArn
      PassthroughCondition: true
    Environment:
      Variables:
        DATABASE_URL: !Ref DatabaseUrl
        DATABASE_AUTH: iam
        SECRETS_PREFIX: !Ref SecretsPrefix
        # Nobody reads it. It follows from samconfig.toml, so that a changed parameter makes new versions as well.
";

const SCHEMA: &str = r"
  # Calls migrate when the stack is new, and whenever migrate is a new version. The other templates of functions wait
  # for this one: no code runs before its schema is there, and a migration that fails leaves the old code where it is.
  # Until the database has been set up, migrate answers without it: that the stack is answered is tried from the first.
  Schema:
    Type: Custom::Schema
    Properties:
      ServiceToken: !Ref Migrate.Alias
      # A little longer than migrate can take: without an answer by then it has failed.
      ServiceTimeout: 960
      Version: !Ref Migrate.Version
      Bootstrapped: !Ref Bootstrapped
";

/// A whole template.
pub(crate) fn template(table: &Table, stack: Stack, revision: &str) -> Result<String> {
    let body = body(table, stack);
    let conditions = conditions(table, &body);
    let mut text = format!(
        "# {MARK}: cargo xtask generate\n# {}{}. Reasons stand there, beside the member that needs one.\n",
        stack.what()[..1].to_uppercase(),
        &stack.what()[1..],
    );
    let _ = write!(
        text,
        "AWSTemplateFormatVersion: \"2010-09-09\"
Transform: AWS::Serverless-2016-10-31
Description: OPTKAS settlement gateway - {}

Parameters:
",
        stack.what()
    );
    let mut declared = BTreeSet::new();
    for (name, parameter) in used(table, stack) {
        declared.insert(name);
        let _ = writeln!(text, "  {name}:\n    Type: {}", parameter.kind);
        if parameter.no_echo {
            text.push_str("    NoEcho: true\n");
        }
        let _ = writeln!(text, "    Description: {}", parameter.what);
    }
    let named = table.functions.iter().filter(|one| Stack::of(one) == stack);
    for name in named.flat_map(parameters_of) {
        ensure!(
            declared.contains(&name),
            "there is no parameter {name} in [parameters]"
        );
    }
    if !conditions.is_empty() {
        text.push_str("\nConditions:\n");
        for name in conditions {
            let _ = writeln!(text, "  When{name}: !Equals [!Ref {name}, \"true\"]");
        }
    }
    let _ = write!(text, "\n{}\nResources:\n{body}", globals(revision));
    Ok(text)
}

/// The nested stacks in template.yaml.
pub(crate) fn calls(table: &Table) -> Result<String> {
    let mut text = String::new();
    for stack in Stack::ALL {
        ensure!(
            stack.functions(table).next().is_some(),
            "{} has no function",
            stack.id()
        );
        let _ = writeln!(
            text,
            "  {}:\n    Type: AWS::Serverless::Application",
            stack.id()
        );
        if stack != Stack::Migration {
            let _ = writeln!(text, "    DependsOn: {}", Stack::Migration.id());
        }
        let _ = writeln!(
            text,
            "    Properties:\n      Location: {}\n      Parameters:",
            stack.file()
        );
        for (name, parameter) in used(table, stack) {
            let own = format!("!Ref {name}");
            let from = parameter.from.as_ref().unwrap_or(&own);
            let _ = writeln!(text, "        {name}: {from}");
        }
    }
    Ok(text)
}

fn body(table: &Table, stack: Stack) -> String {
    let mut texts: Vec<String> = stack
        .functions(table)
        .map(|function| resources(table, function))
        .collect();
    if stack == Stack::Migration {
        texts.push(SCHEMA[1..].to_owned());
    }
    texts.join("\n")
}

/// The parameters that a template uses.
fn used(table: &Table, stack: Stack) -> Vec<(&str, &Parameter)> {
    let body = body(table, stack);
    let conditions = conditions(table, &body);
    let text = format!("{GLOBALS}{body}");
    table
        .parameters
        .iter()
        .filter(|(name, _)| conditions.contains(&***name) || refers(&text, name))
        .map(|(name, parameter)| (&**name, parameter))
        .collect()
}

fn refers(text: &str, name: &str) -> bool {
    let ends = |rest: &str| !rest.starts_with(|next: char| next.is_ascii_alphanumeric());
    text.contains(&format!("${{{name}}}"))
        || text
            .split("!Ref ")
            .skip(1)
            .any(|rest| rest.strip_prefix(name).is_some_and(ends))
}

/// The parameters that conditions of these resources ask.
fn conditions<'table>(table: &'table Table, body: &str) -> BTreeSet<&'table str> {
    let words: BTreeSet<&str> = body
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .collect();
    table
        .parameters
        .keys()
        .filter(|name| words.contains(&*format!("When{name}")))
        .map(|name| &**name)
        .collect()
}

/// The parameters that a function's entry names.
fn parameters_of(function: &Function) -> Vec<&str> {
    let mut all: Vec<&str> = [&function.memory, &function.when]
        .into_iter()
        .flatten()
        .map(|name| &**name)
        .collect();
    if let Some(Outside::When(name)) = &function.outside {
        all.push(name);
    }
    for given in function.environment.values() {
        match given {
            Given::Always(parameter) => all.push(parameter),
            Given::When { parameter, when } => all.extend([&**parameter, &**when]),
        }
    }
    all
}

/// A function, its role and its log.
fn resources(table: &Table, function: &Function) -> String {
    let condition = function
        .when
        .as_ref()
        .map(|name| format!("    Condition: When{name}\n"))
        .unwrap_or_default();
    let (id, name) = (function.id(), &function.name);
    format!(
        "  {id}:
    Type: AWS::Serverless::Function
{condition}    Metadata:
      BuildMethod: rust-cargolambda
      BuildProperties:
        Binary: {name}
    Properties:
      FunctionName: !Sub ${{Name}}-{name}
      AutoPublishAliasAllProperties: true
      Role: !GetAtt {id}Role.Arn
      LoggingConfig:
        LogGroup: !Ref {id}Logs
{}
  {id}Role:
    Type: AWS::IAM::Role
{condition}    Properties:
      AssumeRolePolicyDocument:
        Version: \"2012-10-17\"
        Statement:
          - {{Effect: Allow, Principal: {{Service: lambda.amazonaws.com}}, Action: sts:AssumeRole}}
      ManagedPolicyArns: [!Ref NetworkAccessArn]
      Policies:
        - PolicyName: own-login-secrets-and-log
          PolicyDocument:
            Version: \"2012-10-17\"
            Statement:
{}
  {id}Logs:
    Type: AWS::Logs::LogGroup
{condition}    DeletionPolicy: RetainExceptOnCreate
    UpdateReplacePolicy: Retain
    Properties:
      LogGroupName: !Sub /aws/lambda/${{Name}}-{name}
      KmsKeyId: !Ref LogsKeyArn
      RetentionInDays: !Ref LogRetentionDays
",
        properties(table, function),
        statements(function),
    )
}

fn properties(table: &Table, function: &Function) -> String {
    let name = &function.name;
    let mut text = network(&function.outside(), function.storage);
    if let Some(memory) = &function.memory {
        let _ = writeln!(text, "      MemorySize: !Ref {memory}");
    }
    if let Some(timeout) = function.timeout {
        let _ = writeln!(text, "      Timeout: {timeout}");
    }
    let at_once = if function.kind == Kind::Job {
        "1"
    } else {
        "!Ref Concurrency"
    };
    let _ = writeln!(
        text,
        "      ReservedConcurrentExecutions: !If [WhenReserved, {at_once}, !Ref AWS::NoValue]"
    );
    text.push_str("      DeploymentPreference:\n");
    if function.is_deployment() {
        // The stack waits for this version to be live, to call it before anything else changes.
        text.push_str("        Enabled: false\n");
    } else {
        let _ = writeln!(
            text,
            "        Alarms:\n          - !Sub ${{Name}}-{name}-errors"
        );
        if function.kind != Kind::Job {
            let _ = writeln!(text, "          - !Sub ${{Name}}-{name}-failed");
        }
    }
    if function.kind == Kind::Job {
        // A failed or late run is not repeated: the next one finds what it left.
        text.push_str("      EventInvokeConfig:\n        MaximumRetryAttempts: 0\n");
    }
    if function.kind == Kind::Job && !function.is_deployment() {
        text.push_str("        MaximumEventAgeInSeconds: 60\n");
    }
    let variables: Vec<(&String, &Given)> = table
        .environment
        .get(&function.kind)
        .into_iter()
        .flatten()
        .chain(&function.environment)
        .collect();
    if !variables.is_empty() {
        text.push_str("      Environment:\n        Variables:\n");
    }
    for (variable, given) in variables {
        let value = match given {
            Given::Always(parameter) => format!("!Ref {parameter}"),
            Given::When { parameter, when } => {
                format!("!If [When{when}, !Ref {parameter}, !Ref AWS::NoValue]")
            }
        };
        let _ = writeln!(text, "          {variable}: {value}");
    }
    if let Some(schedule) = &function.schedule {
        let schedule = if schedule.ends_with(')') {
            schedule.clone()
        } else {
            format!("!Ref {schedule}")
        };
        let _ = write!(
            text,
            "      Events:
        Regularly:
          Type: Schedule
          Properties:
            Description: {}
            Schedule: {schedule}
            # Before the database has been set up there is nothing to do but to fail.
            State: !If [WhenBootstrapped, ENABLED, DISABLED]
",
            function.what.replace('`', "")
        );
    }
    text
}

fn network(outside: &Outside, storage: bool) -> String {
    let (subnets, outbound) = match outside {
        Outside::Always(true) => (
            "!Ref OutboundSubnetIds".to_owned(),
            Some("!Ref OutboundGroupId".to_owned()),
        ),
        Outside::Always(false) => ("!Ref InsideSubnetIds".to_owned(), None),
        Outside::When(name) => (
            format!("!If [When{name}, !Ref OutboundSubnetIds, !Ref InsideSubnetIds]"),
            Some(format!(
                "!If [When{name}, !Ref OutboundGroupId, !Ref AWS::NoValue]"
            )),
        ),
    };
    let mut text = format!(
        "      VpcConfig:
        SubnetIds: {subnets}
        SecurityGroupIds:
          - !Ref FunctionsGroupId
"
    );
    let storage = storage.then(|| "!Ref StorageGroupId".to_owned());
    for group in [storage, outbound].into_iter().flatten() {
        let _ = writeln!(text, "          - {group}");
    }
    text
}

/// What a role may do: enter the database as itself, read its own secret, write its own log and traces.
fn statements(function: &Function) -> String {
    let mut text = statement(
        "rds-db:connect",
        &format!(
            "!Sub \"arn:${{AWS::Partition}}:rds-db:${{AWS::Region}}:${{AWS::AccountId}}:dbuser:\\
                  ${{ProxyId}}/{}\"",
            function.login()
        ),
    );
    if let Some(kind) = function.secret_kind() {
        text += &statement(
            "secretsmanager:GetSecretValue",
            &format!(
                "!Sub \"arn:${{AWS::Partition}}:secretsmanager:${{AWS::Region}}:${{AWS::AccountId}}:secret:\\
                  ${{SecretsPrefix}}/{kind}/{}-??????\"",
                function.name
            ),
        );
    }
    text += &statement(
        "[logs:CreateLogStream, logs:PutLogEvents]",
        &format!("!GetAtt {}Logs.Arn", function.id()),
    );
    text += "              # Traces have no resource to name.\n";
    text += &statement("[xray:PutTelemetryRecords, xray:PutTraceSegments]", "\"*\"");
    for permission in &function.permissions {
        let resource = match permission
            .resource
            .strip_prefix("${")
            .and_then(|rest| rest.strip_suffix('}'))
        {
            Some(parameter) => format!("!Ref {parameter}"),
            None => format!("!Sub {}", permission.resource),
        };
        let actions = match &permission.actions[..] {
            [only] => only.clone(),
            all => format!("[{}]", all.join(", ")),
        };
        text += &statement(&actions, &resource);
    }
    text
}

fn statement(action: &str, resource: &str) -> String {
    format!(
        "              - Effect: Allow
                Action: {action}
                Resource: {resource}
"
    )
}
