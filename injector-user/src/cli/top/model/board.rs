//! What a window says, by target.

use std::collections::BTreeMap;

use injector_core::telemetry::{Exchange, Histogram, Link, Series, Signal, Value, Window, links};

use super::usage::Usage;
use crate::cli::quantity::count;

/// Everything that a window says.
#[derive(Clone, Debug, Default)]
pub(in crate::cli::top) struct Board {
    /// Length of the window.
    pub(in crate::cli::top) seconds: f64,
    pub(in crate::cli::top) targets: BTreeMap<String, Vitals>,
    pub(in crate::cli::top) links: BTreeMap<Link, Exchange>,
    /// Events that were not observed, by reason.
    pub(in crate::cli::top) lost: BTreeMap<String, u64>,
}

/// One target.
#[derive(Clone, Debug, Default)]
pub(in crate::cli::top) struct Vitals {
    pub(in crate::cli::top) gone: bool,
    /// By name.
    pub(in crate::cli::top) calls: BTreeMap<String, Calls>,
    pub(in crate::cli::top) run_queue: Histogram,
    pub(in crate::cli::top) off_cpu: Histogram,
    /// By operation.
    pub(in crate::cli::top) disks: BTreeMap<String, Disk>,
    pub(in crate::cli::top) connects: u64,
    pub(in crate::cli::top) accepts: u64,
    pub(in crate::cli::top) retransmits: u64,
    pub(in crate::cli::top) resets: u64,
    pub(in crate::cli::top) names: Histogram,
    /// Answers of name servers that say that something is wrong, by code.
    pub(in crate::cli::top) wrong_names: BTreeMap<String, u64>,
    pub(in crate::cli::top) execs: u64,
    /// By how they ended.
    pub(in crate::cli::top) exits: BTreeMap<String, u64>,
    /// Those of them who lacked memory.
    pub(in crate::cli::top) oom_kills: u64,
    /// None if nobody asked for it, or it is not known.
    pub(in crate::cli::top) usage: Option<Usage>,
}

/// One system call.
#[derive(Clone, Debug, Default)]
pub(in crate::cli::top) struct Calls {
    pub(in crate::cli::top) count: u64,
    /// By error.
    pub(in crate::cli::top) errors: BTreeMap<String, u64>,
    pub(in crate::cli::top) durations: Histogram,
    /// Bytes.
    pub(in crate::cli::top) moved: u64,
}

/// One kind of request to disks.
#[derive(Clone, Debug, Default)]
pub(in crate::cli::top) struct Disk {
    pub(in crate::cli::top) durations: Histogram,
    /// Bytes.
    pub(in crate::cli::top) moved: u64,
    pub(in crate::cli::top) errors: u64,
}

impl Board {
    pub(in crate::cli::top) fn of(window: &Window<'_>) -> Self {
        let mut board = Self {
            seconds: window.duration().as_secs_f64(),
            links: links(window),
            ..Self::default()
        };
        for (series, value) in window.changes() {
            if let Some(target) = series.label("target") {
                let vitals = board.targets.entry(target.to_owned()).or_default();
                vitals.note(series, &value);
            } else if let Some(reason) = series.label("reason")
                && value.count() > 0
            {
                board.lost.insert(reason.to_owned(), value.count());
            }
        }
        board
    }

    /// So many in a second; 0 in no time.
    pub(in crate::cli::top) fn rate(&self, number: u64) -> f64 {
        if self.seconds > 0.0 {
            count(number) / self.seconds
        } else {
            0.0
        }
    }
}

impl Vitals {
    pub(in crate::cli::top) fn all_calls(&self) -> u64 {
        self.calls.values().map(|calls| calls.count).sum()
    }

    pub(in crate::cli::top) fn all_errors(&self) -> u64 {
        self.calls.values().map(Calls::all_errors).sum()
    }

    /// Durations of all calls together.
    pub(in crate::cli::top) fn durations(&self) -> Histogram {
        merged(self.calls.values().map(|calls| &calls.durations))
    }

    /// Durations of all requests to disks together.
    pub(in crate::cli::top) fn disk(&self) -> Histogram {
        merged(self.disks.values().map(|disk| &disk.durations))
    }

    pub(in crate::cli::top) fn all_exits(&self) -> u64 {
        self.exits.values().sum()
    }

    fn note(&mut self, series: &Series, value: &Value) {
        let label = |name: &str| series.label(name).unwrap_or_default().to_owned();
        let counted = value.count();
        match (series.metric().name, value) {
            ("target_present", Value::Now(there)) => self.gone = *there < 0.5,
            ("run_queue_wait", Value::Durations(waits)) => self.run_queue = waits.clone(),
            ("off_cpu", Value::Durations(waits)) => self.off_cpu = waits.clone(),
            ("dns_duration", Value::Durations(waits)) => self.names = waits.clone(),
            ("dns_answers", _) if counted > 0 && label("rcode") != "NOERROR" => {
                self.wrong_names.insert(label("rcode"), counted);
            }
            ("tcp_connects", _) => self.connects = counted,
            ("tcp_accepts", _) => self.accepts = counted,
            ("tcp_retransmits", _) => self.retransmits = counted,
            ("tcp_resets", _) => self.resets += counted,
            ("execs", _) => self.execs = counted,
            ("exits", _) if counted > 0 => {
                let how = match label("signal").as_str() {
                    "none" => format!("code {}", label("code")),
                    signal => signal.to_owned(),
                };
                *self.exits.entry(how).or_default() += counted;
            }
            ("oom_kills", _) => self.oom_kills = counted,
            _ if series.metric().signal == Some(Signal::Resources) => {
                self.usage.get_or_insert_default().note(series, value);
            }
            _ if series.label("syscall").is_some() => self.note_call(series, value),
            _ if series.label("operation").is_some() => self.note_disk(series, value),
            _ => {}
        }
    }

    fn note_call(&mut self, series: &Series, value: &Value) {
        let name = series.label("syscall").unwrap_or_default();
        if value.count() == 0 {
            return;
        }
        let calls = self.calls.entry(name.to_owned()).or_default();
        match (series.metric().name, value) {
            ("syscalls", _) => calls.count = value.count(),
            ("syscall_moved", _) => calls.moved = value.count(),
            ("syscall_errors", _) => {
                let errno = series.label("errno").unwrap_or_default();
                calls.errors.insert(errno.to_owned(), value.count());
            }
            (_, Value::Durations(durations)) => calls.durations = durations.clone(),
            _ => {}
        }
    }

    fn note_disk(&mut self, series: &Series, value: &Value) {
        let operation = series.label("operation").unwrap_or_default();
        if value.count() == 0 {
            return;
        }
        let disk = self.disks.entry(operation.to_owned()).or_default();
        match (series.metric().name, value) {
            ("block_moved", _) => disk.moved = value.count(),
            ("block_errors", _) => disk.errors += value.count(),
            (_, Value::Durations(durations)) => disk.durations = durations.clone(),
            _ => {}
        }
    }
}

impl Calls {
    pub(in crate::cli::top) fn all_errors(&self) -> u64 {
        self.errors.values().sum()
    }
}

fn merged<'a, I: IntoIterator<Item = &'a Histogram>>(all: I) -> Histogram {
    let mut merged = Histogram::default();
    for one in all {
        merged.merge(one);
    }
    merged
}
