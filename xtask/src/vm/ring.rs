//! Every kernel, and every variant with one of them: two guests at a time.

use std::{
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::Result;
use serde_json::Value;

use crate::{
    exec::say,
    test::Counts,
    vm::{
        bench::Bench,
        groups,
        kernels::{Kernel, RELEASES, Release},
        table::{Row, State, show},
        variants::{PLAIN, VARIANTS, Variant},
    },
    workspace::Workspace,
};

/// The kernel that variants are tried with.
const COMMON: &str = "6.12";

/// More at once would only wait for each other's processors.
const AT_ONCE: usize = 2;

/// Many times what a guest takes.
const LIMIT: Duration = Duration::from_mins(6);

/// The whole ring; an error only if no guest could have been started.
pub(crate) fn ring(workspace: &Workspace) -> Result<Counts> {
    let bench = Bench::new(workspace)?;
    let steps = groups::all();
    let mut store = bench.store();
    let machines = machines().into_iter().enumerate();
    let jobs: Vec<_> = machines
        .map(|(at, (release, variant))| (at, release, variant, store.get(release)))
        .collect();
    let jobs = Mutex::new(jobs.into_iter());
    let rows = Mutex::new(Vec::new());
    let work = || {
        while let Some((at, release, variant, kernel)) = next(&jobs) {
            let state = state(&bench, variant, kernel.as_ref(), &steps);
            let row = Row::new(release.name, variant.name, kernel.ok(), state);
            say(row.line());
            rows.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((at, row));
        }
    };
    thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(work))));
    let mut rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    rows.sort_by_key(|(at, _)| *at);
    let rows: Vec<_> = rows.into_iter().map(|(_, row)| row).collect();
    Ok(show(&rows))
}

/// All of them, the variants last.
fn machines() -> Vec<(Release, Variant)> {
    let plain = RELEASES.iter().map(|release| (*release, PLAIN));
    let common = Release::named(COMMON).into_iter();
    let varied = common.flat_map(|release| VARIANTS.iter().map(move |variant| (release, *variant)));
    plain.chain(varied).collect()
}

fn next<T>(jobs: &Mutex<impl Iterator<Item = T>>) -> Option<T> {
    jobs.lock().unwrap_or_else(PoisonError::into_inner).next()
}

fn state(
    bench: &Bench,
    variant: Variant,
    kernel: Result<&Kernel, &anyhow::Error>,
    steps: &Value,
) -> State {
    let kernel = match kernel {
        Ok(kernel) => kernel,
        Err(error) => return State::NotRun(format!("{error:#}")),
    };
    match bench.guest(kernel, variant).run(steps, LIMIT, |_| {}) {
        Ok(ended) => State::Ran(ended),
        Err(error) => State::Broke(format!("{error:#}")),
    }
}
