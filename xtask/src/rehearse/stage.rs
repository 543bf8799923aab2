//! A stage as an operator handles it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tests::deployment::Deployment;
use tests::folders;
use tests::tools;

use super::document::{self, Shell};
use super::template::{self, Local, Templates};
use super::world::World;

/// Where sam puts packages and templates.
pub(super) const ARTIFACTS: &str = "optkas-artifacts";
/// The log's name in the document's example.
const LOG_ORIGIN: &str = "log.example.com/optkas";
/// A resource that comes last and cannot be made.
const BROKEN: &str = "  Broken:
    Type: Custom::Broken
    DependsOn: [Api, Jobs]
    Properties:
      ServiceToken: !Sub arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:nobody
";

/// One stage: a stack, its parameters, and its code.
pub(super) struct Stage<'a> {
    world: &'a World,
    pub(super) name: String,
    pub(super) prefix: String,
    /// The stage's own agents and keys.
    pub(super) deployment: Deployment,
    parameters: BTreeMap<String, String>,
    label: RefCell<String>,
    breaks: bool,
    without: Option<(&'static str, &'static str)>,
}

impl<'a> Stage<'a> {
    /// A stage of samconfig.toml, with its `EDIT`s filled in, and the passwords that stand for IAM's tokens.
    pub(super) fn new(world: &'a World, kind: &str, name: &str, prefix: &str) -> Result<Self> {
        let mut deployment = world.deployment.clone();
        prefix.clone_into(&mut deployment.prefix);
        let mut stage = Self {
            world,
            name: name.to_owned(),
            prefix: prefix.to_owned(),
            deployment,
            parameters: parameters(&world.samconfig, kind)?,
            breaks: false,
            without: None,
            label: RefCell::default(),
        };
        for (parameter, value) in [
            ("SecretsPrefix", prefix),
            ("JwtIssuer", world.issuer.name()),
            ("LogOrigin", LOG_ORIGIN),
            ("LogBucket", &format!("{name}-log")),
            ("AlarmEmail", "operators@example.com"),
            ("S3PrefixList", "pl-1"),
            ("DynamoDbPrefixList", "pl-2"),
        ] {
            stage.set(parameter, value);
        }
        for (parameter, value) in &stage.parameters {
            ensure!(!value.contains("EDIT"), "{parameter} is {value}");
        }
        for (function, password) in &stage.deployment.passwords {
            let login = tests::deployment::login(function);
            world.emulator.create_secret(
                &format!("{prefix}/database/{function}"),
                &json!({ "username": login, "password": password }),
            )?;
        }
        Ok(stage)
    }

    pub(super) fn set(&mut self, parameter: &str, value: &str) {
        self.parameters
            .insert(parameter.to_owned(), value.to_owned());
    }

    /// Whether a last resource fails, after all others.
    pub(super) fn breaks(&mut self, breaks: bool) {
        self.breaks = breaks;
    }

    /// A route that the next deployments leave out.
    pub(super) fn without(&mut self, route: Option<(&'static str, &'static str)>) {
        self.without = route;
    }

    pub(super) fn parameter(&self, name: &str) -> String {
        self.parameters.get(name).cloned().unwrap_or_default()
    }

    /// A function's name in the account.
    pub(super) fn function(&self, function: &str) -> String {
        format!("{}-{function}", self.name)
    }

    /// Puts every function's code into the bucket; another label is other code. Answers how many.
    pub(super) fn package(&self, label: &str) -> Result<usize> {
        let world = self.world;
        let folder = world.folder.join("packages");
        fs::create_dir_all(&folder)?;
        let functions = world.table.sorted();
        let mut pack = Command::new(tools::install(tools::Set::Rehearsal)?.join("python"));
        pack.args(["-I", "-c", include_str!("package.py")])
            .arg(&folder)
            .arg(label);
        for function in &functions {
            let binary = world.binaries.join(&function.name);
            ensure!(binary.is_file(), "{} is not built", binary.display());
            pack.arg(binary);
        }
        let output = pack.stdin(Stdio::null()).output()?;
        ensure!(
            output.status.success(),
            "nothing is packed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        for function in &functions {
            let package = fs::read(folder.join(format!("{}.zip", function.name)))?;
            world
                .emulator
                .put_object(ARTIFACTS, &code_key(label, &function.name), package)?;
        }
        label.clone_into(&mut self.label.borrow_mut());
        Ok(functions.len())
    }

    pub(super) fn create(&self) -> Result<String> {
        self.deploy("CreateStack")
    }

    pub(super) fn update(&self) -> Result<String> {
        self.deploy("UpdateStack")
    }

    /// An update that succeeds.
    pub(super) fn updated(&self) -> Result<()> {
        let status = self.update()?;
        ensure!(
            status == "UPDATE_COMPLETE",
            "{status}, for:\n{}",
            self.failures()
        );
        self.let_logins_in()
    }

    /// Passwords stand for IAM's tokens. Each migration takes them away, where logins come in by token.
    pub(super) fn let_logins_in(&self) -> Result<()> {
        self.deployment.set_passwords(&self.world.database())
    }

    fn deploy(&self, action: &str) -> Result<String> {
        let template = self.publish()?;
        let emulator = &self.world.emulator;
        let status = emulator.deploy(action, &self.name, &template, &self.parameters)?;
        Ok(status)
    }

    /// What failed, a line each, and what `migrate` said to it.
    pub(super) fn failures(&self) -> String {
        let emulator = &self.world.emulator;
        let failures = emulator.failures(&self.name).unwrap_or_default();
        let log = emulator.function_log(&self.function("migrate"));
        format!("{}\n{}", failures.join("\n"), log.unwrap_or_default())
    }

    /// Puts the templates into the bucket, each by what is in it, as sam does; answers the root's URL.
    fn publish(&self) -> Result<String> {
        let label = self.label.borrow();
        let code = |function: &str| format!("s3://{ARTIFACTS}/{}", code_key(&label, function));
        // An operator writes the parameters into the file, and generates.
        let of_stage = format!("{}{:?}", self.world.samconfig, self.parameters);
        let mut templates = self.patched(&of_stage, &code)?;
        let mut root = templates
            .remove(template::ROOT)
            .context("there is a root")?;
        for file in template::nested(&root.clone()) {
            let url = self.put_template(&templates[file])?;
            root = root.replace(
                &format!("Location: {file}\n"),
                &format!("Location: {url}\n"),
            );
        }
        if self.breaks {
            root = root.replacen("\nResources:\n", &format!("\nResources:\n{BROKEN}"), 1);
        }
        if let Some((method, path)) = self.without {
            root = template::without_member(&root, &format!("          {path}:"))?;
            root = template::without_member(&root, &format!("        \"{method} {path}\":"))?;
        }
        self.put_template(&root)
    }

    fn patched(&self, samconfig: &str, code: &dyn Fn(&str) -> String) -> Result<Templates> {
        let world = self.world;
        let local = Local {
            database_port: world.cluster.port(),
            revisions: [&world.samconfig, samconfig].map(generate::revision),
            code,
        };
        template::patch(&world.templates, &world.table, &local)
    }

    /// What the document says: parameters into samconfig.toml, generate, `sam build`, `sam deploy`. Only that nobody is
    /// there to confirm.
    pub(super) fn deploy_by_sam(&self) -> Result<()> {
        let folder = self.world.folder.join("source");
        let samconfig = filled_in(&self.world.samconfig, &self.name, &self.parameters);
        let packages = self.world.folder.join("packages");
        let code = |function: &str| packages.join(function).display().to_string();
        for (file, text) in self.patched(&samconfig, &code)? {
            let path = folder.join(file);
            fs::create_dir_all(path.parent().context("a template is in a folder")?)?;
            fs::write(path, text)?;
        }
        fs::write(folder.join(generate::STAGES), samconfig)?;
        // sam asks once a week whether there is a newer one. It has asked just now.
        let state = folder.join(".state");
        fs::create_dir_all(&state)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
        let state_file = json!({ "lastVersionCheck": now, "telemetryEnabled": false });
        fs::write(state.join("metadata.json"), state_file.to_string())?;
        let sam = tools::install(tools::Set::Checks)?.join("sam");
        for arguments in [
            &["build"][..],
            &["deploy", "--no-confirm-changeset", "--no-progressbar"],
        ] {
            let output = Command::new(&sam)
                .args(arguments)
                .current_dir(&folder)
                .envs(self.world.emulator.environment())
                .env("SAM_CLI_TELEMETRY", "0")
                .env("__SAM_CLI_APP_DIR", &state)
                .stdin(Stdio::null())
                .output()
                .context("sam cannot be started")?;
            ensure!(
                output.status.success(),
                "sam {}: {}\n{}{}",
                arguments[0],
                output.status,
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(())
    }

    fn put_template(&self, text: &str) -> Result<String> {
        let emulator = &self.world.emulator;
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let key = format!("{:016x}.template", hasher.finish());
        emulator.put_object(ARTIFACTS, &key, text.as_bytes().to_vec())?;
        Ok(emulator.object_url(ARTIFACTS, &key))
    }

    /// Runs the document's blocks of these names, after the one that sets the names of the stage; answers what they
    /// print.
    pub(super) fn document(&self, blocks: &[&str]) -> Result<String> {
        let world = self.world;
        let mut ran = world.ran.borrow_mut();
        ran.insert("names".to_owned());
        ran.extend(blocks.iter().map(|&name| name.to_owned()));
        let script: Result<String> = ["names"]
            .iter()
            .chain(blocks)
            .map(|name| document::script(&world.document, name))
            .collect();
        let script = script?;
        let folder = world.folder.join("operator");
        fs::create_dir_all(&folder)?;
        fs::copy(
            folders::workspace().join("migrations/bootstrap.sql"),
            folder.join("bootstrap.sql"),
        )?;
        let host = world.emulator.output(&self.name, "WriterHost")?;
        let mut environment = world.emulator.environment();
        environment.push(("WRITER_HOST".to_owned(), host));
        if let Some((method, path)) = self.without {
            environment.push(("API".to_owned(), world.emulator.api_id(&self.name)?));
            environment.push(("ROUTE".to_owned(), format!("{method} {path}")));
        }
        let shell = Shell {
            folder: &folder,
            programs: &world.programs(),
            environment,
        };
        shell.run(&script)
    }

    /// The key that the log is signed with from now on.
    pub(super) fn set_log_seed(&mut self, seed: &str) -> Result<()> {
        self.deployment.note_seed = STANDARD.decode(seed)?;
        Ok(())
    }

    /// The log's verifier key under the name that the document gives it.
    pub(super) fn verifier_key(&self) -> Result<String> {
        let key = self.deployment.log_key_of(LOG_ORIGIN)?;
        Ok(key.verifier_key().to_string())
    }

    pub(super) fn set_agent_secret(&mut self, id: &str, secret: &str) {
        for agent in &mut self.deployment.agents {
            if agent.id == id {
                secret.clone_into(&mut agent.secret);
            }
        }
    }

    /// The functions that are there, by the names of their folders.
    pub(super) fn functions(&self) -> Result<BTreeSet<String>> {
        let resources = self.world.emulator.resources(&self.name)?;
        let own = format!("{}-", self.name);
        Ok(resources
            .into_iter()
            .filter(|(kind, _)| kind == "AWS::Lambda::Function")
            .filter_map(|(_, id)| id.strip_prefix(&own).map(str::to_owned))
            .collect())
    }

    /// Which version of each function serves.
    pub(super) fn versions(&self) -> Result<BTreeMap<String, String>> {
        self.functions()?
            .into_iter()
            .map(|function| {
                let live = self.configuration(&function, "live")?;
                let version = live["Version"].as_str().unwrap_or_default().to_owned();
                Ok((function, version))
            })
            .collect()
    }

    /// What serves is what was deployed last, for every function.
    pub(super) fn live_is_latest(&self) -> Result<()> {
        const COMPARED: [&str; 9] = [
            "CodeSha256",
            "Environment",
            "MemorySize",
            "Timeout",
            "Role",
            "VpcConfig",
            "LoggingConfig",
            "TracingConfig",
            "Architectures",
        ];
        for function in self.functions()? {
            let (live, latest) = (
                self.configuration(&function, "live")?,
                self.configuration(&function, "$LATEST")?,
            );
            for member in COMPARED {
                ensure!(
                    live[member] == latest[member],
                    "{function}: live has {} {}, and was deployed with {}",
                    member,
                    live[member],
                    latest[member]
                );
            }
        }
        Ok(())
    }

    fn configuration(&self, function: &str, qualifier: &str) -> Result<Value> {
        let name = self.function(function);
        self.world.emulator.configuration(&name, qualifier)
    }
}

fn code_key(label: &str, function: &str) -> String {
    format!("{}/{function}.zip", label.replace(' ', "-"))
}

/// The file with the default stage's name and parameters written in, as an operator does.
fn filled_in(samconfig: &str, stack: &str, parameters: &BTreeMap<String, String>) -> String {
    let mut left = parameters.clone();
    let mut lines = Vec::new();
    for line in samconfig.lines() {
        // The default stage is the first: what comes after it keeps its own values.
        let name = line
            .trim()
            .strip_prefix('"')
            .and_then(|rest| rest.split_once('='));
        let own = name.and_then(|(name, _)| Some((name, left.remove(name)?)));
        match own {
            Some((name, value)) => lines.push(format!("    \"{name}={value}\",")),
            None => lines.push(line.to_owned()),
        }
    }
    lines
        .join("\n")
        .replacen("\"optkas-dev\"", &format!("\"{stack}\""), 1)
}

/// A stage's parameters.
fn parameters(samconfig: &str, stage: &str) -> Result<BTreeMap<String, String>> {
    let samconfig: Value = toml::from_str(samconfig)?;
    let list = &samconfig[stage]["deploy"]["parameters"]["parameter_overrides"];
    let list = list.as_array().context("samconfig.toml has parameters")?;
    list.iter()
        .map(|pair| {
            let pair = pair.as_str().and_then(|pair| pair.split_once('='));
            let (name, value) = pair.context("a parameter is NAME=VALUE")?;
            Ok((name.to_owned(), value.to_owned()))
        })
        .collect()
}
