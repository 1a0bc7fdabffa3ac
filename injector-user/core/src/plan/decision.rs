//! What will be done, as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::files::Files;
use super::inventory::Hierarchy;
use super::sites::Site;
use crate::fault::net::{Connections, Protocol};
use crate::fault::pressure::{Operations, Pattern};
use crate::fault::syscall::Syscall;
use crate::fault::{Kind, PortRange, Prefix};
use crate::words::words;

/// The decision the engine executes as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub kind: Kind,
    /// What was asked, in the words of [`crate::fault::schema`].
    pub fault: BTreeMap<String, String>,
    /// Who suffers, at the time of planning.
    pub who: Vec<Who>,
    /// Which of several things that matched; none where a target is one thing by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<Chosen>,
    /// By which mechanism, the main one if several take part.
    pub mechanism: Mechanism,
    /// What takes part beside it and the hooks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Mechanism>,
    /// Where programs are attached or files are written; never empty.
    pub hooks: Vec<Hook>,
    /// Which events at those hooks are the target's.
    pub select: Select,
    /// From arming to the first effect.
    pub delay_ns: u64,
    /// From the first effect to the last.
    pub duration_ns: u64,
    /// What the user should know before saying yes.
    pub warnings: Vec<String>,
}

impl Plan {
    /// Every mechanism that takes part, each once.
    pub fn mechanisms(&self) -> Vec<Mechanism> {
        let tracking = !self.select.thread_groups.is_empty();
        let mut all = vec![self.mechanism];
        let of_hooks = self.hooks.iter().filter_map(Hook::mechanism);
        let also = self.also.iter().copied().chain(of_hooks);
        all.extend(also.chain(tracking.then_some(Mechanism::ForkTracking)));
        all.extend(self.looks_sockets_up().then_some(Mechanism::SocketLookup));
        all.sort();
        all.dedup();
        all
    }

    /// Whether packets that arrive are told by their socket.
    fn looks_sockets_up(&self) -> bool {
        let by_socket = self.select.cgroup.is_some() || !self.select.thread_groups.is_empty();
        let arriving = |hook: &Hook| {
            matches!(
                hook,
                Hook::Tcx {
                    direction: Way::Ingress,
                    ..
                }
            )
        };
        by_socket && self.hooks.iter().any(arriving)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    Process { pid: i32, comm: String },
    Interface { name: String, netns: String },
}

/// What of that which matched a selector was chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    /// In the order of their names.
    pub things: Vec<Thing>,
    /// How many matched.
    pub of: usize,
    /// Decided the draw; none if nothing was drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

/// One container, unit or process with its descendants.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Thing {
    /// By which it is known again after a restart: `container web`, `unit /a.slice`, `process 123`.
    pub name: String,
    /// Its cgroups, as in `/proc/PID/cgroup`; none for a process.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cgroups: Vec<String>,
}

/// One way to do something to a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mechanism {
    /// Packets are dropped by a program at an interface.
    TcxLoss,
    /// Packets make a detour through a TAP device and wait there.
    TapDelay,
    /// Packets are copied by a program at an interface.
    TcxClone,
    /// Packets are changed by a program at an interface.
    TcxRewrite,
    /// Packets are turned into an answer to their sender.
    TcxAnswer,
    /// Open TCP connections are reset.
    SockDestroy,
    /// Socket calls of a cgroup are answered with an errno.
    CgroupSock,
    FreezerV2,
    FreezerV1,
    /// Signals through descriptors of processes.
    Pidfd,
    /// Children of target processes become targets.
    ForkTracking,
    /// Packets that arrive are told by the socket that they are for.
    SocketLookup,
    /// Sockets of target processes are marked.
    SocketStorage,
    /// A system call's function is replaced by its result (`fmod_ret`).
    SyscallReturn,
    /// A probe makes a system call's function return.
    SyscallOverride,
    /// A security hook that system calls pass is replaced by its result (`fmod_ret`).
    SecurityReturn,
    /// A program of the BPF LSM answers at such a hook.
    SecurityLsm,
    /// A filter of the command's own tells the engine of its system calls, which answers.
    Seccomp,
    /// A program at the tracepoint that system calls pass when they have been made.
    SyscallExit,
    /// Calls about options of a cgroup's sockets are answered with an errno.
    CgroupOption,
    /// A probe at an instruction of the target's own program or library changes its registers.
    Uprobe,
    /// A system call's function is left (`fmod_ret`), its caller sleeps, and the call is made once more.
    SleepAtCall,
    /// A program of the BPF LSM sleeps at a security hook.
    SleepInLsm,
    /// The same as at the call's function, at the security hook of transfers.
    SleepAtHook,
    /// Several programs at a system call's function each let one caller sleep at a time on each processor.
    SleepInTurn,
    /// A caller is kept busy at a security hook.
    SpinAtHook,
    /// A caller sleeps that has made its call, as it leaves the call's function (`fexit`).
    SleepOnReturn,
    /// The same where all calls pass that have been made.
    SleepAfter,
    /// A process of ours calculates.
    CpuWorker,
    /// A process of ours holds memory.
    MemoryWorker,
    /// A process of ours reads and writes a file without a name.
    DiskWorker,
    /// A process of ours holds a file without a name.
    FillWorker,
    /// `cpu.max`.
    CpuV2,
    /// `cpu.cfs_quota_us`.
    CpuV1,
    /// `memory.high` and `memory.max`.
    MemoryV2,
    /// `memory.limit_in_bytes`.
    MemoryV1,
    /// `io.max`.
    IoV2,
}

words!(Mechanism, "a mechanism", {
    TcxLoss => "tcx",
    TapDelay => "tap-line",
    TcxClone => "tcx-clone",
    TcxRewrite => "tcx-rewrite",
    TcxAnswer => "tcx-answer",
    SockDestroy => "sock-destroy",
    CgroupSock => "cgroup-sock",
    FreezerV2 => "freezer-v2",
    FreezerV1 => "freezer-v1",
    Pidfd => "pidfd",
    ForkTracking => "fork-tracking",
    SocketLookup => "socket-lookup",
    SocketStorage => "socket-storage",
    SyscallReturn => "fmod-ret",
    SyscallOverride => "kprobe",
    SecurityReturn => "security",
    SecurityLsm => "lsm",
    Seccomp => "seccomp",
    SyscallExit => "sys-exit",
    CgroupOption => "cgroup-sockopt",
    Uprobe => "uprobe",
    SleepAtCall => "sleep-at-call",
    SleepInLsm => "sleep-in-lsm",
    SleepAtHook => "sleep-at-hook",
    SleepInTurn => "sleep-in-turn",
    SpinAtHook => "spin",
    SleepOnReturn => "sleep-on-return",
    SleepAfter => "sleep-after",
    CpuWorker => "cpu-worker",
    MemoryWorker => "memory-worker",
    DiskWorker => "disk-worker",
    FillWorker => "fill-worker",
    CpuV2 => "cpu-v2",
    CpuV1 => "cpu-v1",
    MemoryV2 => "memory-v2",
    MemoryV1 => "memory-v1",
    IoV2 => "io-v2",
});

/// A place in the kernel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Hook {
    Tcx {
        /// A path to open, to enter the network namespace.
        netns: String,
        /// To make sure that it is still the same.
        netns_inode: u64,
        ifindex: u32,
        interface: String,
        loopback: bool,
        direction: Way,
    },
    Cgroup {
        /// In the v2 hierarchy.
        path: String,
        /// To tell it from another one of that path, before or after.
        id: u64,
        attach: Attach,
    },
    /// Where the sockets that target processes make are marked.
    Sockets {
        /// In the v2 hierarchy.
        path: String,
        /// As above.
        id: u64,
    },
    Freezer {
        /// [`Hierarchy::V2`] or [`Hierarchy::V1Freezer`].
        hierarchy: Hierarchy,
        path: String,
        /// As above.
        id: u64,
    },
    /// Whoever is in this cgroup, and below it, when a signal is sent.
    Members { hierarchy: Hierarchy, path: String },
    /// This process and all that it and its children start.
    Family {
        pid: i32,
        /// In clock ticks after boot; with the pid it is unique.
        start_time: u64,
    },
    /// Wherever a function of the kernel is called.
    Function {
        function: String,
        entry: Entry,
        /// Where it is said how many bytes it is about, if that matters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        count: Option<Count>,
        /// What the call is about, if that matters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subject: Option<Subject>,
    },
    /// Wherever a system call has been made.
    Exit {
        syscall: Syscall,
        /// Whether the caller sleeps there.
        #[serde(default, skip_serializing_if = "is_default")]
        sleeps: bool,
        /// As above.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        count: Option<Count>,
        /// As above.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subject: Option<Subject>,
    },
    /// Instructions of a file from which processes make a system call.
    Instructions {
        site: Site,
        /// Whose, at the beginning.
        processes: Vec<i32>,
        /// As above.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        count: Option<Count>,
        /// As above.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subject: Option<Subject>,
    },
    /// System calls of a command, and of all it starts, by a filter that it is started with.
    Filter {
        /// The cgroup that the command is started in, in the v2 hierarchy.
        path: String,
        /// As above.
        id: u64,
    },
    /// Workers of our own.
    Workers {
        /// None for a cgroup that is made for them, as for the host as a whole.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        place: Option<Place>,
        task: Task,
    },
    /// A file in the folder of a cgroup.
    Setting {
        hierarchy: Hierarchy,
        path: String,
        /// As above.
        id: u64,
        /// Its name, such as `cpu.max`.
        file: String,
        /// The line of it that is meant, by its first word, such as `8:0` of `io.max`; empty for a file of
        /// one line.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        key: String,
        /// What it shows now, and will show again.
        before: String,
        /// What it shows meanwhile.
        during: String,
    },
}

/// Where it is said how many bytes a system call is about; arguments count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Count {
    /// In this argument of the call.
    Argument(u8),
    /// In pieces of memory to which this argument of the call points, as many as the next one says.
    Pieces(u8),
    /// In this argument of a security hook, in pages.
    Pages(u8),
    /// Where the number of the call tells, of several calls that pass a security hook.
    Call,
}

/// What a system call is about, and which argument that is, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A descriptor, of the call itself; the others are arguments of a security hook.
    Descriptor(u8),
    /// `struct file *`.
    File(u8),
    /// `struct dentry *`.
    Dentry(u8),
    /// `struct path *`.
    Path(u8),
    /// `struct file *`, if it is being opened to be written to.
    Writer(u8),
}

/// How a program gets between a function of the kernel and its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entry {
    /// `fmod_ret`.
    Return,
    /// A kprobe that overrides the result.
    Override,
    /// The BPF LSM.
    Lsm,
    /// `fmod_ret`, by which the call is left and made once more.
    Again,
    /// A program of the BPF LSM that may sleep.
    LsmSleeping,
    /// `fmod_ret` that lets the call pass, after a moment.
    Spin,
    /// Several `fmod_ret` that may sleep, each for one caller at a time on each processor.
    InTurn,
    /// `fexit`.
    Exit,
}

words!(Entry, "a way into a function", {
    Return => "fmod-ret",
    Override => "kprobe",
    Lsm => "lsm",
    Again => "fmod-ret-again",
    LsmSleeping => "lsm-sleeping",
    Spin => "spin",
    InTurn => "fmod-ret-s",
    Exit => "fexit",
});

impl Hook {
    /// Whether it is a security hook, which several system calls pass.
    pub fn is_security(&self) -> bool {
        matches!(self, Self::Function { function, .. } if function.starts_with("security_"))
    }

    /// None where it depends on what is done there, which the plan says.
    pub(super) fn mechanism(&self) -> Option<Mechanism> {
        match self {
            Self::Tcx { .. } | Self::Setting { .. } => None,
            Self::Cgroup { attach, .. } => Some(match attach {
                Attach::Connect | Attach::Bind | Attach::Sendmsg | Attach::Socket => {
                    Mechanism::CgroupSock
                }
                Attach::Setsockopt | Attach::Getsockopt => Mechanism::CgroupOption,
            }),
            Self::Sockets { .. } => Some(Mechanism::SocketStorage),
            Self::Freezer { hierarchy, .. } => Some(match hierarchy {
                Hierarchy::V2 => Mechanism::FreezerV2,
                Hierarchy::V1Freezer | Hierarchy::V1Other(_) => Mechanism::FreezerV1,
            }),
            Self::Members { .. } | Self::Family { .. } => Some(Mechanism::Pidfd),
            Self::Function { entry, .. } => Some(match entry {
                Entry::Return if self.is_security() => Mechanism::SecurityReturn,
                Entry::Return => Mechanism::SyscallReturn,
                Entry::Override => Mechanism::SyscallOverride,
                Entry::Lsm => Mechanism::SecurityLsm,
                Entry::Again if self.is_security() => Mechanism::SleepAtHook,
                Entry::Again => Mechanism::SleepAtCall,
                Entry::LsmSleeping => Mechanism::SleepInLsm,
                Entry::InTurn => Mechanism::SleepInTurn,
                Entry::Spin => Mechanism::SpinAtHook,
                Entry::Exit => Mechanism::SleepOnReturn,
            }),
            Self::Instructions { .. } => Some(Mechanism::Uprobe),
            Self::Exit { sleeps: true, .. } => Some(Mechanism::SleepAfter),
            Self::Exit { .. } => Some(Mechanism::SyscallExit),
            Self::Filter { .. } => Some(Mechanism::Seccomp),
            Self::Workers { task, .. } => Some(task.mechanism()),
        }
    }
}

/// The cgroup that workers are put into.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    pub hierarchy: Hierarchy,
    pub path: String,
    /// To tell it from another one of that path, before or after.
    pub id: u64,
}

/// What the workers at one place do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Task {
    Cpu {
        workers: u32,
        /// Of one processor, in hundredths of a percent.
        load: u16,
    },
    Memory {
        bytes: u64,
        /// What must stay available to the host.
        reserve: u64,
        ramp_ns: u64,
        pattern: Pattern,
        oom_score: Option<i32>,
    },
    Disk {
        path: String,
        /// In whose root the path is looked up; none for ours.
        seen_by: Option<i32>,
        workers: u32,
        operations: Operations,
        block: u64,
        bytes: u64,
        /// Bytes in a second.
        rate: Option<u64>,
        /// What must stay available on the file system.
        reserve: u64,
    },
    Fill {
        path: String,
        /// As above.
        seen_by: Option<i32>,
        bytes: u64,
        /// As above.
        reserve: u64,
    },
}

impl Task {
    pub fn mechanism(&self) -> Mechanism {
        match self {
            Self::Cpu { .. } => Mechanism::CpuWorker,
            Self::Memory { .. } => Mechanism::MemoryWorker,
            Self::Disk { .. } => Mechanism::DiskWorker,
            Self::Fill { .. } => Mechanism::FillWorker,
        }
    }
}

/// Which way packets pass an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    Egress,
    Ingress,
}

words!(Way, "a way through an interface", { Egress => "egress", Ingress => "ingress" });

/// Which call of a cgroup's sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attach {
    Connect,
    Bind,
    Sendmsg,
    Socket,
    Setsockopt,
    Getsockopt,
}

words!(Attach, "a call", {
    Connect => "connect",
    Bind => "bind",
    Sendmsg => "sendmsg",
    Socket => "socket",
    Setsockopt => "setsockopt",
    Getsockopt => "getsockopt",
});

/// Restrictions that must all hold; an empty one does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Select {
    /// The socket's cgroup is this one or below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<CgroupId>,
    /// The caller is one of these processes or a descendant; needs fork tracking.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub thread_groups: Vec<i32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<Prefix>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<PortRange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    #[serde(skip_serializing_if = "is_default")]
    pub connections: Connections,
    /// The call is one of these, by their numbers; needed where several pass one place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub syscalls: Vec<u16>,
    /// The call is about one of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<Files>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A cgroup of the v2 hierarchy as the kernel knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CgroupId {
    pub id: u64,
    pub path: String,
}

impl CgroupId {
    /// How far below the root it is, as for `bpf_skb_ancestor_cgroup_id`; the root is 0.
    pub fn level(&self) -> usize {
        self.path.split('/').filter(|part| !part.is_empty()).count()
    }
}
