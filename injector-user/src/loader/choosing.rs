//! Whose events a fault acts on: rows that name its targets, and marks of their sockets.

use injector_abi::net::Connection;
use injector_abi::{TASK_PID_MAGIC, TASK_TGID_MAGIC};
use injector_core::fault::Kind;
use injector_core::plan::{Hook, Mechanism};

use super::btf::{TaskOffsets, socket_fields};
use super::kernel::{ArmedFault, Arming, Kernel, KernelError, TrackingError};
use super::program::Role;
use crate::clock::monotonic_ns;
use crate::sys::pod::Shared;

impl Kernel {
    /// Adds processes to a fault's targets.
    pub fn mark(&mut self, fault: &ArmedFault, pids: &[i32]) -> Result<(), KernelError> {
        Ok(self.rows.mark(&mut self.tables, fault.slot, pids)?)
    }

    /// Marks the open sockets of the fault's targets, if its packets are told by them.
    pub fn mark_sockets(&mut self, fault: &ArmedFault) -> Result<(), KernelError> {
        if self.sockets.concern(fault.slot) {
            self.sockets.look(&self.tables, self.rows.epoch())?;
        }
        Ok(())
    }

    /// Keeps up with the sockets of all targets, as often as it may cost.
    pub fn follow_sockets(&mut self) -> Result<(), KernelError> {
        if self.sockets.is_due(monotonic_ns()) {
            self.sockets.look(&self.tables, self.rows.epoch())?;
        }
        Ok(())
    }

    /// A process that shares a socket with the fault's target, which is left alone for that.
    pub fn shares_sockets(&self, fault: &ArmedFault) -> Option<i32> {
        self.sockets.shared_with(fault.slot)
    }

    /// Names open connections that a fault is restricted to, each at the places in `hooks`, which are
    /// numbered as in its plan.
    pub fn connect(
        &mut self,
        fault: &ArmedFault,
        connections: &[(usize, Connection)],
    ) -> Result<(), KernelError> {
        let at_hooks = connections.iter().filter_map(|(position, connection)| {
            let hook = *fault.hooks.get(*position)?;
            Some(Connection {
                hook,
                ..*connection
            })
        });
        Ok(self.rows.connect(&mut self.tables, fault.slot, at_hooks)?)
    }

    /// Drops targets that are gone.
    pub fn forget(&mut self, gone: impl Fn(u32) -> bool) {
        self.rows.forget(&mut self.tables, gone);
    }

    /// Writes which events are the target's, and prepares what tells them.
    pub(super) fn add_rows(
        &mut self,
        fault: &ArmedFault,
        arming: &Arming<'_>,
    ) -> Result<(), KernelError> {
        let plan = arming.plan;
        let select = &plan.select;
        self.rows.add(&mut self.tables, fault.slot, select)?;
        if !select.thread_groups.is_empty() {
            self.track().map_err(KernelError::Tracking)?;
            self.mark(fault, &select.thread_groups)?;
        }
        let by_socket = plan.mechanisms().contains(&Mechanism::SocketLookup);
        if select.cgroup.is_some() && (by_socket || plan.kind == Kind::SyscallError) {
            let fields = socket_fields().map_err(KernelError::Fields)?;
            self.tables.fields.set(0, Shared(fields), 0)?;
        }
        let marks = |hook: &Hook| matches!(hook, Hook::Sockets { .. });
        if plan.hooks.iter().any(marks) {
            self.sockets.begin(fault.slot);
        }
        Ok(())
    }

    /// Makes these rows the ones that count.
    pub(super) fn choose(
        &mut self,
        fault: &ArmedFault,
        arming: &Arming<'_>,
    ) -> Result<(), KernelError> {
        let (spec, select) = (arming.spec, &arming.plan.select);
        let lockout = spec.common.allow_lockout;
        let (tables, rows) = (&mut self.tables, &mut self.rows);
        Ok(rows.choose(tables, fault.slot, &spec.action, select, lockout)?)
    }

    /// Follows forks from now on.
    pub(super) fn track(&mut self) -> Result<(), TrackingError> {
        if self.tracking.is_none() {
            let offsets = TaskOffsets::known()?;
            let constants = [
                (TASK_PID_MAGIC, offsets.pid),
                (TASK_TGID_MAGIC, offsets.tgid),
            ];
            let program =
                self.texts
                    .process
                    .load("process_fork", Role::RawTracepoint, &constants)?;
            let link = program.attach_to_tracepoint(c"sched_process_fork")?;
            self.tracking = Some((link, program));
        }
        Ok(())
    }
}
