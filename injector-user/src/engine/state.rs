//! What the engine knows and owns.

use std::collections::BTreeMap;

use injector_core::problem::{Place, Problem};

use super::clients::Clients;
use super::commands::Commands;
use super::ended::EndedFaults;
use super::events::EndedLogs;
use super::explain;
use super::guard::Guard;
use super::inventory::Called;
use super::running::{Client, Running};
use super::strangers::Strangers;
use crate::capability::Known;
use crate::clock::monotonic_ns;
use crate::keeper::Keeper;
use crate::loader::Kernel;
use crate::observer::Observer;
use crate::pressure::Pacemaker;
use crate::protocol::{Answer, Call, Class, EngineStatus, Failure};
use crate::safety::Protection;
use crate::safety::undo::UndoLog;

#[derive(Debug)]
pub(super) struct Engine {
    pub(super) kernel: Kernel,
    pub(super) keeper: Keeper,
    pub(super) log: UndoLog,
    pub(super) protection: Protection,
    pub(super) faults: BTreeMap<String, Running>,
    pub(super) strangers: Strangers,
    pub(super) guard: Guard,
    pub(super) ended: EndedFaults,
    /// What was told of faults that have ended.
    pub(super) ended_logs: EndedLogs,
    pub(super) commands: Commands,
    pub(super) capabilities: Known,
    /// Containers, as they were told the last time.
    pub(super) called: Called,
    pub(super) clients: Clients,
    /// Monotonic; when there last was a client or a fault.
    pub(super) busy_ns: u64,
    pub(super) lease_until_ns: u64,
    /// Of workers, which are processes of their own.
    pub(super) pacemaker: Pacemaker,
    pub(super) observer: Observer,
    pub(super) looked_ns: u64,
    armed_so_far: u64,
}

impl Engine {
    pub(super) fn new(
        kernel: Kernel,
        keeper: Keeper,
        log: UndoLog,
        capabilities: Known,
        clients: Clients,
        pacemaker: Pacemaker,
    ) -> Self {
        Self {
            kernel,
            keeper,
            log,
            protection: Protection::default(),
            faults: BTreeMap::new(),
            strangers: Strangers::default(),
            guard: Guard::default(),
            ended: EndedFaults::default(),
            ended_logs: EndedLogs::default(),
            commands: Commands::default(),
            capabilities,
            called: Called::default(),
            clients,
            busy_ns: monotonic_ns(),
            lease_until_ns: 0,
            pacemaker,
            observer: Observer::default(),
            // Who started the engine comes first.
            looked_ns: monotonic_ns(),
            armed_so_far: 0,
        }
    }

    /// Does what a client asks for.
    pub(super) fn handle(
        &mut self,
        client: Client,
        peer: Peer,
        call: Call,
    ) -> Result<Answer, Failure> {
        if !peer.may(&call) {
            return Err(only_root("change what is armed"));
        }
        self.protect(peer.pid);
        self.answer(client, peer, call)
    }

    fn answer(&mut self, client: Client, peer: Peer, call: Call) -> Result<Answer, Failure> {
        match call {
            Call::Hello => Ok(self.hello()),
            Call::Plan { fault, params } => self
                .plan(client, fault, &params)
                .map(|(_spec, plan)| Answer::Planned {
                    plan: Box::new(plan),
                })
                .map_err(|failure| explain::about_fault(fault, failure)),
            Call::Arm(arm) => {
                let kind = arm.fault;
                self.arm(client, arm)
                    .map_err(|failure| explain::about_fault(kind, failure))
            }
            Call::Act { fault } => self.act(client, &fault),
            Call::Events { fault, after } => self.events(&fault, after),
            Call::Stop { which } => Ok(Answer::Stopped {
                faults: self.stop(client, &which)?,
            }),
            Call::Observe(_) | Call::Frame | Call::Measure { .. } | Call::Frames { .. } => {
                Err(failure(
                    Class::Failed,
                    "what is observed is told to connections alone",
                    None,
                ))
            }
            Call::Kill => {
                self.kill(client);
                Ok(Answer::Done)
            }
            Call::Snapshot { fault } => self.snapshot(&fault),
            Call::Status => Ok(self.status()),
            Call::Ended { after } => Ok(self.ended.page(after)),
            Call::MakeCgroup => self
                .make_cgroup(client, peer.pid)
                .map(|path| Answer::Cgroup { path }),
            Call::Enter { pid } => self.enter(client, peer.pid, pid).map(|()| Answer::Done),
            Call::Quit => self.quit(),
            Call::Intercept {
                fault,
                pid,
                listener,
            } => self
                .intercept(client, peer.pid, &fault, (pid, listener))
                .map(|()| Answer::Done),
        }
    }

    /// Protects ourselves and whoever asks now, with all that they run below.
    fn protect(&mut self, asking: i32) {
        let own = [std::process::id().cast_signed(), self.keeper.pid(), asking];
        self.protection = Protection::of(own.into_iter().filter(|pid| *pid > 0));
    }

    /// A name for the next fault.
    pub(super) fn next_id(&mut self, kind: injector_core::fault::Kind) -> String {
        self.armed_so_far += 1;
        format!("{}-{}", kind.name(), self.armed_so_far)
    }

    fn hello(&self) -> Answer {
        Answer::Hello {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            protocol: crate::protocol::PROTOCOL,
            pid: std::process::id().cast_signed(),
            keeper: self.keeper.pid(),
        }
    }

    fn snapshot(&self, id: &str) -> Result<Answer, Failure> {
        let running = self.faults.get(id).map(|running| {
            let mut report = self.report(running);
            if running.rehearsing {
                self.add_suffered(running, &mut report);
            }
            report
        });
        let ended = || self.ended.find(id).cloned();
        let fault = running.or_else(ended);
        fault
            .map(|fault| Answer::Snapshot {
                fault: Box::new(fault),
            })
            .ok_or_else(|| unknown(id))
    }

    fn status(&self) -> Answer {
        let lease_ms = self.lease_until_ns.saturating_sub(monotonic_ns()) / 1_000_000;
        let engine = EngineStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id().cast_signed(),
            keeper: self.keeper.pid(),
            attached: self.kernel.attached(),
            observing: self.observer.attached(),
            lease_ms: if self.faults.is_empty() { 0 } else { lease_ms },
            clients: self.clients.count(),
            undo_entries: self.log.len(),
        };
        let faults = self
            .faults
            .values()
            .map(|running| self.report(running))
            .collect();
        Answer::Status { engine, faults }
    }

    fn quit(&self) -> Result<Answer, Failure> {
        if self.faults.is_empty() {
            return Ok(Answer::Done);
        }
        let names: Vec<&str> = self.faults.keys().map(String::as_str).collect();
        Err(refused(
            format!("faults are armed: {}", names.join(", ")),
            Some("`temblor stop` ends them"),
        ))
    }
}

/// Who is at the other end of a connection, as the kernel says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) uid: u32,
    pub(super) pid: i32,
}

impl Peer {
    /// Everybody may look; only root may change.
    pub(super) fn may(self, call: &Call) -> bool {
        let looks = matches!(
            call,
            Call::Hello | Call::Status | Call::Snapshot { .. } | Call::Ended { .. }
        );
        self.uid == 0 || looks
    }
}

pub(super) fn only_root(what: &str) -> Failure {
    refused(format!("only root may {what}"), Some("use sudo"))
}

pub(super) fn refused(message: impl Into<String>, hint: Option<&str>) -> Failure {
    failure(Class::Refused, message, hint)
}

/// What was tried and did not work.
pub(super) fn failed(error: &(dyn std::error::Error + 'static)) -> Failure {
    failure(Class::Failed, said(error), Some(&explain::hint(error)))
}

/// An error with the chain of its causes in one line.
pub(super) fn said(error: &(dyn std::error::Error + 'static)) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let text = source.to_string();
        if !message.ends_with(&text) {
            message = format!("{message}: {text}");
        }
        cause = source.source();
    }
    message
}

pub(super) fn failure(class: Class, message: impl Into<String>, hint: Option<&str>) -> Failure {
    let problem = Problem::new(Place::default(), message);
    let problem = match hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    };
    Failure {
        class,
        problems: vec![problem],
    }
}

pub(super) fn unknown(id: &str) -> Failure {
    failure(
        Class::Input,
        format!("there is no fault `{id}`"),
        Some("`temblor status` lists what is armed"),
    )
}
