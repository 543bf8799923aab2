//! `cargo xtask rehearse`: the deployment of a stage, from an empty account to its removal, on an emulator of AWS.
//!
//! The templates, the binaries, the database, the issuer and the operator's commands are the real ones. Everything is
//! on loopback, and nothing is left behind. What an emulator cannot show is said at the end.

mod document;
mod emulator;
mod stage;
mod steps;
mod template;
mod world;

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use self::stage::Stage;
use self::world::World;

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
    clock.step("a first creation failed", || {
        steps::failed_creation(world, stage)
    })?;
    clock.step("created, without a database", || steps::first(world, stage))?;
    clock.step("bootstrapped, as the document says", || {
        steps::bootstrap(world, stage)
    })?;
    clock.step("filled the keys, as the document says", || {
        steps::keys(world, stage)
    })?;
    clock.step("deployed, with the database", || {
        steps::second(world, stage)
    })?;
    clock.step("registered the issuer's keys", || {
        stage.document(&["sync-jwks"])?;
        Ok(((), "as the document says".to_owned()))
    })?;
    let settlement = clock.step("one settlement's life", || steps::one_life(world, stage))?;
    clock.step("odd requests", || {
        steps::odd_requests(world, stage, &settlement)
    })?;
    clock.step("every schedule's function", || {
        steps::schedules(world, stage)
    })?;
    clock.step("a route removed", || steps::route(world, stage))?;
    clock.step("a parameter changed", || steps::parameter(world, stage))?;
    clock.step("the document's own check", || {
        let said = stage.document(&["live"])?;
        ensure!(said.is_empty(), "{said}");
        Ok(((), "live is the latest".to_owned()))
    })?;
    clock.step("code changed", || steps::code(world, stage, &settlement))?;
    clock.step("a migration failed", || {
        steps::failure(world, stage, &settlement)
    })?;
    clock.step("the failure repaired", || {
        steps::recovery(world, stage, &settlement)
    })?;
    clock.step("removed", || {
        let status = world.emulator.delete(&stage.name)?;
        ensure!(status == "DELETE_COMPLETE", "{status}");
        Ok(((), status))
    })?;
    clock.step("deployed again, on the old database", || {
        steps::again(world, &settlement)
    })?;
    clock.step("production's parameters", || steps::production(world))?;
    clock.step("sam build and sam deploy", || steps::by_sam(world))?;
    world.whole_document().map(drop)
}

/// What a step hands on, and what it asserted.
type Done<T> = (T, String);

/// One line a step: the time since the start, what was done, how long it took, and what was asserted.
struct Clock {
    start: Instant,
}

impl Clock {
    fn step<T>(&self, what: &str, work: impl FnOnce() -> Result<Done<T>>) -> Result<T> {
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
