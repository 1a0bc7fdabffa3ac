//! From a target to what can be followed of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use injector_core::fault::Kind;
use injector_core::plan::{FileId, Inventory};
use injector_core::target::{Selector, meant, unit_of};
use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::streams::{Stream, streams};
use crate::safety::Protection;
use crate::target::{GatherError, Gathering, Names, gather};

/// Something that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unfollowed {
    /// Such as `output of redis (123)`.
    pub source: String,
    pub why: String,
}

/// What is to be followed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wanted {
    File {
        key: FileId,
        path: PathBuf,
        name: String,
    },
    Journal {
        unit: String,
    },
    Container {
        id: String,
        name: String,
    },
}

/// What a target has now.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) wanted: Vec<Wanted>,
    /// By what it is, so that a pipe that many processes share is said once.
    pub(super) unfollowed: BTreeMap<String, Unfollowed>,
}

impl Found {
    pub(super) fn is_nothing(&self) -> bool {
        self.wanted.is_empty() && self.unfollowed.is_empty()
    }

    fn cannot(&mut self, link: &str, source: String, why: String) {
        let unfollowed = Unfollowed { source, why };
        self.unfollowed.entry(link.to_owned()).or_insert(unfollowed);
    }

    /// Those of a process whose files these are; of others only if `all` are to be told of.
    fn add(&mut self, stream: Stream, all: bool) {
        let Stream {
            path,
            link,
            whose,
            file,
        } = stream;
        match file {
            Ok(key) => self.wanted.push(Wanted::File {
                key,
                path,
                name: format!("{link}, {whose}"),
            }),
            Err(why) if all => self.cannot(&link, whose, why),
            Err(_told_otherwise) => {}
        }
    }
}

/// Whether a target has logs at all.
pub(super) fn has_logs(target: &Selector) -> bool {
    match target {
        Selector::Pid(_)
        | Selector::Cgroup(_)
        | Selector::Container(_)
        | Selector::Unit(_)
        | Selector::Comm(_)
        | Selector::Exe(_)
        | Selector::User(_) => true,
        Selector::Host | Selector::Netns(_) | Selector::Iface { .. } | Selector::Command(_) => {
            false
        }
    }
}

/// Looks at the host; asks runtimes for names of containers, which may take a second.
pub(super) fn find(target: &Selector) -> Result<Found, GatherError> {
    let own = std::process::id().cast_signed();
    let gathering = Gathering {
        command: None,
        names: &Names::needed_by(target),
        protection: &Protection::of([own]),
        own: &[],
    };
    // The kind that needs to know least.
    let inventory = gather(target, Kind::ProcessFreeze, &gathering)?;
    let mut found = Found::default();
    // What a unit or container writes elsewhere is told there.
    let all = match target {
        Selector::Unit(pattern) => {
            let units = inventory.units.iter();
            let meant =
                units.filter(|path| unit_of(path).is_some_and(|unit| pattern.matches(unit)));
            meant.for_each(|path| add_unit(&mut found, path));
            false
        }
        Selector::Container(pattern) => {
            for container in meant(&inventory.containers, pattern) {
                found.wanted.push(Wanted::Container {
                    id: container.id.clone(),
                    name: container.label().to_owned(),
                });
            }
            false
        }
        _ => true,
    };
    add_streams(&mut found, &inventory, own, all);
    Ok(found)
}

fn add_unit(found: &mut Found, path: &str) {
    let Some(unit) = unit_of(path) else {
        return;
    };
    if path.contains("/user@") && !unit.starts_with("user@") {
        let why = "a user's own manager has it; `journalctl --user-unit` tells of it".to_owned();
        return found.cannot(path, format!("journal of {path}"), why);
    }
    found.wanted.push(Wanted::Journal {
        unit: unit.to_owned(),
    });
}

/// Our own output is not what the target says.
fn add_streams(found: &mut Found, inventory: &Inventory, own: i32, all: bool) {
    let others = inventory.processes.iter().filter(|one| one.pid != own);
    for process in others {
        for stream in streams(process.pid, &process.comm) {
            found.add(stream, all);
        }
    }
}

/// The same from a thread of its own, so that who reads lines does not wait for it.
pub(super) async fn find_elsewhere(target: Selector) -> Result<Found, GatherError> {
    let finding = tokio::task::spawn_blocking(move || find(&target));
    // A panic has said so itself.
    finding.await.unwrap_or_else(|_panic| Ok(Found::default()))
}

/// Looks again and again, until it is to end: a target may be started anew, or grow.
pub(super) async fn search_again(
    target: Selector,
    pause: Duration,
    found: mpsc::Sender<Found>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let stopped = timeout(pause, stop.wait_for(|stop| *stop));
        if stopped.await.is_ok() {
            return;
        }
        let again = find_elsewhere(target.clone())
            .await
            .unwrap_or_else(|error| {
                let mut nothing = Found::default();
                let source = target.to_string();
                nothing.cannot(&source, source.clone(), error.to_string());
                nothing
            });
        if found.send(again).await.is_err() {
            return;
        }
    }
}
