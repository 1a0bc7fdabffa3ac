//! What the target feels of a delay: its own sockets' round trip time before and during.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::fd::AsFd as _;
use std::time::Duration;

use injector_core::fault::Action;
use injector_core::fault::net::Delay;
use injector_core::plan::{Hook, Plan};
use injector_core::proof;

use super::running::Running;
use super::scope::Scope;
use crate::loader::open_namespace;
use crate::protocol::{Felt, State};
use crate::telemetry::{SocketTime, round_trips};

/// Measurements around one delay fault.
#[derive(Debug)]
pub(super) struct Feeling {
    namespaces: Vec<File>,
    scope: Scope,
    /// Whether nothing but the loopback is delayed.
    loopback: bool,
    asked_us: u64,
    before_us: Option<u64>,
    during_us: Vec<u64>,
    note: Option<String>,
}

/// A socket that has been silent for longer tells of the time before.
const FRESH: Duration = Duration::from_millis(500);

/// Samples that are kept: minutes, at four a second.
const KEPT: usize = 1 << 12;

const TOGETHER: &str =
    "measured only while no other fault slowed packets down at the same interfaces";

impl Feeling {
    /// Measures before the fault acts.
    pub(super) fn before(plan: &Plan, delay: &Delay) -> Self {
        let namespaces = open_namespaces(plan);
        let passes = passes(plan);
        let latency_us = u64::try_from(delay.latency.mean.as_micros()).unwrap_or(u64::MAX);
        let mut feeling = Self {
            namespaces,
            scope: Scope::of(plan),
            loopback: is_loopback(plan),
            asked_us: latency_us.saturating_mul(passes),
            before_us: None,
            during_us: Vec::new(),
            note: None,
        };
        feeling.before_us = feeling.sample(Duration::MAX);
        feeling
    }

    /// Measures at the target's new places from now on; what was felt before stays.
    pub(super) fn follow(&mut self, plan: &Plan) {
        self.namespaces = open_namespaces(plan);
        self.scope = Scope::of(plan);
        self.loopback = is_loopback(plan);
    }

    /// Measures while it acts, unless something else slows the same packets down: whose effect it would
    /// be is not known.
    pub(super) fn during(&mut self, alone: bool) {
        if !alone {
            self.note = Some(TOGETHER.to_owned());
            return;
        }
        if self.during_us.len() < KEPT
            && let Some(sample) = self.sample(FRESH)
        {
            self.during_us.push(sample);
        }
    }

    pub(super) fn report(&self) -> Felt {
        // The kernel smooths over eight measurements: what it said first is still the time before.
        let settled = self
            .during_us
            .get(self.during_us.len() / 2..)
            .unwrap_or_default();
        let during_us = median(settled.to_vec());
        let (Some(before), Some(during)) = (self.before_us, during_us) else {
            let since = match self.before_us {
                Some(_) => "while it acted",
                None => "before it began",
            };
            let silent = format!("the target had no open TCP connection that it concerns {since}");
            return Felt {
                before_us: self.before_us,
                during_us,
                asked_us: self.asked_us,
                flagged: false,
                note: Some(self.note.clone().unwrap_or(silent)),
            };
        };
        let compared = proof::Felt::new(float(before), float(during), float(self.asked_us));
        Felt {
            before_us: self.before_us,
            during_us,
            asked_us: self.asked_us,
            flagged: compared.flagged,
            note: self.note.clone(),
        }
    }

    /// The median over the sockets, in microseconds.
    fn sample(&mut self, longest_idle: Duration) -> Option<u64> {
        let mut times = Vec::new();
        let inodes = self.scope.inodes();
        for namespace in &self.namespaces {
            match round_trips(namespace.as_fd()) {
                Ok(sockets) => times.extend(
                    sockets
                        .iter()
                        .filter(|socket| socket.idle <= longest_idle)
                        .filter(|socket| {
                            inodes
                                .as_ref()
                                .is_none_or(|set| set.contains(&socket.inode))
                        })
                        .filter(|socket| {
                            let SocketTime {
                                local_port,
                                peer,
                                peer_port,
                                ..
                            } = **socket;
                            let named = self.scope.names(local_port, (peer, peer_port).into());
                            named && peer.is_loopback() == self.loopback
                        })
                        .map(|socket| {
                            u64::try_from(socket.round_trip.as_micros()).unwrap_or(u64::MAX)
                        }),
                ),
                Err(error) => self.note = Some(error.to_string()),
            }
        }
        median(times)
    }
}

/// The faults that slow packets down where another one does, too.
pub(super) fn together(faults: &BTreeMap<String, Running>) -> BTreeSet<String> {
    let slows = |running: &&Running| {
        let action = &running.spec.action;
        running.state == State::Active
            && !running.rehearsing
            && matches!(action, Action::NetDelay(_) | Action::NetRate(_))
    };
    let slow: Vec<&Running> = faults.values().filter(slows).collect();
    let meets = |one: &&&Running| {
        let mut others = slow.iter().filter(|other| other.id != one.id);
        others.any(|other| {
            let mut hooks = other.plan.hooks.iter();
            hooks.any(|hook| one.plan.hooks.contains(hook))
        })
    };
    let met = slow.iter().filter(meets);
    met.map(|running| running.id.clone()).collect()
}

/// How often a round trip is delayed: each way through an interface, twice on the loopback, where
/// both ends send, unless one of them is somebody else's.
fn passes(plan: &Plan) -> u64 {
    let loopback_only = is_loopback(plan);
    let shared = plan.select.cgroup.is_some() || !plan.select.thread_groups.is_empty();
    if loopback_only && !shared {
        return 2;
    }
    let ways: BTreeSet<_> = plan
        .hooks
        .iter()
        .filter_map(|hook| match hook {
            Hook::Tcx {
                direction,
                loopback,
                ..
            } if *loopback == loopback_only => Some(*direction),
            _ => None,
        })
        .collect();
    u64::try_from(ways.len().max(1)).unwrap_or(1)
}

/// Whether nothing but the loopback is delayed.
fn is_loopback(plan: &Plan) -> bool {
    let elsewhere = |hook: &Hook| {
        matches!(
            hook,
            Hook::Tcx {
                loopback: false,
                ..
            }
        )
    };
    !plan.hooks.iter().any(elsewhere)
}

fn open_namespaces(plan: &Plan) -> Vec<File> {
    let all = super::arm::namespaces(plan).into_iter();
    all.filter_map(|(inode, path)| open_namespace(&path, inode).ok())
        .collect()
}

fn median(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

/// Microseconds are far below 2^52.
#[expect(clippy::cast_precision_loss, reason = "exact up to 142 years")]
fn float(microseconds: u64) -> f64 {
    microseconds as f64
}
