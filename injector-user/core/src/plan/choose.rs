//! From several things that match to those that suffer.

use super::candidates::{Candidate, candidates, nothing};
use super::decision::{Chosen, Thing};
use super::inventory::{Inventory, Process};
use super::refusal::Refusal;
use super::resolve::Processes;
use crate::fault::{Common, FaultSpec};
use crate::target::{Choice, Mode, Selector, Weigh};

/// At most this many are named.
const NAMED: usize = 8;

/// What was chosen, and what should be known of it.
#[derive(Debug)]
pub(super) struct Choosing<'a> {
    pub(super) processes: Processes<'a>,
    pub(super) chosen: Chosen,
    pub(super) warnings: Vec<String>,
}

/// Chooses for the first time; `None` for a selector that means one thing by itself.
pub(super) fn choose<'a>(
    inventory: &'a Inventory,
    spec: &FaultSpec,
) -> Result<Option<Choosing<'a>>, Refusal> {
    let Some(found) = candidates(inventory, &spec.target) else {
        return Ok(None);
    };
    if found.is_empty() {
        return Err(nothing(inventory, &spec.target));
    }
    let choice = spec.common.effective_choice();
    if choice.mode.is_none() && found.len() > 1 {
        return Err(several(&spec.target, &found));
    }
    let of = found.len();
    let (allowed, mut warnings) = without_protected(found);
    let seed = spec.common.seed.unwrap_or_default();
    let weights: Vec<u64> = allowed
        .iter()
        .map(|candidate| weight(choice.weigh, &candidate.processes.all))
        .collect();
    let positions = choice.choose(seed, &weights);
    warnings.extend(too_few(choice, positions.len()));
    let taken = allowed
        .into_iter()
        .enumerate()
        .filter(|(position, _)| positions.contains(position))
        .map(|(_, candidate)| candidate);
    let (processes, things) = together(taken);
    let chosen = Chosen {
        things,
        of,
        seed: choice.is_drawn().then_some(seed),
    };
    Ok(Some(Choosing {
        processes,
        chosen,
        warnings,
    }))
}

/// Finds what was chosen before: containers, units and drawn processes by their names, and otherwise
/// every process that matches. `None` if nothing of it is there.
pub(super) fn find_again<'a>(
    inventory: &'a Inventory,
    spec: &FaultSpec,
    before: &Chosen,
) -> Option<Choosing<'a>> {
    let found = candidates(inventory, &spec.target)?;
    let by_name = names_stay(&spec.target, &spec.common);
    let (found, warnings) = if by_name {
        (found, Vec::new())
    } else {
        without_protected(found)
    };
    let was_chosen = |candidate: &Candidate<'_>| {
        let mut things = before.things.iter();
        !by_name || things.any(|thing| thing.name == candidate.thing.name)
    };
    let count = found.len();
    let (processes, things) = together(found.into_iter().filter(was_chosen));
    (!things.is_empty()).then_some(Choosing {
        processes,
        chosen: Chosen {
            things,
            of: if by_name { before.of } else { count },
            seed: before.seed,
        },
        warnings,
    })
}

/// Whether what was chosen is known by its name from then on. Processes have none that outlives
/// them: those that match later belong to the target, unless some were drawn.
fn names_stay(selector: &Selector, common: &Common) -> bool {
    let by_cgroup = matches!(selector, Selector::Container(_) | Selector::Unit(_));
    by_cgroup || common.effective_choice().is_drawn()
}

/// Leaves out what holds a protected process, unless nothing else is there: then it is refused later,
/// with the reason.
fn without_protected(found: Vec<Candidate<'_>>) -> (Vec<Candidate<'_>>, Vec<String>) {
    let is_protected = |candidate: &Candidate<'_>| {
        let mut all = candidate.processes.all.iter();
        all.any(|process| process.protected.is_some())
    };
    let (protected, allowed): (Vec<_>, Vec<_>) = found.into_iter().partition(is_protected);
    if allowed.is_empty() {
        return (protected, Vec::new());
    }
    let names: Vec<&str> = protected
        .iter()
        .map(|candidate| candidate.thing.name.as_str())
        .collect();
    let warning =
        (!names.is_empty()).then(|| format!("left out, since protected: {}", shortened(&names)));
    (allowed, warning.into_iter().collect())
}

fn together<'a>(taken: impl Iterator<Item = Candidate<'a>>) -> (Processes<'a>, Vec<Thing>) {
    let mut processes = Processes {
        all: Vec::new(),
        cgroups: Vec::new(),
    };
    let mut things = Vec::new();
    for candidate in taken {
        processes.all.extend(candidate.processes.all);
        processes.cgroups.extend(candidate.processes.cgroups);
        things.push(candidate.thing);
    }
    processes.all.sort_by_key(|process| process.pid);
    processes.all.dedup_by_key(|process| process.pid);
    (processes, things)
}

fn weight(weigh: Weigh, processes: &[&Process]) -> u64 {
    let all = processes.iter();
    match weigh {
        Weigh::Equal => 1,
        Weigh::Memory => all.map(|process| process.memory_kib).sum(),
        Weigh::Cpu => all.map(|process| process.cpu_ticks).sum(),
    }
}

fn several(selector: &Selector, found: &[Candidate<'_>]) -> Refusal {
    let names: Vec<String> = found.iter().map(described).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Refusal::input(
        "target",
        format!(
            "{selector} means {} things: {}",
            found.len(),
            shortened(&names)
        ),
    )
    .hint("name one of them, or say which with `mode`: one, all, fixed, fixed-percent or random-max-percent")
}

/// A process is shown with its program.
fn described(candidate: &Candidate<'_>) -> String {
    let name = &candidate.thing.name;
    match candidate.processes.all.first() {
        Some(first) if candidate.thing.cgroups.is_empty() => format!("{name} ({})", first.comm),
        _ => name.clone(),
    }
}

fn shortened(names: &[&str]) -> String {
    let shown = names.get(..NAMED).unwrap_or(names).join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn too_few(choice: Choice, chosen: usize) -> Option<String> {
    match choice.mode {
        Some(Mode::Fixed(count)) if chosen < count as usize => Some(format!(
            "only {chosen} of the {count} asked for can be chosen"
        )),
        _ => None,
    }
}
