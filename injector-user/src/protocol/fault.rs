//! What is known of one fault: asked, done, felt.

use std::collections::BTreeMap;

use injector_core::fault::Kind;
use injector_core::plan::Plan;
use injector_core::proof::{Counters, Rate};
use serde::{Deserialize, Serialize};

use crate::delay_line::LineReport;
use crate::loader::Injection;
use crate::pulses::{Progress, Strain};

/// One fault, while it acts or after it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultReport {
    /// Unique on this host until the engine ends.
    pub fault: String,
    /// What an experiment calls it.
    pub name: Option<String>,
    pub kind: Kind,
    pub owner: Option<String>,
    /// What was asked, in the words of the schema.
    pub params: BTreeMap<String, String>,
    pub seed: u64,
    pub plan: Plan,
    pub state: State,
    pub window: Window,
    pub counters: Counters,
    /// Asked against observed probability; none while nothing was eligible.
    pub rate: Option<Rate>,
    /// Only for a delay.
    pub felt: Option<Felt>,
    /// How long callers slept; only where they do so inside the kernel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asleep: Option<Asleep>,
    /// Calls, the target's or others', that no program has looked at, as it was at work on the same
    /// processor: the kernel's `recursion_misses`. What of these was the target's was spared.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missed: u64,
    /// Only where packets take a detour through a line.
    pub line: Option<LineReport>,
    /// Pulses done; only for a freeze or a limit.
    pub pulses: Option<u32>,
    /// What the target met with while it was limited; only for a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strain: Option<Strained>,
    /// Rounds begun; only for signals.
    #[serde(default)]
    pub rounds: Option<u64>,
    /// Who suffered how often, as far as that is told apart.
    #[serde(default)]
    pub suffered: Vec<Suffered>,
    /// What workers were to do and what they did; only for pressure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pressure: Vec<Measure>,
    /// Open connections that were reset when it began to act; only for a partition that does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections_reset: Option<u64>,
    /// Some of the newest injected events, oldest first; not for a freeze.
    #[serde(default)]
    pub examples: Vec<Injection>,
    /// It only decided and counted, and did nothing.
    #[serde(default)]
    pub rehearsal: bool,
    /// Events that came too fast to be logged; only for a fault that was followed and has ended.
    #[serde(default)]
    pub events_lost: Option<u64>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "what serde calls it with"
)]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// One thing that workers do, as it was asked for and as it was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    pub what: String,
    /// Such as `%` or `bytes`.
    pub unit: String,
    /// None where nothing particular was.
    pub asked: Option<f64>,
    pub observed: f64,
}

impl Measure {
    /// How far off an observation may be, as a share of what was asked.
    const NEAR: f64 = 0.05;

    /// Whether it is as it was asked for.
    pub fn is_near(&self) -> bool {
        let off = |asked: f64| (self.observed - asked).abs() <= asked * Self::NEAR;
        self.asked.is_none_or(off)
    }
}

/// Callers that slept while their calls took longer, and have been woken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asleep {
    pub callers: u64,
    /// On average, microseconds; shorter where a fault's end has woken them.
    pub slept_us: u64,
    /// What was asked for, on average and without `cap`, microseconds.
    pub asked_us: u64,
    /// Calls that were to take longer and did not, as there was no room for their callers.
    pub awake: u64,
}

/// Where in its life a fault is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum State {
    /// Attached; acts when its delay is over.
    Pending,
    Active,
    /// Gone from the kernel, which was looked at.
    Ended {
        how: Ended,
    },
    /// Gone, but something it changed could not be put back.
    UndoIncomplete {
        what: String,
    },
}

/// Why a fault ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// Its duration was over.
    Deadline,
    /// Somebody asked.
    Stopped,
    /// The client that armed it went away.
    OwnerGone,
    /// Nobody is left to suffer.
    TargetGone,
    /// It had done all it was allowed to.
    Finished,
}

/// What the kernel counted of a cgroup while it was limited; what it did not count is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Strained {
    /// For how long it was limited, all pulses together.
    pub limited_us: u64,
    /// Processor time used meanwhile.
    pub used_us: u64,
    /// Periods in which the quota was used up, and how long those waited who wanted more.
    pub throttled_periods: u64,
    pub throttled_us: u64,
    /// How often memory was taken back because of `memory.high`, and because of the maximum.
    pub high: u64,
    pub max: u64,
    /// How often the OOM killer was called, and how many it killed.
    pub oom: u64,
    pub oom_kill: u64,
    /// What passed the limit to and from a disk.
    pub read_bytes: u64,
    pub written_bytes: u64,
    pub reads: u64,
    pub writes: u64,
}

impl Strained {
    pub fn of(progress: &Progress) -> Self {
        let Strain {
            used_us,
            throttled_periods,
            throttled_us,
            high,
            max,
            oom,
            oom_kill,
            read_bytes,
            written_bytes,
            reads,
            writes,
        } = progress.strain;
        Self {
            limited_us: progress.held_ns / 1_000,
            used_us,
            throttled_periods,
            throttled_us,
            high,
            max,
            oom,
            oom_kill,
            read_bytes,
            written_bytes,
            reads,
            writes,
        }
    }
}

/// A part of what was injected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suffered {
    /// A process as `NAME (PID)`, or a place as the plan prints it.
    pub who: String,
    /// The process's number in the order of appearance; none for a place.
    pub stream: Option<u64>,
    pub injected: u64,
}

/// When, in Unix milliseconds for people and monotonic nanoseconds for arithmetic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// When everything was in place: it acts from here on, or after the delay asked for.
    pub armed_unix_ms: u64,
    pub armed_ns: u64,
    /// When it first injected, as far as it is known before it has ended; 0 if it has not.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub injected_ns: u64,
    /// When it stopped acting; 0 while it has not.
    pub ended_unix_ms: u64,
    pub ended_ns: u64,
    pub deadline_ns: u64,
}

/// The target's own round trip time, from its open TCP sockets that the fault concerns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Felt {
    /// Microseconds; none where the target had no such socket.
    pub before_us: Option<u64>,
    pub during_us: Option<u64>,
    pub asked_us: u64,
    /// Differs from what was asked by more than 20 % and 1 ms.
    pub flagged: bool,
    /// Why there is no figure.
    pub note: Option<String>,
}
