//! The names of the faults.

use crate::words::words;

/// Which fault: `<what>.<suffers>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    NetLoss,
    NetDelay,
    NetDuplicate,
    NetCorrupt,
    NetRate,
    NetPartition,
    SockError,
    ProcessFreeze,
    ProcessSignal,
    SyscallError,
    SyscallDelay,
    ProcessCrash,
    ProcessFdLimit,
    ProcessForkError,
    MemoryError,
    DiskError,
    DiskFull,
    DiskReadonly,
    DiskSlow,
    CpuStress,
    MemoryStress,
    DiskStress,
    DiskFill,
    CpuLimit,
    MemoryLimit,
}

words!(Kind, "a fault", {
    NetLoss => "net.loss",
    NetDelay => "net.delay",
    NetDuplicate => "net.duplicate",
    NetCorrupt => "net.corrupt",
    NetRate => "net.rate",
    NetPartition => "net.partition",
    SockError => "sock.error",
    ProcessFreeze => "process.freeze",
    ProcessSignal => "process.signal",
    SyscallError => "syscall.error",
    SyscallDelay => "syscall.delay",
    ProcessCrash => "process.crash",
    ProcessFdLimit => "process.fd_limit",
    ProcessForkError => "process.fork_error",
    MemoryError => "memory.error",
    DiskError => "disk.error",
    DiskFull => "disk.full",
    DiskReadonly => "disk.readonly",
    DiskSlow => "disk.slow",
    CpuStress => "cpu.stress",
    MemoryStress => "memory.stress",
    DiskStress => "disk.stress",
    DiskFill => "disk.fill",
    CpuLimit => "cpu.limit",
    MemoryLimit => "memory.limit",
});

impl Kind {
    /// Whether it is packets that suffer.
    pub fn is_of_packets(self) -> bool {
        matches!(
            self,
            Self::NetLoss
                | Self::NetDelay
                | Self::NetDuplicate
                | Self::NetCorrupt
                | Self::NetRate
                | Self::NetPartition
        )
    }

    /// Whether it is made of system calls that suffer.
    pub fn is_of_calls(self) -> bool {
        matches!(
            self,
            Self::SyscallError
                | Self::SyscallDelay
                | Self::ProcessCrash
                | Self::ProcessFdLimit
                | Self::ProcessForkError
                | Self::MemoryError
                | Self::DiskError
                | Self::DiskFull
                | Self::DiskReadonly
                | Self::DiskSlow
        )
    }

    /// Whether callers sleep.
    pub fn is_of_sleep(self) -> bool {
        matches!(self, Self::SyscallDelay | Self::DiskSlow)
    }

    /// Whether workers of our own use something up.
    pub fn is_of_pressure(self) -> bool {
        matches!(
            self,
            Self::CpuStress | Self::MemoryStress | Self::DiskStress | Self::DiskFill
        )
    }

    /// Whose settings it is that change, by the names in `cgroup.controllers`, of version 2 and of
    /// version 1. Of `disk.slow` it depends on what is asked: [`super::limit::Limit::controllers`].
    pub fn controllers(self) -> Option<[&'static str; 2]> {
        match self {
            Self::CpuLimit => Some(["cpu", "cpu"]),
            Self::MemoryLimit => Some(["memory", "memory"]),
            _without_settings => None,
        }
    }

    /// One line for `--help`.
    pub fn summary(self) -> &'static str {
        match self {
            Self::NetLoss => "drop packets, one by one or in bursts, as a bad line does",
            Self::NetDelay => "hold packets back for a while, as a long line does",
            Self::NetDuplicate => "send packets twice",
            Self::NetCorrupt => {
                "flip bits of packets, noticed by the receiver's kernel or by nobody"
            }
            Self::NetRate => "let packets pass no faster than a narrow line does",
            Self::NetPartition => "cut the target off from its peers, or from some of them",
            Self::SockError => "let connect, bind, sendmsg or socket fail with an errno",
            Self::ProcessFreeze => "freeze all processes of a cgroup in pulses",
            Self::ProcessSignal => {
                "send a signal to all processes of the target, once or in rounds"
            }
            Self::SyscallError => {
                "let system calls fail with an errno, or succeed without having done anything"
            }
            Self::SyscallDelay => "let system calls take longer, while their callers sleep",
            Self::ProcessCrash => {
                "kill a process exactly before, or exactly after, one of its system calls"
            }
            Self::ProcessFdLimit => "let no file, socket or pipe be opened any more",
            Self::ProcessForkError => "let no process and no thread be made any more",
            Self::MemoryError => "let the kernel give no more memory",
            Self::DiskError => "let reading, writing or syncing files fail",
            Self::DiskFull => "let a file system be full, at once or after so many bytes",
            Self::DiskReadonly => "let nothing of a file system be changed any more",
            Self::DiskSlow => {
                "let reading, writing or syncing files take longer, or let a disk give less"
            }
            Self::CpuStress => "use up processor time in the target's cgroup, or the host's",
            Self::MemoryStress => "use up memory in the target's cgroup, or the host's",
            Self::DiskStress => "keep a disk busy with reads and writes",
            Self::DiskFill => "take room on a file system",
            Self::CpuLimit => "let a cgroup have no more than a share of the processors",
            Self::MemoryLimit => "let a cgroup have no more than so much memory",
        }
    }
}
