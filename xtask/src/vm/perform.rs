//! The part of the demo that is played in a guest, where there is one to play in.

use std::{
    io::{self, IsTerminal as _},
    time::Duration,
};

use anyhow::{Result, ensure};
use serde_json::json;

use crate::{
    exec::say,
    vm::{
        bench::Bench,
        emulator::Emulator,
        kernels::{Kernel, Release, Store},
        machines::PLAIN,
        payload::Purpose,
        report::Outcome,
    },
    workspace::Workspace,
};

/// Kernels where `fsync` can be made to fail, the quickest to get first.
const KERNELS: &[&str] = &["6.12-fi", "7.2"];

/// Many times what it takes.
const LIMIT: Duration = Duration::from_mins(5);

/// Plays it and returns the exit code; where there is no guest, says why and that nothing was played.
pub(crate) fn perform(workspace: &Workspace) -> u8 {
    let (bench, kernel) = match stage(workspace) {
        Ok(stage) => stage,
        Err(error) => {
            say(format_args!("nothing is played in a guest: {error:#}"));
            return 0;
        }
    };
    match play(&bench, &kernel) {
        Ok(()) => 0,
        Err(error) => {
            say(format_args!("the part in a guest failed: {error:#}"));
            1
        }
    }
}

/// Everything that a guest needs.
fn stage(workspace: &Workspace) -> Result<(Bench, Kernel)> {
    let emulator = Emulator::get(workspace)?;
    let kernel = kernel(&mut Store::new(&workspace.guests()))?;
    let bench = Bench::new(workspace, emulator, Purpose::DEMO)?;
    ensure!(bench.has_disk(), "it has no database");
    Ok((bench, kernel))
}

/// The first that can be had.
fn kernel(store: &mut Store) -> Result<Kernel> {
    let mut last = None;
    for release in KERNELS.iter().filter_map(|name| Release::named(name)) {
        match store.get(release) {
            Ok(kernel) => return Ok(kernel),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| anyhow::anyhow!("no kernel is known")))
}

fn play(bench: &Bench, kernel: &Kernel) -> Result<()> {
    say(format_args!("a guest with Linux {}", kernel.version));
    let mut command = vec!["demo", "guest"];
    if !io::stdout().is_terminal() {
        // There it has a terminal: the guest's console.
        command.splice(..0, ["env", "NO_COLOR=1"]);
    }
    let steps = json!([{ "name": "demo", "fault": null, "command": command }]);
    let ended = bench.guest(kernel, PLAIN).run(&steps, LIMIT, |line| {
        // Not what its first process says to us.
        if !line.starts_with("temblor-guest: ") {
            println!("{line}");
        }
    })?;
    let outcome = ended.report.outcomes.first().map(|(_, outcome)| outcome);
    let failed = !matches!(outcome, Some(Outcome::Ran(counts)) if counts.failed == 0);
    ensure!(ended.trouble.is_none(), ended.trouble.unwrap_or_default());
    ensure!(!failed, "not all was as expected");
    say(format_args!(
        "the guest took {:.0} s",
        ended.took.as_secs_f64()
    ));
    Ok(())
}
