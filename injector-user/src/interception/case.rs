//! What a fault says of the calls of its command, and what has come of it.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use injector_core::fault::process::Signal;
use injector_core::proof::Counters;
use nix::unistd::Pid;

use super::call::Call;
use super::callers::name_of;
use super::concern::Concern;
use super::waiting::Waiting;
use crate::clock::monotonic_ns;
use crate::loader::Injection;
use crate::sys::fd::{pidfd_open, pidfd_send};
use crate::sys::seccomp::Answer;

/// How many of the newest injections are kept.
const EXAMPLES: usize = 16;

/// What to do with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    Inject(Answer),
    /// It is made so many nanoseconds later.
    Delay(u64),
    /// As `Inject`, but it is only counted.
    Rehearse,
    /// The dice said no.
    Pass,
    /// Not one of those that `when` names.
    Outside,
    /// `max_hits` is used up.
    Expired,
}

/// Asked for each call that is meant: its stream, numbered from 0 as processes appear, which call of that
/// stream it is, from 1, and the call.
pub type Choose = Box<dyn FnMut(u64, u64, &Call) -> Choice + Send>;

/// Which calls are meant, and what becomes of them.
pub struct Case {
    pub concern: Concern,
    pub choose: Choose,
    /// What the process of a call that is hit is sent.
    pub signal: Option<Signal>,
    /// Told of each injection: its stream, and which call of it.
    pub told: Box<dyn FnMut(u64, u64) + Send>,
}

/// What has happened so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub counters: Counters,
    /// Those that called, by stream.
    pub suffered: Vec<Suffered>,
    /// Some of the newest injections, oldest first.
    pub examples: Vec<Injection>,
}

/// One process whose calls were meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suffered {
    pub stream: u64,
    pub pid: i32,
    pub name: String,
    pub injected: u64,
}

/// A fault of the calls of one command. Clones are the same fault.
#[derive(Clone, Debug)]
pub struct Interception {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    case: Case,
    /// Monotonic; it acts until then. None before it acts, and when it has ended.
    until_ns: Option<u64>,
    /// While there is a command that could call.
    waiting: Option<Waiting>,
    /// Bytes that calls which are meant have asked for.
    used: u64,
    counters: Counters,
    streams: BTreeMap<i32, Stream>,
    examples: VecDeque<Injection>,
}

#[derive(Debug)]
struct Stream {
    number: u64,
    name: String,
    calls: u64,
    injected: u64,
}

impl Interception {
    /// It does not act yet.
    pub fn new(case: Case) -> Self {
        let state = State {
            case,
            until_ns: None,
            waiting: None,
            used: 0,
            counters: Counters::default(),
            streams: BTreeMap::new(),
            examples: VecDeque::new(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Acts until `deadline_ns`, by the monotonic clock.
    pub fn activate(&self, deadline_ns: u64) {
        self.lock().until_ns = Some(deadline_ns);
    }

    /// Acts no more: when this returns, every call is made.
    pub fn halt(&self) {
        let mut state = self.lock();
        state.until_ns = None;
        state.let_go(u64::MAX);
    }

    /// Whether a caller is still to be let go.
    pub fn holds_anybody(&self) -> bool {
        self.lock().holds_anybody()
    }

    /// Callers may sleep from now on.
    pub(super) fn attend(&self, waiting: Waiting) {
        self.lock().waiting = Some(waiting);
    }

    /// Nobody is left who could call.
    pub(super) fn leave(&self) {
        self.lock().waiting = None;
    }

    /// Lets those go whose time has come by `now_ns`; when the next one's comes.
    pub(super) fn let_go(&self, now_ns: u64) -> Option<u64> {
        self.lock().let_go(now_ns)
    }

    /// Begins anew with another case, and does not act yet.
    pub fn renew(&self, case: Case) {
        let mut state = self.lock();
        state.let_go(u64::MAX);
        state.case = case;
        state.until_ns = None;
        state.used = 0;
        state.counters = Counters::default();
        state.streams.clear();
        state.examples.clear();
    }

    pub fn progress(&self) -> Progress {
        let state = self.lock();
        let suffered = state.streams.iter().map(|(pid, stream)| Suffered {
            stream: stream.number,
            pid: *pid,
            name: stream.name.clone(),
            injected: stream.injected,
        });
        let mut suffered: Vec<_> = suffered.filter(|one| one.injected > 0).collect();
        suffered.sort_by_key(|one| one.stream);
        Progress {
            counters: state.counters,
            suffered,
            examples: state.examples.iter().copied().collect(),
        }
    }

    /// Answers a call of `process` with `answer`, which says whether the call still waited for it.
    pub(super) fn answer(&self, call: &Call, process: i32, answer: impl FnOnce(Answer) -> bool) {
        // Held until the answer is given: what is halted injects nothing more.
        self.lock().answer(call, process, answer);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // What is in it is whole between any two statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn answer(&mut self, call: &Call, process: i32, answer: impl FnOnce(Answer) -> bool) {
        let now_ns = monotonic_ns();
        let concern = &self.case.concern;
        let meant = self.until_ns.filter(|_| concern.means(call));
        let meant = meant.filter(|_| concern.is_full(call, &mut self.used));
        let Some(until_ns) = meant else {
            answer(Answer::Continue);
            return;
        };
        self.counters.matched += 1;
        if now_ns >= until_ns {
            self.counters.expired += 1;
            answer(Answer::Continue);
            return;
        }
        let (stream, hit) = self.count(process);
        let choice = (self.case.choose)(stream, hit, call);
        let done = match choice {
            Choice::Inject(given) => self.inject(given, process, answer),
            Choice::Delay(for_ns) => {
                let held = self.hold(now_ns.saturating_add(for_ns).min(until_ns));
                if !held {
                    answer(Answer::Continue);
                }
                held
            }
            Choice::Rehearse | Choice::Pass | Choice::Outside | Choice::Expired => {
                answer(Answer::Continue)
            }
        };
        match choice {
            // It was killed, or the keeper was faster, or too many sleep already.
            Choice::Inject(_) | Choice::Delay(_) if !done => self.counters.expired += 1,
            Choice::Inject(_) | Choice::Delay(_) | Choice::Rehearse => {
                self.counters.eligible += 1;
                self.counters.injected += 1;
                self.note(process, stream, hit, now_ns);
            }
            Choice::Pass => {
                self.counters.eligible += 1;
                self.counters.passed += 1;
            }
            Choice::Outside => self.counters.outside += 1,
            Choice::Expired => self.counters.expired += 1,
        }
    }

    /// Whether the answer, with the signal that belongs to it, was given.
    fn inject(&self, given: Answer, process: i32, answer: impl FnOnce(Answer) -> bool) -> bool {
        match self.case.signal {
            // It does not come back to hear an answer.
            Some(signal) if signal.kills() => {
                let sent = send(process, signal);
                answer(given) || sent
            }
            Some(signal) => answer(given) && send(process, signal),
            None => answer(given),
        }
    }

    fn holds_anybody(&self) -> bool {
        let waiting = self.waiting.as_ref();
        waiting.is_some_and(|waiting| !waiting.is_empty())
    }

    fn hold(&mut self, until_ns: u64) -> bool {
        let waiting = self.waiting.as_mut();
        waiting.is_some_and(|waiting| waiting.hold(until_ns))
    }

    fn let_go(&mut self, now_ns: u64) -> Option<u64> {
        let waiting = self.waiting.as_mut();
        waiting.and_then(|waiting| waiting.let_go(now_ns))
    }

    /// The stream of a process, and which call of it this is.
    fn count(&mut self, process: i32) -> (u64, u64) {
        let next = self.streams.len() as u64;
        let stream = self.streams.entry(process).or_insert_with(|| Stream {
            number: next,
            name: String::new(),
            calls: 0,
            injected: 0,
        });
        stream.calls += 1;
        (stream.number, stream.calls)
    }

    fn note(&mut self, process: i32, stream: u64, hit: u64, at_ns: u64) {
        if let Some(one) = self.streams.get_mut(&process) {
            if one.injected == 0 {
                one.name = name_of(process);
            }
            one.injected += 1;
        }
        (self.case.told)(stream, hit);
        while self.examples.len() >= EXAMPLES {
            self.examples.pop_front();
        }
        self.examples.push_back(Injection {
            at_ns,
            hook: 0,
            hit,
            stream,
        });
    }
}

/// Whether the signal was sent to a process that waits.
fn send(process: i32, signal: Signal) -> bool {
    let sent = pidfd_open(Pid::from_raw(process))
        .and_then(|pidfd| pidfd_send(pidfd.as_fd(), signal.number()));
    sent.is_ok()
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case")
            .field("concern", &self.concern)
            .finish_non_exhaustive()
    }
}
