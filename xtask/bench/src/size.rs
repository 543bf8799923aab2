//! Size and memory of each binary, beside hello.

use std::fs;

use anyhow::Result;
use tests::deployment::functions;
use tests::fixture::Fixture;
use tests::lambda::Load;

use super::report::{Figure, Report};
use super::stage::Stage;
use super::stats::float;
use super::{Bench, HELLO, processor};

const MEGABYTE: f64 = 1_048_576.0;

pub(super) fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    report.group("Size and memory");
    let services = bench.services()?;
    let fixture = Fixture::on(
        std::sync::Arc::clone(services),
        services.copy_of_sample_data()?,
    )?;
    let size = |name: &str| {
        let length = fs::metadata(bench.binaries.join(name))?.len();
        anyhow::Ok(float(length) / MEGABYTE)
    };
    let idle = |name: &str| {
        let load = Load::start(&fixture.launch(name)?)?;
        // A function also prepares its secret and connection while it waits for its first event.
        std::thread::sleep(std::time::Duration::from_millis(300));
        anyhow::Ok(processor::memory_mb(load.process_ids()[0])?.0)
    };
    let (hello_size, hello_idle) = (size(HELLO)?, idle(HELLO)?);
    for name in functions()? {
        let size = Figure::new(format!("{name}: binary"), size(&name)?, "MB");
        report.add(size.beside(HELLO, hello_size));
        let idle = Figure::new(format!("{name}: resident, waiting"), idle(&name)?, "MB");
        report.add(idle.beside(HELLO, hello_idle));
    }
    drop(fixture);

    let stage = Stage::new(services, 1)?;
    let maker = &stage.allocators[0];
    let load = Load::start(&stage.launch("create-settlement")?)?;
    let event = stage.create(maker, maker.facility)?;
    let mut numbers = stage.numbers();
    let number = bench.or_quick(5_000, 200);
    let payloads = (0..number).map(|_| event.with_key(numbers())).collect();
    super::sample::drive_through(&load, payloads, 201)?;
    let (now, highest) = processor::memory_mb(load.process_ids()[0])?;
    report.add(
        Figure::new(
            format!("create-settlement: resident, after {number} mutations"),
            now,
            "MB",
        )
        .note(format!("highest {highest:.1} MB")),
    );
    Ok(())
}
