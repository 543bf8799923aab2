//! The templates as they are, with the few patches that this machine needs. All patches are here.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use generate::{Stack, Table};

pub(super) const ROOT: &str = "template.yaml";
const DATABASE: &str = "infra/database.yaml";

/// Text by the path of its template.
pub(super) type Templates = BTreeMap<String, String>;

/// One text that is another one here. It has to be there exactly so often: a template that has changed is looked at,
/// not passed over.
struct Patch {
    template: String,
    from: String,
    to: String,
    times: usize,
}

/// What the templates are told here instead.
pub(super) struct Local<'a> {
    /// The port of the database, on loopback.
    pub(super) database_port: u16,
    /// The revision of samconfig.toml, and that of the stage's parameters as they are here.
    pub(super) revisions: [String; 2],
    /// The code of a function: a URL of S3, or for sam a folder.
    pub(super) code: &'a dyn Fn(&str) -> String,
}

/// The root and all that it nests, without a patch.
pub(super) fn read(workspace: &Path) -> Result<Templates> {
    let read = |file: &str| {
        let text = fs::read_to_string(workspace.join(file)).with_context(|| file.to_owned())?;
        anyhow::Ok((file.to_owned(), text))
    };
    let (root, text) = read(ROOT)?;
    let nested: Result<Vec<_>> = nested(&text).into_iter().map(read).collect();
    Ok(nested?.into_iter().chain([(root, text)]).collect())
}

/// The paths of the templates that a root nests.
pub(super) fn nested(root: &str) -> Vec<&str> {
    root.lines()
        .filter_map(|line| line.trim().strip_prefix("Location: "))
        .collect()
}

/// The templates as they are rehearsed.
pub(super) fn patch(templates: &Templates, table: &Table, local: &Local<'_>) -> Result<Templates> {
    let mut patched = templates.clone();
    for patch in patches(table, local) {
        let text = patched
            .get_mut(&patch.template)
            .with_context(|| format!("there is no {}", patch.template))?;
        let found = text.matches(&patch.from).count();
        ensure!(
            found == patch.times,
            "{} has this {found} times, and not {}: {}",
            patch.template,
            patch.times,
            patch.from
        );
        *text = text.replace(&patch.from, &patch.to);
    }
    let database = patched
        .get_mut(DATABASE)
        .with_context(|| format!("there is no {DATABASE}"))?;
    *database = without_database(database)?;
    Ok(patched)
}

fn patches(table: &Table, local: &Local<'_>) -> Vec<Patch> {
    let port = local.database_port;
    let mut all = vec![
        // There is no proxy, and no TLS on loopback.
        Patch {
            template: ROOT.to_owned(),
            from: ":5432/${DatabaseName}?sslmode=verify-full".to_owned(),
            to: format!(":{port}/${{DatabaseName}}?sslmode=disable"),
            times: Stack::ALL.len(),
        },
        // The local issuer has no certificate.
        Patch {
            template: ROOT.to_owned(),
            from: "AllowedPattern: ^https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*$"
                .to_owned(),
            to: "AllowedPattern: ^http://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*$"
                .to_owned(),
            times: 1,
        },
    ];
    let [of_file, of_stage] = &local.revisions;
    for stack in Stack::ALL {
        // What `cargo xtask generate` writes after the operator has changed a parameter.
        all.push(Patch {
            template: stack.file(),
            from: format!("        REVISION: \"{of_file}\"\n"),
            to: format!("        REVISION: \"{of_stage}\"\n"),
            times: 1,
        });
        // A token of IAM asks for TLS and a named host. Passwords stand for it.
        all.push(Patch {
            template: stack.file(),
            from: "        DATABASE_AUTH: iam\n".to_owned(),
            to: "        DATABASE_AUTH: secret\n".to_owned(),
            times: 1,
        });
        // The binaries are built already; sam would build each of them once more, for another libc.
        all.extend(stack.functions(table).map(|function| Patch {
            template: stack.file(),
            from: format!(
                "    Metadata:\n      BuildMethod: rust-cargolambda\n      BuildProperties:\n        \
                 Binary: {0}\n    Properties:\n",
                function.name
            ),
            to: format!(
                "    Metadata:\n      SkipBuild: true\n    Properties:\n      CodeUri: {}\n",
                (local.code)(&function.name)
            ),
            times: 1,
        }));
    }
    all
}

/// Its parameters, none of its resources, and its outputs at loopback: there is no RDS.
fn without_database(text: &str) -> Result<String> {
    let parameters = ["\nConditions:\n", "\nRules:\n", "\nResources:\n"]
        .iter()
        .filter_map(|section| text.find(section))
        .min()
        .context("the database's template has no resources")?;
    let mut lines = text[..=parameters].to_owned();
    lines.push_str("Resources:\n  Nothing:\n    Type: AWS::CloudFormation::WaitConditionHandle\n");
    lines.push_str("Outputs:\n");
    let outputs = text
        .split_once("\nOutputs:\n")
        .context("the database's template has no outputs")?
        .1;
    let mut names: Vec<_> = outputs
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.trim().strip_suffix(':'))
        .collect();
    names.sort_unstable();
    let known = [
        ("ClusterResourceId", "cluster-local"),
        ("Host", "127.0.0.1"),
        ("ProxyId", "prx-local"),
        ("WriterHost", "127.0.0.1"),
    ];
    ensure!(
        names == known.map(|(name, _)| name),
        "{DATABASE} has other outputs by now: {names:?}"
    );
    for (name, value) in known {
        lines.push_str("  ");
        lines.push_str(name);
        lines.push_str(":\n    Value: ");
        lines.push_str(value);
        lines.push('\n');
    }
    Ok(lines)
}

/// A text without the one member of that line, and without what is indented below it.
pub(super) fn without_member(text: &str, member: &str) -> Result<String> {
    let found = text.lines().filter(|line| *line == member).count();
    ensure!(found == 1, "{member} is there {found} times");
    let depth = |line: &str| line.len() - line.trim_start().len();
    let mut inside = false;
    let mut kept = String::new();
    for line in text.lines() {
        inside = line == member || (inside && depth(line) > depth(member));
        if !inside {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use anyhow::Result;

    use super::{DATABASE, Local, ROOT, Templates, nested, patch, read, without_member};

    fn templates() -> Result<(Templates, generate::Table)> {
        let workspace = tests::folders::workspace();
        Ok((read(&workspace)?, generate::load(&workspace)?))
    }

    fn patched(templates: &Templates, table: &generate::Table) -> Result<Templates> {
        let code = |function: &str| format!("s3://code/{function}");
        let samconfig =
            std::fs::read_to_string(tests::folders::workspace().join(generate::STAGES))?;
        let local = Local {
            database_port: 65_432,
            revisions: [generate::revision(&samconfig), "of-the-stage".to_owned()],
            code: &code,
        };
        patch(templates, table, &local)
    }

    #[test]
    fn every_patch_applies_and_leaves_nothing_of_what_it_replaces() -> Result<()> {
        let (templates, table) = templates()?;
        let patched = patched(&templates, &table)?;
        let all: String = patched.values().map(String::as_str).collect();
        for gone in [
            "BuildMethod",
            "sslmode=verify-full",
            "DATABASE_AUTH: iam",
            "AWS::RDS",
        ] {
            assert!(!all.contains(gone), "{gone}");
        }
        for function in table.sorted() {
            let code = format!("CodeUri: s3://code/{}\n", function.name);
            assert_eq!(all.matches(&code).count(), 1, "{code}");
        }
        let revisions = all.matches("REVISION: \"of-the-stage\"").count();
        assert_eq!(revisions, generate::Stack::ALL.len());
        // Nothing else is touched.
        for (file, text) in &templates {
            let changed = text
                .lines()
                .zip(patched[file].lines())
                .filter(|(before, after)| before != after)
                .count();
            let is_whole = file.starts_with("infra/functions-") || file == ROOT || file == DATABASE;
            assert!(is_whole || changed == 0, "{file}");
        }
        assert_eq!(nested(&templates[ROOT]).len() + 1, templates.len());
        Ok(())
    }

    #[test]
    fn a_member_goes_with_what_is_below_it() {
        let text = "a:\n  b:\n    c: 1\n    d: 2\n  e: 3\n";
        let without = |member| without_member(text, member).ok();
        assert_eq!(without("  b:").as_deref(), Some("a:\n  e: 3\n"));
        assert_eq!(without("a:").as_deref(), Some(""));
        assert_eq!(without("b:"), None);
    }

    #[test]
    fn a_template_that_has_changed_is_not_passed_over() -> Result<()> {
        let (templates, table) = templates()?;
        for (file, text) in [
            (ROOT, "sslmode=verify-full"),
            (ROOT, "^https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/["),
            ("infra/functions-jobs.yaml", "DATABASE_AUTH: iam"),
            ("infra/functions-agents.yaml", "Binary: escrow-webhook"),
            (DATABASE, "  WriterHost:"),
        ] {
            let mut changed = templates.clone();
            let template = changed.get_mut(file).expect("it is one of ours");
            assert!(template.contains(text), "{file}: {text}");
            *template = template.replacen(text, "something else", 1);
            assert!(patched(&changed, &table).is_err(), "{file}: {text}");
            // Once too often is refused as well.
            let mut twice = templates.clone();
            let template = twice.get_mut(file).expect("it is one of ours");
            let line = template
                .lines()
                .find(|line| line.contains(text))
                .expect("found above")
                .to_owned();
            *template = template.replacen(&line, &format!("{line}\n{line}"), 1);
            let refused = patched(&twice, &table).is_err();
            assert!(refused, "{file}: {text} twice");
        }
        Ok(())
    }
}
