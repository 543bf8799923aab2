//! `cargo xtask demo`: one settlement's whole life through HTTP, and everything that must not work.

mod collateral;
mod compromised;
mod database;
mod evidence;
mod insider;
mod keys;
mod life;
mod outsiders;
mod risk;
mod story;
mod twice;

use anyhow::{Result, ensure};
use serde_json::Value;
use tests::sample_data::steps;
use tests::stack::{Ports, Settings, Stack};

use self::evidence::Desk;
use self::story::Story;

/// What one part of the demo leaves for the next.
struct Settled {
    /// The settlement that went all the way.
    id: String,
    /// The request that created it, as it was sent.
    created: Sent,
    /// The webhook that completed it, as it was sent.
    completed: String,
}

/// A request that is sent a second time later.
struct Sent {
    key: String,
    body: Value,
}

/// Runs the demo on a stack of its own; an unexpected answer is an error.
pub(crate) fn run() -> Result<()> {
    let mut stack = Stack::start(Settings {
        name: "demo".to_owned(),
        ports: Ports::default(),
        fresh: true,
        temporary: true,
        trust: None,
    })?;
    let mut story = Story::begin();
    let played = play(&mut stack, &mut story);
    if played.is_err() || story.wrong() > 0 {
        eprintln!("The gateway's last words:\n{}", stack.gateway().log_tail());
    }
    played?;
    drop(stack);
    ensure!(
        story.wrong() == 0,
        "{} of {} answers are not as promised",
        story.wrong(),
        story.told()
    );
    println!(
        "\n{} answers, all as promised. Everything is stopped again.",
        story.told()
    );
    Ok(())
}

fn play(stack: &mut Stack, story: &mut Story) -> Result<()> {
    story.act("The platform onboards, by signed webhooks");
    for step in steps() {
        story.answer(&step.title, &stack.onboard(&step)?, "200 accepted");
    }
    let settled = life::play(stack, story)?;
    twice::play(stack, story, &settled)?;
    let pending = outsiders::play(stack, story, &settled)?;
    collateral::play(stack, story)?;
    keys::play(stack, story)?;
    compromised::play(stack, story)?;
    database::play(stack, story, &pending)?;
    database::books(stack, story)?;
    let desk = Desk::new(stack)?;
    risk::play(stack, story, &desk)?;
    let index = evidence::play(stack, story, &settled, &desk)?;
    insider::play(stack, story, &settled, &desk, &index)
}
