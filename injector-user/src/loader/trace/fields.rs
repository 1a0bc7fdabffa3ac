//! Where this kernel keeps what programs of observers read, and the numbers of its tracepoints.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use injector_abi::trace::Fields;

use super::super::btf::{Btf, BtfError, TYPEDEF, running};

/// What is found in the kernel's description of itself.
#[derive(Debug)]
pub(super) struct Described {
    /// What a kernel does not have lies nowhere: reading there gives nothing.
    pub(super) fields: Fields,
    tracepoints: BTreeMap<String, u32>,
}

/// How the names begin of the types of tracepoints.
const TRACEPOINT: &str = "btf_trace_sched_";

/// So far from any structure that the kernel has nothing there.
const NOWHERE: u32 = 1 << 31;

impl Described {
    /// Of the running kernel, which stays as it is: reading it takes some milliseconds, the first time.
    pub(super) fn known() -> Result<&'static Self, BtfError> {
        static KNOWN: OnceLock<Described> = OnceLock::new();
        if let Some(known) = KNOWN.get() {
            return Ok(known);
        }
        let read = Self::read()?;
        Ok(KNOWN.get_or_init(|| read))
    }

    fn read() -> Result<Self, BtfError> {
        let bytes = running()?;
        let btf = Btf::open(&bytes, &STRUCTURES)?;
        Ok(Self {
            fields: fields(&btf),
            tracepoints: btf.named(&[(TYPEDEF, TRACEPOINT)])?,
        })
    }

    /// The number of the type of a tracepoint of the scheduler.
    pub(super) fn tracepoint(&self, name: &str) -> Option<u32> {
        self.tracepoints.get(&format!("btf_trace_{name}")).copied()
    }
}

const STRUCTURES: [&str; 12] = [
    "task_struct",
    "signal_struct",
    "sock",
    "sock_common",
    "tcp_sock",
    "request",
    "bio",
    "blkcg_gq",
    "blkcg",
    "cgroup_subsys_state",
    "inet_sock",
    "inet_connection_sock",
];

fn fields(btf: &Btf<'_>) -> Fields {
    let at = |structure, member| {
        let found = btf.offsets(structure, [member]);
        found.map_or(NOWHERE, |[offset]| offset)
    };
    Fields {
        exit_code: at("task_struct", "exit_code"),
        // Called otherwise before 5.14.
        state: at("task_struct", "__state").min(at("task_struct", "state")),
        signals: at("task_struct", "signal"),
        oom_memory: at("signal_struct", "oom_mm"),
        // A socket begins with what all have in common.
        family: at("sock_common", "skc_family"),
        peer4: at("sock_common", "skc_daddr"),
        peer6: at("sock_common", "skc_v6_daddr"),
        peer_port: at("sock_common", "skc_dport"),
        own_port: at("sock_common", "skc_num"),
        error: at("sock", "sk_err"),
        flags: at("sock_common", "skc_flags"),
        bytes_sent: at("tcp_sock", "bytes_sent"),
        bytes_again: at("tcp_sock", "bytes_retrans"),
        bytes_received: at("tcp_sock", "bytes_received"),
        round_trip: at("tcp_sock", "srtt_us"),
        retransmitted: at("tcp_sock", "total_retrans"),
        operation: at("request", "cmd_flags"),
        started: at("request", "start_time_ns"),
        length: at("request", "__data_len"),
        bio: at("request", "bio"),
        bio_group: at("bio", "bi_blkg"),
        group_cgroup: at("blkcg_gq", "blkcg"),
        css_cgroup: sum(at("blkcg", "css"), at("cgroup_subsys_state", "cgroup")),
    }
}

fn sum(outer: u32, inner: u32) -> u32 {
    if outer == NOWHERE || inner == NOWHERE {
        NOWHERE
    } else {
        outer + inner
    }
}
