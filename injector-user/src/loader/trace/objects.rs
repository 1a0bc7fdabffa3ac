//! Which programs each signal needs, and where they go.

use std::ffi::CStr;

use injector_core::telemetry::Signal;

use super::super::program::Role;

/// Some programs that are attached together.
#[derive(Debug)]
pub(super) struct Texts {
    pub(super) object: &'static str,
    pub(super) bytes: &'static [u8],
    /// In the order in which they are attached: what clears up first, what begins last.
    pub(super) places: &'static [Place],
}

/// Where one program goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// At a tracepoint.
    Tracepoint(&'static str, &'static CStr),
    /// At one of the scheduler whose arguments have types, by whichever program.
    Typed(&'static str, &'static str),
    /// Where packets leave and arrive at all cgroups.
    Packets(&'static str, Role),
}

macro_rules! object {
    ($name:literal) => {
        aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/", $name, ".o"))
    };
}

/// Follows processes that are observed by themselves.
pub(super) const FOLLOWING: Texts = Texts {
    object: "trace-follow",
    bytes: object!("trace-follow"),
    places: &[Place::Tracepoint("trace_fork", c"sched_process_fork")],
};

/// Forgets them when they end: after every other program there, which are run in the order in which they
/// were attached.
pub(super) const LEAVING: Texts = Texts {
    places: &[Place::Tracepoint("trace_leave", c"sched_process_exit")],
    ..FOLLOWING
};

pub(super) const SYSCALLS: Texts = Texts {
    object: "trace-syscalls",
    bytes: object!("trace-syscalls"),
    places: &[
        Place::Tracepoint("trace_moved", c"cgroup_attach_task"),
        Place::Tracepoint("trace_switch", c"sched_switch"),
        Place::Tracepoint("trace_exit", c"sys_exit"),
        Place::Tracepoint("trace_enter", c"sys_enter"),
    ],
};

const SCHEDULER: Texts = Texts {
    object: "trace-scheduler",
    bytes: object!("trace-scheduler"),
    places: &[
        Place::Typed("trace_wait", "sched_switch"),
        Place::Typed("trace_wakeup", "sched_wakeup"),
        Place::Typed("trace_wakeup", "sched_wakeup_new"),
    ],
};

const LIFE: Texts = Texts {
    object: "trace-life",
    bytes: object!("trace-life"),
    places: &[
        Place::Tracepoint("trace_end", c"sched_process_exit"),
        Place::Tracepoint("trace_exec", c"sched_process_exec"),
    ],
};

pub(super) const TCP: Texts = Texts {
    object: "trace-tcp",
    bytes: object!("trace-tcp"),
    places: &[
        Place::Tracepoint("trace_state", c"inet_sock_set_state"),
        Place::Tracepoint("trace_segment", c"tcp_probe"),
        Place::Tracepoint("trace_read", c"tcp_rcv_space_adjust"),
        Place::Tracepoint("trace_again", c"tcp_retransmit_skb"),
        Place::Tracepoint("trace_reset_sent", c"tcp_send_reset"),
        Place::Tracepoint("trace_reset_got", c"tcp_receive_reset"),
    ],
};

const BLOCK: Texts = Texts {
    object: "trace-block",
    bytes: object!("trace-block"),
    places: &[Place::Tracepoint("trace_done", c"block_rq_complete")],
};

const UDP: Texts = Texts {
    object: "trace-udp",
    bytes: object!("trace-udp"),
    places: &[
        Place::Packets("trace_received", Role::CgroupIngress),
        Place::Packets("trace_sent", Role::CgroupEgress),
    ],
};

const DNS: Texts = Texts {
    object: "trace-dns",
    bytes: object!("trace-dns"),
    places: &[
        Place::Packets("trace_answer", Role::CgroupIngress),
        Place::Packets("trace_question", Role::CgroupEgress),
    ],
};

/// What a signal needs; none for what user space reads.
pub(super) fn of(signal: Signal) -> Option<&'static Texts> {
    match signal {
        Signal::Syscalls => Some(&SYSCALLS),
        Signal::Scheduler => Some(&SCHEDULER),
        Signal::Life => Some(&LIFE),
        Signal::Tcp => Some(&TCP),
        Signal::Block => Some(&BLOCK),
        Signal::Udp => Some(&UDP),
        Signal::Dns => Some(&DNS),
        Signal::Resources => None,
    }
}
