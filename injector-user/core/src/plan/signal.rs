//! Whose processes are signalled, found anew in each round.

use std::time::Duration;

use super::decision::{Hook, Mechanism, Select};
use super::make::Part;
use super::refusal::Refusal;
use super::resolve::{OF_PROCESSES, Processes, Target};
use crate::fault::process::Volleys;
use crate::units::format_duration;

pub(super) fn signal(
    target: &Target<'_>,
    volleys: &Volleys,
    duration: Duration,
) -> Result<Part, Refusal> {
    let Target::Processes(processes) = target else {
        return Err(Refusal::input(
            "target",
            "only processes can be signalled, interfaces cannot",
        )
        .hint(OF_PROCESSES));
    };
    Ok(Part {
        mechanism: Mechanism::Pidfd,
        also: Vec::new(),
        hooks: hooks(processes),
        select: Select::default(),
        warnings: warnings(volleys, duration),
    })
}

/// The selected cgroup wherever it has somebody, or else the processes themselves.
fn hooks(processes: &Processes<'_>) -> Vec<Hook> {
    if processes.cgroups.is_empty() {
        // Descendants come along with the one that was named.
        let pids = processes.pids();
        let all = processes.all.iter();
        return all
            .filter(|process| !pids.contains(&process.ppid))
            .map(|process| Hook::Family {
                pid: process.pid,
                start_time: process.start_time,
            })
            .collect();
    }
    let used = processes.cgroups.iter();
    let used = used.filter(|cgroup| processes.all.is_empty() || !cgroup.members.is_empty());
    used.map(|cgroup| Hook::Members {
        hierarchy: cgroup.hierarchy.clone(),
        path: cgroup.path.clone(),
    })
    .collect()
}

fn warnings(volleys: &Volleys, duration: Duration) -> Vec<String> {
    let signal = volleys.signal;
    let mut warnings = Vec::new();
    if signal.ends() {
        warnings.push(format!(
            "{signal} ends processes, which nobody can undo: only what restarts them by itself does"
        ));
    } else if signal.ends_the_unprepared() {
        warnings.push(format!(
            "{signal} ends processes that do not handle it, which nobody can undo"
        ));
    }
    warnings.extend(too_many_rounds(volleys, duration));
    warnings
}

fn too_many_rounds(volleys: &Volleys, duration: Duration) -> Option<String> {
    let count = volleys.count?;
    let interval = volleys.interval?.as_nanos().max(1);
    let fit = duration.as_nanos().div_ceil(interval);
    (u128::from(count) > fit).then(|| {
        format!(
            "only {fit} of {count} rounds fit into the duration of {}",
            format_duration(duration)
        )
    })
}
