//! What an engine uses that has nothing to do, and one that watches a thousand cgroups.
//!
//! - Processor time of engine and keeper together, in percent of one processor, by the clocks that the kernel
//!   keeps of processes: the median of windows of three seconds. Memory of the engine is its resident set
//!   (`VmRSS`) after the last window; the note has the part that is not of files (`RssAnon`).
//! - Idle: nothing is armed, nobody observes, one client is connected and silent.
//! - Watching: one client observes `--top 1000` with all signals, as `temblor observe` does, which asks at the
//!   beginning and at the end. The benchmark makes 1000 cgroups, each with a process that makes one call a
//!   second; every tenth makes a hundred others, too. What these processes lose by it is not in the figure, and
//!   neither is what the kernel keeps: 64 MiB of rows at most.
//! - The same while the client asks for a frame every second, as `temblor top` does.
//!
//! The engine's history is among its memory, and grows until it has 32 MiB: the note says by how much the
//! engine grew in the last window. There is no peer.

use std::time::{Duration, Instant};

use anyhow::Result;
use injector_core::telemetry::Signal;
use injector_user::observer::Wanted;
use injector_user::sys::poll;

use super::row::{Row, Rows};
use super::statistics::median;
use super::suite::Effort;
use super::usage::{Memory, processor_time};
use super::village::{self, Life};
use crate::client::Client;
use crate::engine::Engine;

const WINDOWS: usize = 10;
const WINDOW: Duration = Duration::from_secs(3);
const SECOND: Duration = Duration::from_secs(1);
/// After something has begun, until it is as it stays.
const SETTLES: Duration = Duration::from_secs(3);

const CGROUPS: usize = 1_000;
/// Each so-manieth does more.
const WORKS: usize = 10;

const IDLE_AIM_PERCENT: f64 = 0.05;
const IDLE_AIM_MIB: f64 = 30.0;
const WATCHING_AIM_PERCENT: f64 = 1.0;
const WATCHING_AIM_MIB: f64 = 100.0;

pub(super) fn measure(effort: Effort) -> Result<Rows> {
    let engine = Engine::start()?;
    let windows = effort.rounds(WINDOWS);
    let idle = Used::watch(&engine, windows, || wait(WINDOW))?;
    effort.progress("idle: done");
    let life = |number: usize| match number % WORKS {
        0 => Life::Works,
        _ => Life::Dozes,
    };
    let houses = village::build("idle", CGROUPS, life)?;
    effort.progress("cgroups: made");
    let mut client = engine.client()?;
    client.observe(Wanted {
        targets: [].into(),
        signals: Signal::ALL.iter().copied().collect(),
        top: CGROUPS,
    })?;
    let watching = Used::watch(&engine, windows, || wait(WINDOW))?;
    effort.progress("watching: done");
    let asked = Used::watch(&engine, windows, || ask(&mut client))?;
    drop(houses);
    Ok(rows(&idle, &watching, &asked))
}

fn rows(idle: &Used, watching: &Used, asked: &Used) -> Rows {
    let [processor, memory] = idle.rows("idle");
    let mut rows = vec![
        processor.at_most(IDLE_AIM_PERCENT),
        memory.at_most(IDLE_AIM_MIB),
    ];
    let [processor, memory] = watching.rows("1000 cgroups watched");
    rows.push(processor.at_most(WATCHING_AIM_PERCENT));
    rows.push(memory.at_most(WATCHING_AIM_MIB));
    rows.extend(asked.rows("1000 cgroups watched, and a frame asked for every second"));
    rows
}

/// For a frame every second.
fn ask(client: &mut Client) -> Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < WINDOW {
        client.frame()?;
        wait(SECOND)?;
    }
    Ok(())
}

fn wait(duration: Duration) -> Result<()> {
    Ok(poll::wait_readable([], duration).map(drop)?)
}

/// What was used in some windows.
struct Used {
    /// In percent of one.
    processor: Vec<f64>,
    memory: Memory,
    /// In the last window, in MiB.
    growth: f64,
}

impl Used {
    fn watch(
        engine: &Engine,
        windows: usize,
        mut window: impl FnMut() -> Result<()>,
    ) -> Result<Self> {
        wait(SETTLES)?;
        let pids = [engine.pid(), engine.keeper()];
        let mut memory = Memory::of(engine.pid())?;
        let (mut processor, mut growth) = (Vec::new(), 0.0);
        for _window in 0..windows {
            let (begun, before) = (Instant::now(), processor_time(&pids)?);
            window()?;
            let used = processor_time(&pids)?.saturating_sub(before);
            processor.push(100.0 * used.as_secs_f64() / begun.elapsed().as_secs_f64());
            let now = Memory::of(engine.pid())?;
            growth = now.resident - memory.resident;
            memory = now;
        }
        Ok(Self {
            processor,
            memory,
            growth,
        })
    }

    fn rows(&self, state: &str) -> [Row; 2] {
        let windows = self.processor.len();
        let most = self.processor.iter().copied().fold(0.0, f64::max);
        let processor = Row::new(
            format!("engine, {state}: processor"),
            "%",
            median(&self.processor),
            windows,
        );
        let memory = format!("engine, {state}: memory");
        let memory = Row::new(memory, "MiB", self.memory.resident, windows);
        [
            processor.note(format!("median; most {most:.2} %")),
            memory.note(format!(
                "{:.1} MiB of it anonymous; {:+.2} MiB in the last window",
                self.memory.anonymous, self.growth
            )),
        ]
    }
}
