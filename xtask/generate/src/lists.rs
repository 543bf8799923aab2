//! The lists that name functions and logins: in infra/, in migrations/, in functions/README.md.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::table::{Alarms, Function, Kind, Table, pascal};

/// Where a line of a list ends at the latest.
const COLUMNS_MAX: usize = 118;

/// The functions that routes lead to.
pub(crate) fn endpoints(table: &Table) -> String {
    names(table, |function| function.kind != Kind::Job)
}

/// Those of them that write.
pub(crate) fn writers(table: &Table) -> String {
    names(table, |function| function.writes)
}

/// The functions that agents call.
pub(crate) fn webhooks(table: &Table) -> String {
    names(table, |function| function.kind == Kind::Agent)
}

/// The functions that a schedule calls and that have no alarms of their own.
pub(crate) fn scheduled(table: &Table) -> String {
    names(table, |function| {
        function.schedule.is_some() && function.alarms == Alarms::Kind
    })
}

/// A parameter's default: names without spaces between, on several lines.
fn names(table: &Table, is_named: impl Fn(&Function) -> bool) -> String {
    let all = table.sorted().into_iter();
    let names: Vec<&str> = all
        .filter(|function| is_named(function))
        .map(|function| &*function.name)
        .collect();
    let mut line = String::from("    Default: \"");
    let mut text = String::new();
    for (at, name) in names.iter().enumerate() {
        let comma = if at + 1 < names.len() { "," } else { "" };
        if line.len() + name.len() + comma.len() > COLUMNS_MAX {
            text += &line;
            text += "\\\n";
            line = String::from("      ");
        }
        line += name;
        line += comma;
    }
    text + &line + "\"\n"
}

/// The policies by which the proxy may be each login: the lists of `proxy_logins`.
pub(crate) fn proxy_policies(table: &Table) -> String {
    let mut text = String::from("      ManagedPolicyArns:\n");
    for number in groups(table).keys() {
        let _ = writeln!(text, "        - !Ref Logins{number}");
    }
    text
}

/// Every login by its name. One policy would be too long for IAM, so there are several.
pub(crate) fn proxy_logins(table: &Table) -> String {
    let mut text = String::new();
    for (number, functions) in groups(table) {
        let _ = write!(
            text,
            "  Logins{number}:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: \"2012-10-17\"
        Statement:
          - Effect: Allow
            Action: rds-db:connect
            Resource:
"
        );
        for function in functions {
            let _ = write!(
                text,
                "              - !Sub \"arn:${{AWS::Partition}}:rds-db:${{AWS::Region}}:${{AWS::AccountId}}:dbuser:\\
                  ${{Cluster.DBClusterResourceId}}/{}\"\n",
                function.login()
            );
        }
    }
    text
}

/// The functions in six groups, which follow from their names alone. A new function moves no other one: a login that
/// went from one policy to another would be in neither for a moment of the deployment.
fn groups(table: &Table) -> BTreeMap<u32, Vec<&Function>> {
    let mut groups = BTreeMap::<u32, Vec<&Function>>::new();
    for function in table.sorted() {
        let sum: u32 = function.name.bytes().map(u32::from).sum();
        groups.entry(sum % 6).or_default().push(function);
    }
    groups
}

/// The secrets that functions read.
pub(crate) fn secrets(table: &Table) -> String {
    let mut texts = Vec::new();
    for function in table.sorted() {
        let Some(kind) = function.secret_kind() else {
            continue;
        };
        let (id, what, empty) = match &function.secret {
            Some(secret) => (pascal(kind), secret.what.clone(), "{}"),
            None => (
                "KeyRing".to_owned(),
                format!("Agents and their keys for {}", function.name),
                "{\"agents\":{}}",
            ),
        };
        texts.push(format!(
            "  {}{id}:
    Type: AWS::SecretsManager::Secret
    DeletionPolicy: RetainExceptOnCreate
    UpdateReplacePolicy: Retain
    Properties:
      Name: !Sub ${{SecretsPrefix}}/{kind}/{}
      Description: {what}
      KmsKeyId: !GetAtt Key.Arn
      SecretString: '{empty}'
",
            function.id(),
            function.name,
        ));
    }
    texts.join("\n")
}

/// Every login with its level and its longest statement, as rows.
pub(crate) fn roles(table: &Table) -> String {
    rows(table, "            ", |function| {
        [function.isolation.name(), &function.statement_timeout].map(str::to_owned)
    })
}

/// The rows of `auth.login`.
pub(crate) fn logins(table: &Table) -> String {
    rows(table, "    ", |function| {
        let kind = match function.kind {
            Kind::People => "human",
            Kind::Agent => "agent",
            Kind::Job => "system",
        };
        [kind, function.isolation.name(), &function.statement_timeout].map(str::to_owned)
    })
}

fn rows<const N: usize>(
    table: &Table,
    indent: &str,
    rest: impl Fn(&Function) -> [String; N],
) -> String {
    let all = table.sorted();
    let mut text = String::new();
    for (at, function) in all.iter().enumerate() {
        let rest = rest(function).map(|text| format!(", '{text}'")).concat();
        let comma = if at + 1 < all.len() { "," } else { "" };
        let _ = writeln!(text, "{indent}('{}'{rest}){comma}", function.login());
    }
    text
}

/// The table of functions/README.md, in the order of endpoints.toml.
pub(crate) fn readme(table: &Table) -> String {
    let mut text = String::from(
        "| function | route | who | what | login | gateway function |\n|---|---|---|---|---|---|\n",
    );
    for function in &table.functions {
        let called = function.route.as_ref().or(function.called.as_ref());
        let executed = function.gateway_functions();
        let executed: Vec<_> = executed
            .iter()
            .map(|name| format!("`gateway.{name}`"))
            .collect();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | `{}` | {} |",
            function.name,
            called.map_or("", |called| called),
            function.who.as_deref().unwrap_or("–"),
            function.what,
            function.login(),
            executed.join(", "),
        );
    }
    text
}
