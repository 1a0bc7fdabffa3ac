//! Programs of others that look at the host, started and ended beside ours.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Result;
use aya::programs::loaded_programs;
use aya_obj::generated::bpf_prog_type;
use injector_user::sys::poll;

use crate::wait_until;

/// Peers want file systems that not every host has mounted: they get them where nobody else sees it.
const WITH_TRACEFS: &str = r#"mount -t tracefs tracefs /sys/kernel/tracing
mount -t debugfs debugfs /sys/kernel/debug
exec "$0" "$@""#;

/// Longer than a peer takes to compile itself and attach.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a peer takes from having loaded its programs to having attached them.
const SETTLES: Duration = Duration::from_millis(300);

/// A histogram of all calls of all tasks, as the manual of `bpftrace` has it.
pub(super) const HISTOGRAM: &str = "tracepoint:raw_syscalls:sys_enter { @start[tid] = nsecs; } \
     tracepoint:raw_syscalls:sys_exit /@start[tid]/ { \
     @ns = hist(nsecs - @start[tid]); delete(@start[tid]); }";

/// Killed with this value.
#[derive(Debug)]
pub(super) struct Peer(Child);

impl Peer {
    /// Starts it and waits until it has loaded so many programs at tracepoints; none where it is
    /// not installed, or does not come up.
    pub(super) fn start(
        program: &str,
        arguments: &[&str],
        programs: usize,
    ) -> Result<Option<Self>> {
        let before = tracers();
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-c", WITH_TRACEFS, program])
            .args(arguments);
        command.stdin(Stdio::null());
        let started = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let Ok(child) = started else {
            return Ok(None);
        };
        let mut peer = Self(child);
        let mut ended = false;
        let came = wait_until("it has attached", PATIENCE, || {
            ended = peer.0.try_wait().is_ok_and(|status| status.is_some());
            ended || tracers() >= before + programs
        });
        if ended || came.is_err() {
            return Ok(None);
        }
        // Loaded is not attached yet.
        poll::wait_readable([], SETTLES)?;
        Ok(Some(peer))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // One that has ended already is as good.
        let _ended = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// Waits until no more programs look than these: the kernel detaches when a grace period has passed.
pub(super) fn await_detached(before: usize) -> Result<()> {
    wait_until("nothing is attached", PATIENCE, || tracers() <= before).map(drop)
}

/// Programs at tracepoints that there are on this host.
pub(super) fn tracers() -> usize {
    let mut count = 0;
    for program in loaded_programs() {
        // One may go while they are listed.
        let Ok(kind) = program.map(|program| program.program_type()) else {
            continue;
        };
        let kinds = [
            bpf_prog_type::BPF_PROG_TYPE_RAW_TRACEPOINT,
            bpf_prog_type::BPF_PROG_TYPE_TRACEPOINT,
            bpf_prog_type::BPF_PROG_TYPE_TRACING,
        ];
        count += usize::from(kinds.iter().any(|one| *one as u32 == kind as u32));
    }
    count
}
