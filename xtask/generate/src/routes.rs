//! The API's routes: their ceilings, where they lead, who may call what they lead to; and the local gateway's.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::table::{Function, Table};

/// Routed functions by path and method.
fn routed(table: &Table) -> BTreeMap<(&str, &str), &Function> {
    table
        .functions
        .iter()
        .filter_map(|function| {
            let (method, path) = function.method_and_path()?;
            Some(((path, method), function))
        })
        .collect()
}

/// `RouteSettings` of template.yaml: of the routes that differ from `DefaultRouteSettings`, which writers have. A route
/// that is removed while it has settings stops the deployment (docs/OPERATIONS.md), so as few as possible have some.
pub(crate) fn limits(table: &Table) -> String {
    let mut text = String::from("      RouteSettings:\n");
    for ((path, method), function) in routed(table) {
        let (rate, burst) = match (function.throttle, function.writes) {
            (Some(own), _) => (own.rate.to_string(), own.burst),
            (None, true) => continue,
            (None, false) => ("!Ref ReadsPerSecond".to_owned(), 400),
        };
        let _ = writeln!(
            text,
            "        \"{method} {path}\":
          ThrottlingRateLimit: {rate}
          ThrottlingBurstLimit: {burst}
          DetailedMetricsEnabled: true"
        );
    }
    text
}

/// The paths of the API's definition.
pub(crate) fn paths(table: &Table) -> String {
    let mut text = String::from("        paths:\n");
    let mut last = "";
    for ((path, method), function) in routed(table) {
        if path != last {
            let _ = writeln!(text, "          {path}:");
            last = path;
        }
        let _ = writeln!(text, "            {}:", method.to_lowercase());
        let parameters: Vec<String> = path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .map(|name| format!("{{in: path, name: {name}, required: true}}"))
            .collect();
        if !parameters.is_empty() {
            let _ = writeln!(
                text,
                "              parameters: [{}]",
                parameters.join(", ")
            );
        }
        let _ = write!(
            text,
            "              responses: {{}}
              x-amazon-apigateway-integration:
                type: aws_proxy
                httpMethod: POST
                payloadFormatVersion: \"2.0\"
                uri: !Sub \"arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/\\
                  arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:\\
                  ${{AWS::StackName}}-{}:live/invocations\"
",
            function.name
        );
    }
    text
}

/// The API's permission to call each routed function, in template.yaml.
pub(crate) fn permissions(table: &Table) -> String {
    let mut text = String::new();
    for ((path, method), function) in routed(table) {
        let parts: Vec<&str> = path
            .split('/')
            .map(|part| if part.starts_with('{') { "*" } else { part })
            .collect();
        let _ = write!(
            text,
            "  {}Route:
    Type: AWS::Lambda::Permission
    DependsOn: {}
    Properties:
      Action: lambda:InvokeFunction
      FunctionName: !Sub ${{AWS::StackName}}-{}:live
      Principal: apigateway.amazonaws.com
      SourceArn: !Sub \"arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{Api}}/*/\\
        {method}{}\"
",
            function.id(),
            crate::Stack::of(function).id(),
            function.name,
            parts.join("/"),
        );
    }
    text
}

/// The router of `cargo lambda watch`, in the root manifest.
pub(crate) fn router(table: &Table) -> String {
    let mut text = String::from("[workspace.metadata.lambda.watch.router]\n");
    let mut paths: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for ((path, method), function) in routed(table) {
        paths
            .entry(path)
            .or_default()
            .push((method, &function.name));
    }
    for (path, methods) in paths {
        let entry = |(method, name): &(&str, &str)| {
            format!("{{ method = \"{method}\", function = \"{name}\" }}")
        };
        match &methods[..] {
            [only] => {
                let _ = writeln!(text, "\"{path}\" = [{}]", entry(only));
            }
            all => {
                let _ = writeln!(text, "\"{path}\" = [");
                for one in all {
                    let _ = writeln!(text, "    {},", entry(one));
                }
                text.push_str("]\n");
            }
        }
    }
    text
}
