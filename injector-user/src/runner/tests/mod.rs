mod breakers;
mod cancelling;
mod claims;
mod fake;
mod lifetime;
mod order;
mod processes;
mod recovering;
mod toolkit;
mod web;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use injector_core::experiment::{Experiment, Overrides, Source, validate};
use injector_core::report::{Phase, Report};
use tokio::sync::watch;

use super::{Cancel, Options, run};
use fake::Fake;

/// The experiment with these lines behind its title and description.
fn experiment(lines: &str) -> Experiment {
    let text = format!("title: t\ndescription: d\n{lines}");
    let validated = validate(
        &text,
        &Source {
            file: None,
            environment: &|_| None,
            overrides: Overrides::NONE,
        },
    );
    assert_eq!(validated.errors, [], "{text}");
    validated.experiment.unwrap()
}

fn options(cancel: watch::Receiver<Cancel>) -> Options {
    let started = SystemTime::UNIX_EPOCH + Duration::from_millis(1_750_000_000_123);
    Options {
        started,
        host: BTreeMap::new(),
        seed: 1,
        baselines: Vec::new(),
        environment: BTreeMap::new(),
        warnings: Vec::new(),
        cancel,
        watcher: None,
    }
}

/// Runs an experiment that nobody cancels. No fault may be left armed by it.
async fn report(lines: &str, fake: &Arc<Fake>) -> Report {
    let (_person, cancel) = watch::channel(Cancel::No);
    let report = run(experiment(lines), Arc::clone(fake), options(cancel)).await;
    assert_eq!(fake.armed_now(), 0, "{:?}", fake.log());
    report
}

/// Runs an experiment that somebody cancels at these times, in virtual milliseconds.
async fn cancelled(lines: &str, fake: &Arc<Fake>, wishes: &[(u64, Cancel)]) -> Report {
    let (person, cancel) = watch::channel(Cancel::No);
    let wishes = wishes.to_vec();
    let interrupts = tokio::spawn(async move {
        let began = tokio::time::Instant::now();
        for (at, wish) in wishes {
            tokio::time::sleep_until(began + Duration::from_millis(at)).await;
            person.send_replace(wish);
        }
        person.closed().await;
    });
    let report = run(experiment(lines), Arc::clone(fake), options(cancel)).await;
    interrupts.abort();
    assert_eq!(fake.armed_now(), 0, "{:?}", fake.log());
    report
}

/// What was done, in order: `method:name`, with a mark on what did not succeed.
fn told(report: &Report) -> Vec<String> {
    let one = |activity: &injector_core::report::ActivityRecord| {
        let phase = match activity.phase {
            Phase::Before => "before",
            Phase::Method => "method",
            Phase::During => "during",
            Phase::After => "after",
            Phase::Rollback => "rollback",
        };
        let mark = match activity.status {
            injector_core::report::ActivityStatus::Succeeded => "",
            injector_core::report::ActivityStatus::Failed => " failed",
            injector_core::report::ActivityStatus::Cancelled => " cancelled",
        };
        format!("{phase}:{}{mark}", activity.name)
    };
    report.activities.iter().map(one).collect()
}
