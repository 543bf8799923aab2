//! The steps. Each asserts what it says it did.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tests::http::{Request, Transport as _};
use tests::sample_data::{
    AgentClient, Kind, PLATFORM, PersonClient, find_person, idempotency_key, steps,
};

use super::Done;
use super::stage::Stage;
use super::world::World;
use crate::life;

/// The last resource fails, and all names must be free again.
pub(super) fn failed_creation(world: &World, stage: &mut Stage<'_>) -> Result<Done<()>> {
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

pub(super) fn first(world: &World, stage: &mut Stage<'_>) -> Result<Done<()>> {
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

pub(super) fn bootstrap(world: &World, stage: &Stage<'_>) -> Result<Done<()>> {
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

pub(super) fn keys(world: &World, stage: &mut Stage<'_>) -> Result<Done<()>> {
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

pub(super) fn second(world: &World, stage: &mut Stage<'_>) -> Result<Done<()>> {
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

pub(super) fn one_life(world: &World, stage: &Stage<'_>) -> Result<Done<String>> {
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

pub(super) fn schedules(world: &World, stage: &Stage<'_>) -> Result<Done<()>> {
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
pub(super) fn route(world: &World, stage: &mut Stage<'_>) -> Result<Done<()>> {
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

pub(super) fn parameter(world: &World, stage: &mut Stage<'_>) -> Result<Done<()>> {
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

pub(super) fn code(world: &World, stage: &mut Stage<'_>, settlement: &str) -> Result<Done<()>> {
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

pub(super) fn failure(world: &World, stage: &mut Stage<'_>, settlement: &str) -> Result<Done<()>> {
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

pub(super) fn recovery(world: &World, stage: &mut Stage<'_>, settlement: &str) -> Result<Done<()>> {
    let mut admin = world.database().connect()?;
    admin.batch_execute("alter role migrate login")?;
    stage.updated()?;
    stage.live_is_latest()?;
    is_settled(world, stage, settlement)?;
    Ok(((), "the same deployment goes through".to_owned()))
}

/// What the events of API Gateway look like when a request is unusual.
pub(super) fn odd_requests(world: &World, stage: &Stage<'_>, settlement: &str) -> Result<Done<()>> {
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
pub(super) fn production(world: &World) -> Result<Done<()>> {
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
pub(super) fn by_sam(world: &World) -> Result<Done<()>> {
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
pub(super) fn again(world: &World, settlement: &str) -> Result<Done<()>> {
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
