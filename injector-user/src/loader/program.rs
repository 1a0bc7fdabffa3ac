//! A loaded program and the links that attach it.

use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};

use aya_obj::generated::{BPF_F_BEFORE, bpf_attach_type, bpf_prog_type};

use super::stub::{Stub, takes_no_links};
use crate::filters::hang_at_own;
use crate::sys::bpf::{self, ProgramType};
use crate::sys::probe;

/// Where a program is meant to be attached, which decides how it is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    InterfaceEgress,
    InterfaceIngress,
    Connect4,
    Connect6,
    Bind4,
    Bind6,
    Sendmsg4,
    Sendmsg6,
    SocketCreate,
    Setsockopt,
    Getsockopt,
    /// Packets that leave a cgroup's sockets, or arrive at them.
    CgroupEgress,
    CgroupIngress,
    RawTracepoint,
    /// Runs before a function, whose result it may be.
    FunctionReturn,
    /// The same for a program that may sleep.
    FunctionReturnSleeping,
    /// Runs before a function and those whose result may be its.
    FunctionEntry,
    /// Runs after a function.
    FunctionExit,
    /// A probe at a function, which it may make return.
    FunctionOverride,
    /// A hook of the BPF LSM.
    Lsm,
    /// The same for a program that may sleep.
    LsmSleeping,
    /// A tracepoint whose arguments have types.
    TypedTracepoint,
    /// A probe at instructions of a program.
    Instructions,
}

impl Role {
    /// Whether its programs run for packets, in nobody's name.
    pub(super) fn is_at_interface(self) -> bool {
        matches!(self, Self::InterfaceEgress | Self::InterfaceIngress)
    }

    /// Whether its programs may wait.
    pub(super) fn sleeps(self) -> bool {
        matches!(self, Self::LsmSleeping | Self::FunctionReturnSleeping)
    }

    /// The kernel's words for it when it is loaded: programs for packets are of one kind, wherever they
    /// will be attached, so that all fit into one array.
    pub(super) fn loaded_type(self) -> ProgramType {
        let kind = self.program_type();
        let attach = if self.is_at_interface() {
            bpf_attach_type::BPF_CGROUP_INET_INGRESS
        } else {
            kind.attach
        };
        ProgramType { attach, ..kind }
    }

    /// The kernel's words for it.
    pub fn program_type(self) -> ProgramType {
        use bpf_attach_type as at;
        use bpf_prog_type::{
            BPF_PROG_TYPE_CGROUP_SKB as CGROUP_PACKET, BPF_PROG_TYPE_CGROUP_SOCK as SOCKET,
            BPF_PROG_TYPE_CGROUP_SOCK_ADDR as ADDRESS, BPF_PROG_TYPE_CGROUP_SOCKOPT as OPTION,
            BPF_PROG_TYPE_KPROBE as PROBE, BPF_PROG_TYPE_LSM as LSM,
            BPF_PROG_TYPE_RAW_TRACEPOINT as TRACEPOINT, BPF_PROG_TYPE_SCHED_CLS as PACKET,
            BPF_PROG_TYPE_TRACING as FUNCTION,
        };
        let (kind, attach) = match self {
            Self::InterfaceEgress => (PACKET, at::BPF_TCX_EGRESS),
            Self::InterfaceIngress => (PACKET, at::BPF_TCX_INGRESS),
            Self::Connect4 => (ADDRESS, at::BPF_CGROUP_INET4_CONNECT),
            Self::Connect6 => (ADDRESS, at::BPF_CGROUP_INET6_CONNECT),
            Self::Bind4 => (ADDRESS, at::BPF_CGROUP_INET4_BIND),
            Self::Bind6 => (ADDRESS, at::BPF_CGROUP_INET6_BIND),
            Self::Sendmsg4 => (ADDRESS, at::BPF_CGROUP_UDP4_SENDMSG),
            Self::Sendmsg6 => (ADDRESS, at::BPF_CGROUP_UDP6_SENDMSG),
            Self::SocketCreate => (SOCKET, at::BPF_CGROUP_INET_SOCK_CREATE),
            Self::Setsockopt => (OPTION, at::BPF_CGROUP_SETSOCKOPT),
            Self::Getsockopt => (OPTION, at::BPF_CGROUP_GETSOCKOPT),
            Self::CgroupEgress => (CGROUP_PACKET, at::BPF_CGROUP_INET_EGRESS),
            Self::CgroupIngress => (CGROUP_PACKET, at::BPF_CGROUP_INET_INGRESS),
            // Raw tracepoints are told apart by name alone; 0 is what the kernel expects.
            Self::RawTracepoint => (TRACEPOINT, at::BPF_CGROUP_INET_INGRESS),
            Self::FunctionReturn | Self::FunctionReturnSleeping => {
                (FUNCTION, at::BPF_MODIFY_RETURN)
            }
            Self::FunctionEntry => (FUNCTION, at::BPF_TRACE_FENTRY),
            Self::FunctionExit => (FUNCTION, at::BPF_TRACE_FEXIT),
            // As above.
            Self::FunctionOverride => (PROBE, at::BPF_CGROUP_INET_INGRESS),
            Self::Lsm | Self::LsmSleeping => (LSM, at::BPF_LSM_MAC),
            Self::TypedTracepoint => (FUNCTION, at::BPF_TRACE_RAW_TP),
            Self::Instructions => (PROBE, at::BPF_TRACE_UPROBE_MULTI),
        };
        ProgramType { kind, attach }
    }
}

/// A program the kernel has accepted. Dropping it unloads it, unless a link still holds it.
#[derive(Debug)]
pub struct Program {
    fd: OwnedFd,
    role: Role,
}

/// An attachment. Dropping it detaches; so does the end of this process, however it comes.
#[derive(Debug)]
pub struct Link {
    kept: Kept,
}

/// What an attachment goes with.
#[derive(Debug)]
enum Kept {
    Fd(OwnedFd),
    Stub(Stub),
    /// The interface, which is ours.
    Interface,
}

impl From<OwnedFd> for Link {
    fn from(fd: OwnedFd) -> Self {
        Self { kept: Kept::Fd(fd) }
    }
}

impl From<Stub> for Link {
    fn from(stub: Stub) -> Self {
        Self {
            kept: Kept::Stub(stub),
        }
    }
}

impl Link {
    /// Puts another program of the same role into this place, without a moment between the two.
    pub fn replace(&self, program: &Program) -> Result<(), LinkError> {
        let replaced = match &self.kept {
            Kept::Fd(fd) => bpf::update_link(fd.as_fd(), program.as_fd()),
            Kept::Stub(stub) => stub.jump_to(program),
            Kept::Interface => Err(io::ErrorKind::Unsupported.into()),
        };
        replaced.map_err(|source| LinkError {
            place: "the place of another".to_owned(),
            source,
        })
    }
}

/// Why a program could not be attached.
#[derive(Debug, thiserror::Error)]
#[error("failed to attach a kernel program to {place}")]
pub struct LinkError {
    pub place: String,
    #[source]
    pub source: io::Error,
}

impl Program {
    pub(super) fn new(fd: OwnedFd, role: Role) -> Self {
        Self { fd, role }
    }

    /// Attaches in front of what is there. The caller is in the interface's namespace.
    pub fn attach_to_interface(&self, ifindex: u32) -> Result<Link, LinkError> {
        self.link(ifindex, BPF_F_BEFORE)
            .map_err(|source| LinkError {
                place: format!("interface {ifindex}"),
                source,
            })
    }

    /// The same at an interface that is ours, and takes what is attached there with it.
    pub fn attach_to_own_interface(&self, ifindex: u32) -> Result<Link, LinkError> {
        match self.attach_to_interface(ifindex) {
            Err(error) if takes_no_links(&error) => {
                let hung = hang_at_own(ifindex, self.as_fd());
                hung.map_err(|source| LinkError {
                    source: source.into(),
                    ..error
                })?;
                let kept = Kept::Interface;
                Ok(Link { kept })
            }
            attached => attached,
        }
    }

    /// Attaches to a cgroup, beside whatever others have attached there.
    pub fn attach_to_cgroup(&self, cgroup: BorrowedFd<'_>, path: &str) -> Result<Link, LinkError> {
        self.link(cgroup.as_raw_fd().cast_unsigned(), 0)
            .map_err(|source| LinkError {
                place: format!("cgroup `{path}`"),
                source,
            })
    }

    /// Attaches to a raw tracepoint.
    pub fn attach_to_tracepoint(&self, name: &std::ffi::CStr) -> Result<Link, LinkError> {
        bpf::raw_tracepoint(self.fd.as_fd(), name)
            .map(Link::from)
            .map_err(|source| LinkError {
                place: format!("tracepoint {name:?}"),
                source,
            })
    }

    /// Attaches to the function that it was loaded for, or to a probe at it.
    pub fn attach_to_function(&self, function: &str) -> Result<Link, LinkError> {
        let attached = match self.role {
            Role::FunctionOverride => probe::attach(self.fd.as_fd(), function),
            _ => bpf::function(self.fd.as_fd()),
        };
        attached.map(Link::from).map_err(|source| LinkError {
            place: format!("the kernel's function `{function}`"),
            source,
        })
    }

    /// Attaches to instructions of an open file, for one process that has it mapped or will have.
    pub fn attach_to_instructions(
        &self,
        file: BorrowedFd<'_>,
        offsets: &[u64],
        process: i32,
    ) -> Result<Link, LinkError> {
        let attached = bpf::instructions(self.fd.as_fd(), file, offsets, process);
        attached.map(Link::from).map_err(|source| LinkError {
            place: format!("instructions of process {process}"),
            source,
        })
    }

    /// How often it was not run, as it was at work on the same processor already. Where one sleeps, another
    /// takes its turn, and nothing is missed.
    pub(super) fn misses(&self) -> u64 {
        if self.role == Role::FunctionReturnSleeping {
            return 0;
        }
        // Known of every program that the kernel has taken.
        bpf::misses(self.fd.as_fd()).unwrap_or_default()
    }

    fn link(&self, target: u32, flags: u32) -> io::Result<Link> {
        let attach = self.role.program_type().attach;
        bpf::link(self.fd.as_fd(), target, attach, flags).map(Link::from)
    }
}

impl AsFd for Program {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
