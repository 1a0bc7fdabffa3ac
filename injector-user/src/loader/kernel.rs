//! Everything the engine has in the kernel, and the order in which a fault comes and goes.
//!
//! Coming: rows, attachments, delay lines, and last the bit that arms. Going: the bit first, then
//! what waits, then the attachments, then the rows.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use aya::maps::MapError;
use injector_abi::net::Exempt;
use injector_abi::syscall::Calls;
use injector_abi::{CONTROL_KILL, CONTROL_LEASE, Counters, Fault, Progress, SLOTS};
use injector_core::fault::{Action, FaultSpec, Kind};
use injector_core::plan::{Hook, Plan, Select};

use super::alive::Alive;
use super::btf::BtfError;
use super::calls::calls_of;
use super::deathwatch::Deathwatch;
use super::hooks::{HookError, HookIndex, Hooks, Texts};
use super::maps::{Maps, MapsError, Tables};
use super::net;
use super::object::{Object, ObjectError};
use super::older;
use super::program::{Link, LinkError, Program};
use super::rows::Rows;
use super::slots::{Slot, Slots};
use super::sockets::{Sockets, SocketsError};
use super::stub::Interfaces;
use super::together;
use crate::clock::monotonic_ns;
use crate::delay_line::{Line, LineError, LineReport, TapError, Treatment};
use crate::dormitory::{Dormitory, DormitoryError};
use crate::filters::Guards;
use crate::safety::Permit;
use crate::sys::pod::Shared;

/// Why the kernel does not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    #[error(transparent)]
    Maps(#[from] MapsError),
    #[error(transparent)]
    Object(#[from] ObjectError),
    #[error(transparent)]
    Hook(#[from] HookError),
    #[error("failed to write a map")]
    Map(#[from] MapError),
    #[error(transparent)]
    Tap(#[from] TapError),
    #[error(transparent)]
    Line(#[from] LineError),
    #[error("failed to follow new processes")]
    Tracking(#[source] TrackingError),
    #[error(transparent)]
    Sockets(#[from] SocketsError),
    #[error("failed to find out where the kernel keeps a socket's cgroup")]
    Fields(#[source] BtfError),
    #[error("all {SLOTS} places for faults are in use")]
    Full,
    #[error("a delay line was planned elsewhere than at an interface")]
    NoLine,
    #[error(transparent)]
    Dormitory(#[from] DormitoryError),
    #[error("failed to find out how many processors there are")]
    Processors(#[source] io::Error),
}

/// Why new processes cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum TrackingError {
    #[error(transparent)]
    Offsets(#[from] BtfError),
    #[error(transparent)]
    Object(#[from] ObjectError),
    #[error(transparent)]
    Link(#[from] LinkError),
}

/// One fault in the kernel. Given back to [`Kernel::disarm`]; if it is not, everything ends with
/// the process, like everything else here.
#[derive(Debug)]
pub struct ArmedFault {
    pub(super) slot: Slot,
    pub(super) row: Fault,
    /// Where it begins.
    pub(super) progress: Progress,
    /// Which calls it acts on and what they return, if it is about calls.
    pub(super) calls: Option<Calls>,
    pub(super) select: Select,
    /// In the order of the plan's.
    pub(super) hooks: Vec<HookIndex>,
    /// How often programs there had not been run before.
    pub(super) missed_before: BTreeMap<HookIndex, u64>,
    /// Whether processes are told apart.
    pub(super) by_process: bool,
    /// Whether its callers are to wait.
    pub(super) delays: bool,
    /// Where callers sleep, if they are to.
    pub(super) dormitory: Option<Dormitory>,
    /// By the place they belong to.
    pub(super) lines: Vec<(HookIndex, Line)>,
    /// What lines did whose places are gone.
    pub(super) finished: Option<LineReport>,
}

/// What a fault needs to be armed beyond its plan.
#[derive(Clone, Copy, Debug)]
pub struct Arming<'a> {
    pub plan: &'a Plan,
    pub spec: &'a FaultSpec,
    pub seed: u64,
    /// Connections that keep the caller in.
    pub exempt: &'a [Exempt],
    /// It decides and counts, and does nothing, until [`Kernel::act`].
    pub rehearsing: bool,
    /// Whether every injection will be asked for by [`Kernel::take_events`].
    pub followed: bool,
}

/// The kernel's side of the engine.
#[derive(Debug)]
pub struct Kernel {
    pub(super) tables: Tables,
    pub(super) texts: Arc<Texts>,
    slots: Slots,
    pub(super) rows: Rows,
    pub(super) hooks: Hooks,
    pub(super) sockets: Sockets,
    pub(super) tracking: Option<(Link, Program)>,
    deathwatch: Deathwatch,
    alive: Alive,
}

const NET: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/net.o"));
const SOCK: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/sock.o"));
const PROCESS: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/process.o"));
const DELAY: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/delay.o"));
const SYSCALL: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/syscall.o"));

impl Kernel {
    /// Creates the maps. No program is loaded or attached by this.
    pub fn open() -> Result<Self, KernelError> {
        let mut maps = Maps::begin();
        let texts = Texts {
            net: Object::open("net", NET, &mut maps)?,
            sock: Object::open("sock", SOCK, &mut maps)?,
            process: Object::open("process", PROCESS, &mut maps)?,
            syscall: Object::open("syscall", SYSCALL, &mut maps)?,
            delay: Object::open("delay", DELAY, &mut maps)?,
        };
        let tables = maps.into_tables()?;
        let interfaces = Interfaces::new(Arc::clone(&tables.bodies));
        Ok(Self {
            tables,
            texts: Arc::new(texts),
            slots: Slots::default(),
            rows: Rows::default(),
            hooks: Hooks::new(interfaces),
            sockets: Sockets::default(),
            tracking: None,
            deathwatch: Deathwatch::default(),
            alive: Alive::default(),
        })
    }

    /// Names who takes away what no descriptor of this process owns, should it not do that itself.
    pub fn guard_by(&mut self, guards: Guards) {
        self.hooks.guard_by(guards);
    }

    /// Tells `whom` after each place where something was attached or detached; it says until when
    /// faults may act.
    pub fn tell_steps_to(&mut self, whom: impl Fn() -> u64 + Send + 'static) {
        self.alive = Alive::telling(whom);
    }

    /// Does what takes the kernel long, and says meanwhile that it goes on.
    fn patiently<T: Send>(&mut self, work: impl FnOnce(&mut Hooks, &Texts) -> T + Send) -> T {
        let Self {
            tables,
            texts,
            hooks,
            alive,
            ..
        } = self;
        let renew = |until_ns| tables.control.store(CONTROL_LEASE as usize, until_ns);
        alive.during(renew, || work(hooks, texts))
    }

    fn step(&self) {
        if let Some(until_ns) = self.alive.step() {
            self.renew_lease(until_ns);
        }
    }

    /// Lets faults act until `until_ns`, monotonic.
    pub fn renew_lease(&self, until_ns: u64) {
        self.tables.control.store(CONTROL_LEASE as usize, until_ns);
    }

    /// Switches every fault off with one store, or on again.
    pub fn set_kill_switch(&self, on: bool) {
        self.tables
            .control
            .store(CONTROL_KILL as usize, u64::from(on));
    }

    /// Loads ahead what the next fault will need, one program at a time.
    pub fn prepare(&mut self) -> Result<(), KernelError> {
        Ok(self.hooks.prepare(&self.texts)?)
    }

    /// Puts a fault into the kernel. It does not act before [`Kernel::activate`].
    pub fn arm(&mut self, arming: &Arming<'_>, permit: &Permit) -> Result<ArmedFault, KernelError> {
        let kind = arming.plan.kind;
        let slot = self.slots.take(monotonic_ns()).ok_or(KernelError::Full)?;
        let examples = self.tables.examples.get_mut();
        examples.forget(slot);
        if arming.followed {
            examples.follow(slot);
        }
        let mut fault = ArmedFault {
            slot,
            row: row(arming),
            progress: progress(arming),
            calls: calls_of(&arming.spec.action),
            select: arming.plan.select.clone(),
            hooks: Vec::new(),
            missed_before: BTreeMap::new(),
            by_process: kind == Kind::SockError || kind.is_of_calls(),
            delays: false,
            dormitory: None,
            lines: Vec::new(),
            finished: None,
        };
        match self.fill(&mut fault, arming, permit) {
            Ok(()) => Ok(fault),
            Err(error) => {
                self.disarm(fault);
                self.forget_unused();
                Err(error)
            }
        }
    }

    /// Detaches what was attached for a fault that then was not.
    pub(super) fn forget_unused(&mut self) {
        let links = self.hooks.forget_unused();
        if !links.is_empty() {
            self.patiently(|_hooks, _texts| together::detach(links));
        }
    }

    /// Makes an armed fault act until `deadline_ns`, monotonic: the last step.
    pub fn activate(&mut self, fault: &ArmedFault, deadline_ns: u64) -> Result<(), KernelError> {
        let row = Fault {
            deadline_ns,
            ..fault.row
        };
        self.tables.faults.set(fault.slot, Shared(row), 0)?;
        for hook in &fault.hooks {
            self.hooks.arm(&mut self.tables, *hook, fault.slot)?;
        }
        Ok(())
    }

    /// Stops a fault from acting, at once; it is still to be disarmed.
    pub fn silence(&mut self, fault: &ArmedFault) {
        for hook in &fault.hooks {
            // The array's entry exists; should writing fail nevertheless, detaching ends it.
            let _detached_later = self.hooks.disarm(&mut self.tables, *hook, fault.slot);
        }
    }

    /// Takes a fault out: it stops acting first; what waits is given back; then it is detached.
    pub fn disarm(&mut self, fault: ArmedFault) -> Option<LineReport> {
        self.silence(&fault);
        let ArmedFault {
            slot,
            row: _,
            progress: _,
            calls: _,
            select,
            hooks,
            missed_before: _,
            by_process: _,
            delays: _,
            dormitory,
            lines,
            finished,
        } = fault;
        // Before anything is detached: some kernels wait until nobody sleeps there any more.
        drop(dormitory);
        let lines = lines.into_iter().map(|(_hook, line)| line.finish());
        let report = sum(lines.chain(finished));
        let mut links = Vec::new();
        for hook in hooks {
            let _detached_below = self.tables.line_ifindex.set(line_of(hook, slot), 0, 0);
            links.extend(self.hooks.release(&mut self.tables, hook));
        }
        if !links.is_empty() {
            self.patiently(|_hooks, _texts| together::detach(links));
        }
        self.sockets.end(slot);
        // A row that stays behind names a slot that is armed nowhere.
        let _harmless = self.rows.clear(&mut self.tables, slot, &select);
        if Rows::thread_groups(&self.tables) == 0 {
            self.tracking = None;
        }
        if self.hooks.count() == 0 {
            self.deathwatch.end();
        }
        self.slots.release(slot, monotonic_ns());
        report
    }

    /// What the fault did so far, over all processors.
    pub fn counters(&self, fault: &ArmedFault) -> Result<Counters, KernelError> {
        let per_cpu = self.tables.counters.get(&fault.slot, 0)?;
        Ok(per_cpu
            .iter()
            .fold(Counters::default(), |sum, one| add(sum, one.0)))
    }

    /// Its global progress.
    pub fn progress(&self, fault: &ArmedFault) -> Result<Progress, KernelError> {
        Ok(self.tables.progress.get(&fault.slot, 0)?.0)
    }

    /// When it first injected, in monotonic nanoseconds; 0 if it has not, or nobody can tell.
    pub fn first_injection(&self, fault: &ArmedFault) -> u64 {
        let progress = self.progress(fault);
        progress.map_or(0, |progress| progress.first_injected_ns)
    }

    /// What its delay lines did, if it has any.
    pub fn lines(fault: &ArmedFault) -> Option<LineReport> {
        let lines = fault.lines.iter().map(|(_hook, line)| line.report());
        sum(lines.chain(fault.finished))
    }

    /// Whether its delay lines have given back everything that they took before `since_ns`, monotonic.
    pub fn is_done_with(fault: &ArmedFault, since_ns: u64) -> bool {
        let mut lines = fault.lines.iter();
        let nobody_sleeps = fault
            .dormitory
            .as_ref()
            .is_none_or(|dormitory| !dormitory.is_occupied());
        nobody_sleeps && lines.all(|(_hook, line)| line.is_done_with(since_ns))
    }

    /// Places in use: 0 when nothing is armed.
    pub fn attached(&self) -> usize {
        self.hooks.count() + usize::from(self.tracking.is_some())
    }

    fn fill(
        &mut self,
        fault: &mut ArmedFault,
        arming: &Arming<'_>,
        permit: &Permit,
    ) -> Result<(), KernelError> {
        let plan = arming.plan;
        self.write_fault(fault)?;
        if fault.calls.is_some() {
            self.write_fields()?;
        }
        // Without it the kernel ends the fault when it closes our descriptors, some ms later.
        let _slower = self.deathwatch.begin(&self.texts.process);
        self.open_dormitory(fault, arming)?;
        self.add_rows(fault, arming)?;
        self.choose(fault, arming)?;
        let thorough = net::is_thorough(&arming.spec.action, &plan.select);
        self.attach_functions(&plan.hooks)?;
        self.hooks.begin_ahead(&self.texts, &plan.hooks, thorough);
        let mut hooks = plan.hooks.iter();
        let attached = hooks.try_for_each(|hook| self.attach(fault, arming, hook, permit));
        self.hooks.end_ahead();
        attached
    }

    /// Attaches at all of the plan's functions at once.
    pub(super) fn attach_functions(&mut self, hooks: &[Hook]) -> Result<(), HookError> {
        if hooks.iter().any(together::is_function) {
            self.patiently(|places, texts| places.attach_functions(texts, hooks))?;
        }
        Ok(())
    }

    /// Attaches the fault at one place, with a delay line if it needs one.
    pub(super) fn attach(
        &mut self,
        fault: &mut ArmedFault,
        arming: &Arming<'_>,
        hook: &Hook,
        permit: &Permit,
    ) -> Result<(), KernelError> {
        let thorough = net::is_thorough(&arming.spec.action, &arming.plan.select);
        let attach = |hooks: &mut Hooks, texts: &Texts| hooks.attach(texts, hook, thorough, permit);
        // The verifier of older kernels may take seconds.
        let index = if older::wants_room_ahead() {
            self.patiently(attach)
        } else {
            attach(&mut self.hooks, &self.texts)
        }?;
        self.step();
        fault.hooks.push(index);
        let missed = self.hooks.misses(index);
        fault.missed_before.insert(index, missed);
        self.forget_place(fault, index)?;
        let exempt = arming.exempt.iter().copied();
        self.hooks.exempt(&mut self.tables, index, exempt)?;
        let treatment = Treatment::of(&arming.spec.action);
        let (Some(treatment), Hook::Tcx { .. }) = (treatment, hook) else {
            return Ok(());
        };
        let (net, position) = (&self.texts.net, line_of(index, fault.slot));
        let started = net::line(net, &self.tables, hook, position, &treatment, arming.seed)?;
        let ifindex = started.ifindex;
        self.tables.line_ifindex.set(position, ifindex, 0)?;
        fault.lines.push((index, started.line));
        Ok(())
    }

    fn write_fault(&mut self, fault: &ArmedFault) -> Result<(), KernelError> {
        let slot = fault.slot;
        self.reset(fault)?;
        self.tables.faults.set(slot, Shared(fault.row), 0)?;
        Ok(())
    }
}

/// What the programs are told of a fault; its deadline comes when it is to act.
fn row(arming: &Arming<'_>) -> Fault {
    let Arming { spec, seed, .. } = *arming;
    let common = &spec.common;
    let errno = match &spec.action {
        Action::SockError(failure) => -failure.errno.number(),
        _ => 0,
    };
    let (chain, _state) = net::chain_of(spec, seed);
    Fault {
        seed,
        threshold: common.probability.threshold(),
        first: u64::from(common.when.first()),
        last: common.when.last().map_or(0, u64::from),
        step: u64::from(common.when.step()),
        max_hits: common.max_hits.unwrap_or(0),
        deadline_ns: 0,
        chain,
        errno,
        rehearsing: u32::from(arming.rehearsing),
        bits: net::bits_of(&spec.action),
        answer: net::answer_of(&spec.action),
    }
}

fn progress(arming: &Arming<'_>) -> Progress {
    let (_chain, state) = net::chain_of(arming.spec, arming.seed);
    Progress {
        state,
        ..Progress::default()
    }
}

/// Where the line of a fault at a hook has its lease and its device.
pub(super) fn line_of(hook: HookIndex, slot: Slot) -> u32 {
    hook * SLOTS + slot
}

pub(super) fn sum(lines: impl Iterator<Item = LineReport>) -> Option<LineReport> {
    lines.reduce(|sum, one| LineReport {
        forwarded: sum.forwarded + one.forwarded,
        discarded: sum.discarded + one.discarded,
        failed: sum.failed + one.failed,
        overflowed: sum.overflowed + one.overflowed,
        bytes: sum.bytes + one.bytes,
    })
}

fn add(sum: Counters, one: Counters) -> Counters {
    Counters {
        matched: sum.matched + one.matched,
        eligible: sum.eligible + one.eligible,
        expired: sum.expired + one.expired,
        outside: sum.outside + one.outside,
        injected: sum.injected + one.injected,
        passed: sum.passed + one.passed,
        expected: sum.expected + one.expected,
        foreign: sum.foreign + one.foreign,
    }
}
