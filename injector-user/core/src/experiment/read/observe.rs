//! `x-temblor: { observe: {...} }`. Its keys are strict.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

use super::activity::Known;
use super::at::{At, Reading};
use crate::experiment::{Observation, Observe};
use crate::problem::Invalid;
use crate::units::format_duration;

/// Reads what is to be observed besides what probes need.
pub(super) fn read(at: &At<'_>, known: &Known<'_>, out: &mut Reading) -> Observe {
    at.refuse_unknown(&["targets", "signals", "before", "after"], out);
    let node = known.variables.apply(at.node);
    let at = At::new(&node, &at.place);
    Observe {
        targets: at.get("targets").map(|at| words(&at, out)),
        signals: at.get("signals").map(|at| words(&at, out)),
        before: at.get("before").and_then(|at| time(&at, out)),
        after: at.get("after").and_then(|at| time(&at, out)),
    }
}

fn words<T>(at: &At<'_>, out: &mut Reading) -> BTreeSet<T>
where
    T: FromStr<Err = Invalid> + Ord,
{
    let items = at.items(out);
    if items.is_empty() && at.node.as_list().is_some() {
        out.error(
            at,
            "this is empty",
            "leave it out: it follows from probes and faults",
        );
    }
    items.iter().filter_map(|at| at.word(out)).collect()
}

fn time(at: &At<'_>, out: &mut Reading) -> Option<Duration> {
    let time = at.duration(out)?;
    if time <= Observation::LONGEST {
        return Some(time);
    }
    let time = format_duration(time);
    out.error(at, format!("{time} is too long to observe"), "0s to 1h");
    None
}
