//! `cargo xtask rehearse`: the deployment of a stage, from an empty account to its removal, on an emulator of AWS.
//!
//! The templates, the binaries, the database, the issuer and the operator's commands are the real ones. Everything is
//! on loopback, and nothing is left behind. What an emulator cannot show is said at the end.

mod document;
mod emulator;
mod stage;
mod template;

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tests::http::{Request, Transport as _};
use tests::sample_data::{
    AgentClient, Kind, PLATFORM, PersonClient, find_person, idempotency_key, steps,
};

use self::stage::{Stage, World};
use crate::life;

/// What no emulator shows.
const BLIND: &str = "\
A rehearsal is no deployment. It cannot see:
  - IAM: every call is allowed here, and no token of RDS is checked;
  - DNS, security groups, the firewall and the endpoints: all is loopback here;
  - RDS and RDS Proxy: PostgreSQL itself stands here, without TLS;
  - CodeDeploy: an alias takes over at once here, and no alarm holds it back;
  - quotas, throttling, cold starts in a VPC, and the time that all of it takes;
  - the build for Lambda's libc, and the size of packages: each holds a link to its binary here.
The first deployment in a real account stays due. docs/OPERATIONS.md, \"Rehearse\", says what to look at there.";

/// Plays it all; the first thing that is not as promised ends it.
pub(crate) fn run() -> Result<()> {
    let start = Instant::now();
    let clock = Clock { start };
    let world = clock.step("everything started", || {
        let world = World::start()?;
        Ok((world, "emulator, PostgreSQL, issuer".to_owned()))
    })?;
    let mut stage = Stage::new(&world, "default", "optkas-dev", "optkas/dev")?;
    let outcome = play(&clock, &world, &mut stage);
    if outcome.is_err() {
        eprintln!("The emulator's log: {}", world.emulator.log.display());
    }
    outcome?;
    drop(stage);
    world.clear()?;
    println!(
        "All as promised, in {} s. Everything is stopped again.",
        start.elapsed().as_secs()
    );
    println!("{BLIND}");
    Ok(())
}

fn play(clock: &Clock, world: &World, stage: &mut Stage<'_>) -> Result<()> {
    clock.step("packaged", || {
        let functions = stage.package("build 1")?;
        Ok(((), format!("{functions} functions")))
    })?;
    clock.step("a first creation failed", || failed_creation(world, stage))?;
    clock.step("created, without a database", || first(world, stage))?;
    clock.step("bootstrapped, as the document says", || {
        bootstrap(world, stage)
    })?;
    clock.step("filled the keys, as the document says", || {
        keys(world, stage)
    })?;
    clock.step("deployed, with the database", || second(world, stage))?;
    clock.step("registered the issuer's keys", || {
        stage.document(&["sync-jwks"])?;
        Ok(((), "as the document says".to_owned()))
    })?;
    let settlement = clock.step("one settlement's life", || one_life(world, stage))?;
    clock.step("odd requests", || odd_requests(world, stage, &settlement))?;
    clock.step("every schedule's function", || schedules(world, stage))?;
    clock.step("a route removed", || route(world, stage))?;
    clock.step("a parameter changed", || parameter(world, stage))?;
    clock.step("the document's own check", || {
        let said = stage.document(&["live"])?;
        ensure!(said.is_empty(), "{said}");
        Ok(((), "live is the latest".to_owned()))
    })?;
    clock.step("code changed", || code(world, stage, &settlement))?;
    clock.step("a migration failed", || failure(world, stage, &settlement))?;
    clock.step("the failure repaired", || {
        recovery(world, stage, &settlement)
    })?;
    clock.step("removed", || {
        let status = world.emulator.delete(&stage.name)?;
        ensure!(status == "DELETE_COMPLETE", "{status}");
        Ok(((), status))
    })?;
    clock.step("deployed again, on the old database", || {
        again(world, stage, &settlement)
    })?;
    clock.step("production's parameters", || production(world))?;
    clock.step("sam build and sam deploy", || by_sam(world))?;
    world.whole_document().map(drop)
}

// --- The steps ---

/// The last resource fails, and all names must be free again.
fn failed_creation(world: &World, stage: &mut Stage<'_>) -> Result<((), String)> {
    stage.breaks(true);
    let status = stage.create()?;
    let failures = stage.failures();
    ensure!(status == "ROLLBACK_COMPLETE", "{status}, for:\n{failures}");
    ensure!(
        failures.contains("Broken"),
        "it failed for another reason:\n{failures}"
    );
    stage.breaks(false);
    let status = world.emulator.delete(&stage.name)?;
    ensure!(status == "DELETE_COMPLETE", "{status}");
    Ok(((), "rolled back and deleted".to_owned()))
}

fn first(world: &World, stage: &mut Stage<'_>) -> Result<((), String)> {
    let status = stage.create()?;
    ensure!(
        status == "CREATE_COMPLETE",
        "{status}, for:\n{}",
        stage.failures()
    );
    let functions = stage.functions()?;
    ensure!(functions == of_default_stage()?, "functions: {functions:?}");
    let said = world.emulator.function_log(&stage.function("migrate"))?;
    ensure!(
        said.contains("The database has not been set up"),
        "the stack has not called migrate: {said}"
    );
    let schedules = world.emulator.schedules()?;
    let running = schedules.iter().filter(|schedule| schedule.enabled).count();
    ensure!(running == 0, "{running} schedules run without a database");
    Ok(((), format!("{} functions, schedules off", functions.len())))
}

fn bootstrap(world: &World, stage: &Stage<'_>) -> Result<((), String)> {
    world.create_database_as_rds_has_it()?;
    stage.document(&["bootstrap"])?;
    let migrate = &world.deployment.passwords["migrate"];
    let mut admin = world.database().connect()?;
    let row = admin.query_one(
        "select r.rolcreaterole and not r.rolsuper and not r.rolbypassrls and m.admin_option
         from pg_roles as r join pg_auth_members as m on m.member = r.oid
         where r.rolname = 'migrate' and m.roleid = 'rds_iam'::regrole",
        &[],
    )?;
    ensure!(row.get::<_, bool>(0), "migrate is not what it should be");
    // IAM's tokens stand for it on AWS.
    admin.batch_execute(&format!("alter role migrate password '{migrate}'"))?;
    Ok(((), "by a master who is no superuser".to_owned()))
}

fn keys(world: &World, stage: &mut Stage<'_>) -> Result<((), String)> {
    let said = stage.document(&["note-key", "verifier-key"])?;
    let note_key = world
        .emulator
        .secret(&format!("{}/note-key/sign-checkpoint", stage.prefix))?;
    let seed = note_key["seed"].as_str().context("a seed is filled in")?;
    stage.set_log_seed(seed)?;
    let verifier_key = said.lines().last().unwrap_or_default().to_owned();
    ensure!(
        verifier_key == stage.verifier_key()?,
        "the document makes the verifier key {verifier_key}"
    );
    stage.document(&["platform-key"])?;
    let ring = format!("{}/webhooks/platform-webhook", stage.prefix);
    let value = world.emulator.secret(&ring)?;
    let secret = value["agents"][PLATFORM]["secrets"][0]
        .as_str()
        .context("the platform has a secret")?;
    stage.set_agent_secret(PLATFORM, secret);
    for kind in Kind::ALL {
        if kind != Kind::Platform {
            let name = format!("{}/webhooks/{}", stage.prefix, kind.function());
            let rings = stage.deployment.key_ring(kind);
            world.emulator.put_secret(&name, &rings)?;
        }
    }
    Ok(((), "log, platform and agents".to_owned()))
}

fn second(world: &World, stage: &mut Stage<'_>) -> Result<((), String)> {
    stage.set("DatabaseBootstrapped", "true");
    stage.updated()?;
    let mut admin = world.database().connect()?;
    let logins = tests::deployment::functions()?
        .iter()
        .map(|function| tests::deployment::login(function))
        .collect::<Vec<_>>();
    let row = admin.query_one(
        "select count(*) from pg_roles where rolcanlogin and rolname = any($1)",
        &[&logins],
    )?;
    let found = usize::try_from(row.get::<_, i64>(0))?;
    ensure!(found == logins.len(), "{found} logins of {}", logins.len());
    let schedules = world.emulator.schedules()?;
    let off = schedules
        .iter()
        .filter(|schedule| !schedule.enabled)
        .count();
    ensure!(off == 0, "{off} schedules are off");
    stage.live_is_latest()?;
    Ok(((), format!("{found} logins, live is the latest")))
}

fn one_life(world: &World, stage: &Stage<'_>) -> Result<(String, String)> {
    let api = world.emulator.api(&stage.name)?;
    let platform = AgentClient::new(&api, stage.deployment.agent(PLATFORM)?);
    for delivery in steps() {
        let answer = platform.deliver(&delivery.event)?;
        let refused = (answer.status != 200).then(|| answer.text());
        if let Some(text) = refused {
            bail!("{}: {} {text}", delivery.title, answer.status);
        }
    }
    let settlement = life::play(&api, &world.issuer, &stage.deployment)?;
    Ok((settlement, "PENDING to SETTLED".to_owned()))
}

fn schedules(world: &World, stage: &Stage<'_>) -> Result<((), String)> {
    let schedules = world.emulator.schedules()?;
    let mut called = BTreeSet::new();
    for schedule in &schedules {
        let target = &schedule.target;
        ensure!(target.ends_with(":live"), "a schedule calls {target}");
        let reply = world.emulator.invoke(target, &schedule.event)?;
        ensure!(!reply.failed, "{target}: {}", reply.body);
        called.insert(target.clone());
    }
    let expected = generate::load(&tests::folders::workspace())?
        .of(generate::Kind::Job)
        // No chain is given, and a deployment calls migrate.
        .filter(|function| !function.is_deployment() && function.name != "anchor-checkpoint")
        .count();
    ensure!(called.len() == expected, "{called:?} of {expected}");
    let checkpoint = world
        .emulator
        .object(&stage.parameter("LogBucket"), "checkpoint")?;
    ensure!(
        checkpoint.starts_with(&stage.parameter("LogOrigin")),
        "the log is published as {checkpoint}"
    );
    Ok(((), format!("{} called, the log is published", called.len())))
}

/// API Gateway keeps a route's own settings, and refuses those of a route that is gone.
fn route(world: &World, stage: &mut Stage<'_>) -> Result<((), String)> {
    let name = stage.name.clone();
    let audit = || {
        let api = world.emulator.api(&name)?;
        anyhow::Ok(api.send(&Request::new("GET", "/v1/audit"))?.status)
    };
    ensure!(audit()? == 401, "there is no route to remove");
    stage.without(Some(("GET", "/v1/audit")));
    let status = stage.update()?;
    ensure!(status == "UPDATE_ROLLBACK_COMPLETE", "{status}");
    let failures = stage.failures();
    ensure!(
        failures.contains("Unable to find Route by key GET /v1/audit"),
        "{failures}"
    );
    stage.document(&["route"])?;
    stage.updated()?;
    ensure!(audit()? == 404, "the route is still there");
    stage.without(None);
    stage.updated()?;
    ensure!(audit()? == 401, "the route has not come back");
    Ok(((), "by the document's command, and back".to_owned()))
}

fn parameter(world: &World, stage: &mut Stage<'_>) -> Result<((), String)> {
    stage.set("MemoryMb", "768");
    stage.set("JwksMaxAgeSeconds", "60");
    stage.updated()?;
    stage.live_is_latest()?;
    let live = world
        .emulator
        .configuration(&stage.function("get-settlement"), "live")?;
    ensure!(live["MemorySize"] == 768, "live has {}", live["MemorySize"]);
    let age = &live["Environment"]["Variables"]["JWKS_MAX_AGE_SECONDS"];
    ensure!(age == "60", "live has {age}");
    Ok(((), "live has it".to_owned()))
}

fn code(world: &World, stage: &mut Stage<'_>, settlement: &str) -> Result<((), String)> {
    let before = stage.versions()?;
    stage.package("build 2")?;
    stage.updated()?;
    stage.live_is_latest()?;
    let after = stage.versions()?;
    for (function, version) in &after {
        ensure!(
            before.get(function) != Some(version),
            "{function} is still version {version}"
        );
    }
    is_settled(world, stage, settlement)?;
    Ok(((), format!("{} new versions serve", after.len())))
}

fn failure(world: &World, stage: &mut Stage<'_>, settlement: &str) -> Result<((), String)> {
    let before = stage.versions()?;
    let mut admin = world.database().connect()?;
    admin.batch_execute("alter role migrate nologin")?;
    stage.package("build 3")?;
    let status = stage.update()?;
    ensure!(
        status == "UPDATE_ROLLBACK_COMPLETE",
        "{status}: the stack takes no deployment any more"
    );
    let after = stage.versions()?;
    ensure!(before == after, "other code serves: {after:?}");
    is_settled(world, stage, settlement)?;
    Ok(((), "rolled back, the old code serves".to_owned()))
}

fn recovery(world: &World, stage: &mut Stage<'_>, settlement: &str) -> Result<((), String)> {
    let mut admin = world.database().connect()?;
    admin.batch_execute("alter role migrate login")?;
    stage.updated()?;
    stage.live_is_latest()?;
    is_settled(world, stage, settlement)?;
    Ok(((), "the same deployment goes through".to_owned()))
}

/// What the events of API Gateway look like when a request is unusual.
fn odd_requests(world: &World, stage: &Stage<'_>, settlement: &str) -> Result<((), String)> {
    let api = world.emulator.api(&stage.name)?;
    let alice = PersonClient::new(&api, world.issuer.minter(), find_person("alice")?);
    let read = |target: &str| alice.request("GET", target);
    let write = || alice.request("POST", "/v1/settlements");
    let key = || idempotency_key();
    let encoded = settlement.replace('-', "%2D");
    let requests = [
        (200, read(&format!("/v1/settlements/{encoded}"))),
        (404, read("/v1/settlements/")),
        (422, read("/v1/settlements?limit=1&limit=2")),
        (401, Request::new("GET", "/v1/settlements")),
        (
            401,
            read("/v1/settlements").header("authorization", "Bearer again"),
        ),
        (415, write().header("idempotency-key", &key()).body("{}")),
        (
            400,
            write()
                .header("idempotency-key", &key())
                .json(&json!({}))
                .body(""),
        ),
        (
            400,
            write()
                .header("idempotency-key", &key())
                .json(&json!({}))
                .body(*b"\xff"),
        ),
        (
            400,
            write()
                .header("idempotency-key", &key())
                .header("idempotency-key", &key())
                .json(&json!({})),
        ),
        (404, alice.request("DELETE", "/v1/settlements")),
    ];
    for (expected, request) in &requests {
        let answer = api.send(request)?;
        ensure!(
            answer.status == *expected,
            "{} {}: {} and not {expected}: {}",
            request.method,
            request.target,
            answer.status,
            answer.text()
        );
    }
    Ok(((), format!("{} answered as documented", requests.len())))
}

/// Two zones, a firewall, canaries, and what only some stages have: witnesses, a chain and a front of the log.
fn production(world: &World) -> Result<((), String)> {
    let mut stage = Stage::new(world, "prod", "optkas-prod", "optkas/prod")?;
    for (parameter, value) in [
        ("OutboundHosts", "witness.example.com,node.example.com"),
        ("WitnessPolicy", "quorum none"),
        ("ChainRpcUrl", "https://node.example.com"),
        ("LogVerifierKey", "log.example.com/optkas+00000000+AAAA"),
        ("PublishLog", "true"),
    ] {
        stage.set(parameter, value);
    }
    stage.package("build 3")?;
    let status = stage.create()?;
    ensure!(
        status == "CREATE_COMPLETE",
        "{status}, for:\n{}",
        stage.failures()
    );
    let functions = stage.functions()?;
    let all: BTreeSet<_> = tests::deployment::functions()?.into_iter().collect();
    ensure!(functions == all, "functions: {functions:?}");
    Ok((
        (),
        "created, with witnesses, a chain and the front".to_owned(),
    ))
}

/// The operator's own two commands. The other steps put templates and code into S3 without them, which is quicker.
fn by_sam(world: &World) -> Result<((), String)> {
    let stage = Stage::new(world, "default", "optkas-sam", "optkas/sam")?;
    stage.package("build 3")?;
    stage.deploy_by_sam()?;
    let functions = stage.functions()?;
    ensure!(functions == of_default_stage()?, "functions: {functions:?}");
    stage.live_is_latest()?;
    Ok(((), format!("{} functions", functions.len())))
}

/// No chain is given in it.
fn of_default_stage() -> Result<BTreeSet<String>> {
    let all = tests::deployment::functions()?.into_iter();
    Ok(all.filter(|name| name != "anchor-checkpoint").collect())
}

/// A stack of another name: what the first one has retained keeps its names taken.
fn again(world: &World, before: &Stage<'_>, settlement: &str) -> Result<((), String)> {
    let mut stage = Stage::new(world, "default", "optkas-again", "optkas/again")?;
    stage.set("DatabaseBootstrapped", "true");
    stage.package("build 3")?;
    let status = stage.create()?;
    ensure!(
        status == "CREATE_COMPLETE",
        "{status}, for:\n{}",
        stage.failures()
    );
    stage.let_logins_in()?;
    stage.live_is_latest()?;
    is_settled(world, &stage, settlement)?;
    ensure!(before.name != stage.name, "it is another stack");
    Ok(((), "what was settled is settled".to_owned()))
}

fn is_settled(world: &World, stage: &Stage<'_>, settlement: &str) -> Result<()> {
    let api = world.emulator.api(&stage.name)?;
    let carol = PersonClient::new(&api, world.issuer.minter(), find_person("carol")?);
    let answer = carol.get(&format!("/v1/settlements/{settlement}"))?;
    if answer.status != 200 {
        let log = world
            .emulator
            .function_log(&stage.function("get-settlement"));
        bail!("{} {}\n{}", answer.status, answer.text(), log?);
    }
    let body: Value = answer.json();
    let status = body["status"]
        .as_str()
        .or(body["settlement"]["status"].as_str());
    ensure!(status == Some("SETTLED"), "{body}");
    Ok(())
}

// --- What is shown ---

/// One line a step: the time since the start, what was done, and what was asserted.
struct Clock {
    start: Instant,
}

impl Clock {
    fn step<T>(&self, what: &str, work: impl FnOnce() -> Result<(T, String)>) -> Result<T> {
        let step = Instant::now();
        let (value, asserted) = work().with_context(|| what.to_owned())?;
        println!(
            "{:>5.1} s  {what:<36} {:>5.1} s  {asserted}",
            self.start.elapsed().as_secs_f64(),
            step.elapsed().as_secs_f64()
        );
        Ok(value)
    }
}
