//! Every kernel, and every variant with one of them: two guests at a time.

use std::{
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::Result;

use crate::{
    exec::say,
    test::Outcome,
    vm::{
        bench::Bench,
        emulator::Emulator,
        golden, groups,
        kernels::Kernel,
        machines::{Machine, machines},
        payload::Purpose,
        table::{Row, State, show},
    },
    workspace::Workspace,
};

/// More at once would only wait for each other's processors.
const AT_ONCE: usize = 2;

/// Many times what a guest takes.
const LIMIT: Duration = Duration::from_mins(40);

/// The whole ring. It is not run where there is no emulator.
pub(crate) fn ring(workspace: &Workspace) -> Result<Outcome> {
    let emulator = match Emulator::get(workspace) {
        Ok(emulator) => emulator,
        Err(error) => return Ok(Outcome::NotRun(format!("{error:#}"))),
    };
    let bench = Bench::new(workspace, emulator, Purpose::TEST)?;
    let mut store = bench.store();
    let jobs: Vec<_> = machines()
        .into_iter()
        .map(|machine| (machine, store.get(machine.release)))
        .collect();
    let jobs = Mutex::new(jobs.into_iter());
    let rows = Mutex::new(Vec::new());
    let work = || {
        while let Some((machine, kernel)) = next(&jobs) {
            let row = row(workspace, &bench, machine, kernel);
            say(row.line());
            rows.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(row);
        }
    };
    thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(work))));
    let mut rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    rows.sort_by_key(Row::place);
    Ok(Outcome::Ran(show(&rows)))
}

fn next<T>(jobs: &Mutex<impl Iterator<Item = T>>) -> Option<T> {
    jobs.lock().unwrap_or_else(PoisonError::into_inner).next()
}

fn row(workspace: &Workspace, bench: &Bench, machine: Machine, kernel: Result<Kernel>) -> Row {
    let kernel = match kernel {
        Ok(kernel) => kernel,
        Err(error) => return Row::new(machine, String::new(), State::NotRun(format!("{error:#}"))),
    };
    let guest = bench.guest(&kernel, machine.variant);
    let state = match guest.run(&groups::orders(machine), LIMIT, |_| {}) {
        Ok(mut ended) => {
            golden::check(workspace.root(), machine, &mut ended.report);
            State::Ran(ended)
        }
        Err(error) => State::Broke(format!("{error:#}")),
    };
    Row::new(machine, kernel.version, state)
}
