//! Which benchmarks there are, and running them.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use serde::Serialize;

use super::calls::Cheap;
use super::doer::{self, Deed};
use super::machine::Machine;
use super::row::{Row, Rows};
use super::subject::{Habit, live};
use super::village::{self, Life};
use super::{
    arming, breach, bystander, calls, cpu_share, delay_error, disk_rate, doctor, ending, many,
    memory, observe_cost, observe_exact, observe_idle, observe_load, packet_cost, pressure,
    probability, release, scrape, sibling, sleep_error, soak, syscall_arming, syscall_cost, table,
    throughput, unmatched,
};
use crate::alone;

/// Measure what faults cost, how exact they are, and how fast they come and go. Needs root.
#[derive(Debug, Parser)]
pub struct Arguments {
    /// Which benchmarks; without a name they are listed.
    names: Vec<String>,
    /// Run every benchmark but `soak`, which takes as long as all others together.
    #[arg(long)]
    all: bool,
    /// Also write the rows to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// A tenth of the rounds: to see whether it works, not to quote.
    #[arg(long)]
    quick: bool,
    /// How long to soak.
    #[arg(long, value_name = "N", default_value = "20")]
    minutes: u64,
    /// Be somebody who suffers: started by the benchmarks themselves.
    #[arg(long, hide = true)]
    subject: Option<Habit>,
    /// Make calls, and write down what they took: the same.
    #[arg(long, hide = true, value_name = "FILE")]
    calls: Option<PathBuf>,
    /// Which call.
    #[arg(long, hide = true, default_value = "getpgid", requires = "calls")]
    call: Cheap,
    /// Do this when told to: the same.
    #[arg(long, hide = true)]
    deed: Option<Deed>,
    /// Be somebody among many: the same.
    #[arg(long, hide = true)]
    life: Option<Life>,
}

/// How much to measure, and whom to tell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    quick: bool,
    soak: Duration,
}

impl Effort {
    /// So many rounds, or a tenth of them.
    pub(super) fn rounds(self, full: usize) -> usize {
        if self.quick { full.div_ceil(10) } else { full }
    }

    /// How long to soak.
    pub(super) fn soak(self) -> Duration {
        self.soak
    }

    /// Tells whoever waits how far it is.
    #[expect(clippy::unused_self, reason = "only who measures has progress to tell")]
    pub(super) fn progress(self, text: &str) {
        tell(&format!("  {text}"));
    }
}

/// A benchmark: its name, what it tells, and how.
struct Benchmark {
    name: &'static str,
    about: &'static str,
    measure: fn(Effort) -> Result<Rows>,
}

/// Only by its name.
const SOAK: &str = "soak";

const ALL: &[Benchmark] = &[
    Benchmark {
        name: "packet-cost",
        about: "what the packet program costs a packet",
        measure: packet_cost::measure,
    },
    Benchmark {
        name: "delay-error",
        about: "how exactly a delay line keeps its latency",
        measure: delay_error::measure,
    },
    Benchmark {
        name: "sleep-error",
        about: "how exactly a caller sleeps whose call takes longer",
        measure: sleep_error::measure,
    },
    Benchmark {
        name: "throughput",
        about: "what goes through a delay line",
        measure: throughput::measure,
    },
    Benchmark {
        name: "probability",
        about: "asked against observed probability",
        measure: probability::measure,
    },
    Benchmark {
        name: "cpu-share",
        about: "asked against observed processor time",
        measure: cpu_share::measure,
    },
    Benchmark {
        name: "disk-rate",
        about: "asked against observed rates of a disk",
        measure: disk_rate::measure,
    },
    Benchmark {
        name: "arming",
        about: "how long it takes until a fault acts",
        measure: arming::measure,
    },
    Benchmark {
        name: "kill",
        about: "how long a fault outlives a killed engine",
        measure: ending::kill,
    },
    Benchmark {
        name: "stall",
        about: "how long a fault outlives a stopped engine",
        measure: ending::stall,
    },
    Benchmark {
        name: "release",
        about: "how long a sleeper outsleeps who would wake him",
        measure: release::measure,
    },
    Benchmark {
        name: "breach",
        about: "how long a fault outlives a breach",
        measure: breach::measure,
    },
    Benchmark {
        name: "bystander",
        about: "what faults cost whom they do not concern",
        measure: bystander::measure,
    },
    Benchmark {
        name: "unmatched",
        about: "what bulk TCP keeps beside a fault that does not concern it",
        measure: unmatched::measure,
    },
    Benchmark {
        name: "sibling",
        about: "what a Redis keeps beside a target that suffers every fault",
        measure: sibling::measure,
    },
    Benchmark {
        name: "scrape",
        about: "how long a scrape of 10 000 series takes",
        measure: scrape::measure,
    },
    Benchmark {
        name: "doctor",
        about: "how long the doctor takes",
        measure: doctor::measure,
    },
    Benchmark {
        name: "memory",
        about: "how much memory the engine uses",
        measure: memory::measure,
    },
    Benchmark {
        name: "many",
        about: "how long one command takes to arm 64 faults",
        measure: many::measure,
    },
    Benchmark {
        name: "syscall-cost",
        about: "what a fault of system calls costs a call that does not fail",
        measure: syscall_cost::measure,
    },
    Benchmark {
        name: "syscall-arming",
        about: "how long it takes until the first call fails",
        measure: syscall_arming::measure,
    },
    Benchmark {
        name: "observe-cost",
        about: "what observing costs every system call",
        measure: observe_cost::measure,
    },
    Benchmark {
        name: "observe-load",
        about: "what work loses while everything is observed",
        measure: observe_load::measure,
    },
    Benchmark {
        name: "observe-idle",
        about: "what an engine uses that is idle, and one that watches 1000 cgroups",
        measure: observe_idle::measure,
    },
    Benchmark {
        name: "observe-exact",
        about: "what is observed against what was done",
        measure: observe_exact::measure,
    },
    Benchmark {
        name: "pressure",
        about: "what workers use up against what they were asked to",
        measure: pressure::measure,
    },
    Benchmark {
        name: SOAK,
        about: "faults at random, and everything dies: what is left",
        measure: soak::measure,
    },
];

/// What is written for machines.
#[derive(Serialize)]
struct Report {
    machine: Machine,
    quick: bool,
    rows: Rows,
}

/// Runs what was asked for; a missed aim is a result, not a failure.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    if let Some(ended) = live_otherwise(arguments) {
        return ended.map(|()| ExitCode::SUCCESS);
    }
    let chosen = chosen(arguments)?;
    if chosen.is_empty() {
        for benchmark in ALL {
            say(&format!("{:<16} {}", benchmark.name, benchmark.about));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let _alone = alone()?;
    let effort = Effort {
        quick: arguments.quick,
        soak: Duration::from_secs(60 * arguments.minutes),
    };
    let machine = Machine::look();
    say(&format!("{machine:?}"));
    say(&table::header());
    let (rows, failed) = measure(&chosen, effort);
    if let Some(path) = &arguments.json {
        let report = Report {
            machine,
            quick: arguments.quick,
            rows,
        };
        let text = serde_json::to_string_pretty(&report)?;
        fs::write(path, text + "\n").with_context(|| path.display().to_string())?;
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(ExitCode::SUCCESS)
}

/// Is somebody whom a benchmark has started, if it was started so.
fn live_otherwise(arguments: &Arguments) -> Option<Result<()>> {
    if let Some(habit) = arguments.subject {
        return Some(live(habit).map(|felt| say(&felt)));
    }
    if let Some(file) = &arguments.calls {
        return Some(calls::live(file, arguments.call));
    }
    if let Some(deed) = arguments.deed {
        return Some(doer::live(deed));
    }
    arguments.life.map(village::live)
}

/// All rows, and which benchmarks failed: one does not take the others' results away.
fn measure(chosen: &[&Benchmark], effort: Effort) -> (Rows, Vec<&'static str>) {
    let (mut rows, mut failed) = (Rows::new(), Vec::new());
    for benchmark in chosen {
        tell(&format!("{}: {}", benchmark.name, benchmark.about));
        let measured = (benchmark.measure)(effort).unwrap_or_else(|error| {
            tell(&format!("{}: {error:#}", benchmark.name));
            failed.push(benchmark.name);
            Rows::new()
        });
        for row in measured {
            let row = Row {
                name: benchmark.name.to_owned(),
                ..row
            };
            say(&table::line(&row));
            rows.push(row);
        }
    }
    (rows, failed)
}

fn chosen(arguments: &Arguments) -> Result<Vec<&'static Benchmark>> {
    if arguments.all {
        return Ok(ALL.iter().filter(|one| one.name != SOAK).collect());
    }
    let mut chosen = Vec::new();
    for name in &arguments.names {
        let found = ALL.iter().find(|benchmark| benchmark.name == *name);
        let names: Vec<&str> = ALL.iter().map(|benchmark| benchmark.name).collect();
        ensure!(
            found.is_some(),
            "there is no benchmark `{name}`, only {}",
            names.join(", ")
        );
        chosen.extend(found);
    }
    Ok(chosen)
}

#[expect(clippy::print_stdout, reason = "the result of the program")]
fn say(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "progress, for whoever waits")]
fn tell(text: &str) {
    eprintln!("{text}");
}
