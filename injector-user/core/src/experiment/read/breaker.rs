//! `x-temblor: { breakers: [...] }`. Its keys are strict.

use std::time::Duration;

use super::activity::{self, Known, arms};
use super::at::{At, Reading};
use crate::experiment::{Activity, BreakerSpec, Probe, Provider, Silence, Temblor};
use crate::fault::Kind;
use crate::safety::{Backoff, Policy, Rearm, Window};
use crate::suggest;
use crate::units::format_duration;

const KEYS: [&str; 8] = [
    "name",
    "probe",
    "interval",
    "timeout",
    "consecutive",
    "window",
    "rearm",
    "no_data",
];
const REARM: [&str; 7] = [
    "initial",
    "factor",
    "max",
    "jitter",
    "attempts",
    "scale",
    "probation",
];
const SHORTEST_INTERVAL: Duration = Duration::from_millis(20);
const LONGEST_INTERVAL: Duration = Duration::from_hours(1);
const DEFAULT_INTERVAL: Duration = Duration::from_millis(100);
/// What targets feel is looked at so often.
const FRAME: Duration = Duration::from_secs(1);
const SHORTEST_TIMEOUT: Duration = Duration::from_secs(1);
const MOST_SAMPLES: u32 = 100_000;

/// Reads the breakers of the extension.
pub(super) fn all(at: &At<'_>, known: &Known<'_>, out: &mut Reading) -> Vec<BreakerSpec> {
    let items = at
        .get("breakers")
        .map(|at| at.items(out))
        .unwrap_or_default();
    let breakers: Vec<BreakerSpec> = items
        .iter()
        .filter_map(|at| breaker(at, known, out))
        .collect();
    for (index, breaker) in breakers.iter().enumerate() {
        if breakers
            .iter()
            .take(index)
            .any(|other| other.name == breaker.name)
        {
            out.error(
                at,
                format!("two breakers are named `{}`", breaker.name),
                "the report tells them apart by name",
            );
        }
    }
    breakers
}

/// Says what a breaker of this experiment cannot do.
pub(super) fn warn_without_use(breakers: &[BreakerSpec], method: &[Activity], out: &mut Reading) {
    let all_or_nothing = |activity: &Activity| match &activity.provider {
        Provider::Temblor(Temblor::Arm { fault, .. }) => {
            let kind = fault.kind();
            kind.is_of_pressure() || matches!(kind, Kind::ProcessFreeze | Kind::ProcessSignal)
        }
        _ => false,
    };
    for breaker in breakers
        .iter()
        .filter(|breaker| breaker.policy.rearm.is_some())
    {
        if let Some(freeze) = method.iter().find(|activity| all_or_nothing(activity)) {
            let message = format!(
                "`{}` will not be armed again by the breaker `{}`",
                freeze.name, breaker.name
            );
            out.warn(
                freeze.place.clone(),
                message,
                "neither a freeze nor a signal can be made weaker",
            );
        }
    }
    if let (Some(breaker), false) = (breakers.first(), method.iter().any(arms)) {
        let place = breaker.probe.activity.place.clone();
        out.warn(
            place,
            "there is no fault that a breaker could switch off",
            "it ends the experiment all the same",
        );
    }
}

fn breaker(at: &At<'_>, known: &Known<'_>, out: &mut Reading) -> Option<BreakerSpec> {
    at.refuse_unknown(&KEYS, out);
    let probe = at
        .required("probe", out)
        .and_then(|at| probe(&at, known, out));
    let of_target = probe.as_ref().is_some_and(asks_of_target);
    let interval = interval(at, of_target, out);
    let no_data = no_data(at, of_target, out);
    let timeout = at.get("timeout").map_or_else(
        || Some(interval?.max(SHORTEST_TIMEOUT)),
        |at| at.duration(out),
    );
    let policy = policy(at, out);
    let probe = probe?;
    let name = at
        .get("name")
        .map_or_else(|| Some(probe.activity.name.clone()), |at| at.text(out));
    Some(BreakerSpec {
        name: name?,
        probe,
        interval: interval?,
        timeout: timeout?,
        policy: policy?,
        no_data: no_data?,
    })
}

fn asks_of_target(probe: &Probe) -> bool {
    matches!(
        probe.activity.provider,
        Provider::Temblor(Temblor::Claim(_))
    )
}

fn no_data(at: &At<'_>, of_target: bool, out: &mut Reading) -> Option<Silence> {
    let Some(at) = at.get("no_data") else {
        return Some(Silence::default());
    };
    if !of_target {
        out.error(
            &at,
            "only of what targets feel there may be no data",
            "remove it: a probe that does not answer is a bad sample",
        );
        return None;
    }
    at.word(out)
}

/// A probe that stands here, or the name of one that stands elsewhere.
fn probe(at: &At<'_>, known: &Known<'_>, out: &mut Reading) -> Option<Probe> {
    let Some(name) = at.node.as_str() else {
        return activity::probe(at, known, out);
    };
    let Some((node, place)) = known.activities.get(name) else {
        let names: Vec<&str> = known.activities.keys().map(String::as_str).collect();
        out.error(
            at,
            format!("no probe is named `{name}`"),
            suggest::hint(name, &names),
        );
        return None;
    };
    activity::probe(&At::new(node, place), known, out)
}

fn interval(at: &At<'_>, of_target: bool, out: &mut Reading) -> Option<Duration> {
    let Some(at) = at.get("interval") else {
        return Some(if of_target { FRAME } else { DEFAULT_INTERVAL });
    };
    let interval = at.duration(out)?;
    if of_target && interval < FRAME {
        out.warn(
            at.place.clone(),
            "targets are looked at once a second: several samples are of the same look",
            "write `interval: 1s`, or ask for more samples in a row",
        );
    }
    if (SHORTEST_INTERVAL..=LONGEST_INTERVAL).contains(&interval) {
        return Some(interval);
    }
    let message = format!(
        "an interval of {} is not possible",
        format_duration(interval)
    );
    out.error(&at, message, "from 20ms to 1h");
    None
}

fn policy(at: &At<'_>, out: &mut Reading) -> Option<Policy> {
    let consecutive = at
        .get("consecutive")
        .and_then(|at| at.count(MOST_SAMPLES, out));
    let window = at.get("window").and_then(|at| window(&at, out));
    let consecutive = consecutive.unwrap_or(if at.get("window").is_some() { 0 } else { 3 });
    let window_given = at.get("window").is_some();
    let window = if window_given {
        window?
    } else {
        Window::default()
    };
    if consecutive == 0 && (window.samples == 0 || window.failures == 0) {
        out.error(
            at,
            "this breaker can never open",
            "give `consecutive` or `window` a threshold above 0",
        );
        return None;
    }
    let rearm = match at.get("rearm") {
        Some(at) => Some(rearm(&at, consecutive, out)?),
        None => None,
    };
    Some(Policy {
        consecutive,
        window,
        rearm,
    })
}

fn window(at: &At<'_>, out: &mut Reading) -> Option<Window> {
    at.refuse_unknown(&["samples", "failures", "minimum"], out);
    let samples = at
        .required("samples", out)
        .and_then(|at| at.count(MOST_SAMPLES, out));
    let failures = at
        .required("failures", out)
        .and_then(|at| at.count(MOST_SAMPLES, out));
    let (samples, failures) = (samples?, failures?);
    let minimum = at
        .get("minimum")
        .map_or(Some(samples.div_ceil(2).max(failures)), |at| {
            at.count(MOST_SAMPLES, out)
        })?;
    if failures > samples || minimum > samples {
        out.error(
            at,
            "more is asked of the window than it holds",
            format!("`failures` and `minimum` are at most {samples}"),
        );
        return None;
    }
    Some(Window {
        samples,
        failures,
        minimum,
    })
}

fn rearm(at: &At<'_>, consecutive: u32, out: &mut Reading) -> Option<Rearm> {
    at.refuse_unknown(&REARM, out);
    let backoff = backoff(at, out);
    let scale = number(at, "scale", 0.5, (0.001, 1.0), out);
    let attempts = at
        .get("attempts")
        .map_or(Some(3), |at| at.count(1_000, out));
    let probation = at
        .get("probation")
        .map_or(Some(consecutive.max(3)), |at| at.count(MOST_SAMPLES, out));
    Some(Rearm {
        backoff: backoff?,
        attempts: attempts?,
        scale: scale?,
        probation: probation?.max(1),
    })
}

fn backoff(at: &At<'_>, out: &mut Reading) -> Option<Backoff> {
    let mut duration = |key, default: u64| {
        at.get(key)
            .map_or(Some(Duration::from_secs(default)), |at| at.duration(out))
    };
    let (initial, max) = (duration("initial", 1), duration("max", 60));
    let factor = number(at, "factor", 2.0, (1.0, 100.0), out);
    let jitter = number(at, "jitter", 0.2, (0.0, 1.0), out);
    Some(Backoff {
        initial: initial?,
        factor: factor?,
        max: max?,
        jitter: jitter?,
    })
}

/// The number at `key` if it is within the bounds; the default if it is not given.
fn number(
    at: &At<'_>,
    key: &str,
    default: f64,
    (low, high): (f64, f64),
    out: &mut Reading,
) -> Option<f64> {
    let Some(at) = at.get(key) else {
        return Some(default);
    };
    let number = at.number(out)?;
    if (low..=high).contains(&number) {
        return Some(number);
    }
    out.error(
        &at,
        format!("{number} is not possible for `{key}`"),
        format!("from {low} to {high}"),
    );
    None
}
