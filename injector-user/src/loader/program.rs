//! A loaded program and the links that attach it.

use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};

use aya_obj::generated::{BPF_F_BEFORE, bpf_attach_type, bpf_prog_type};

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
    RawTracepoint,
    /// Runs before a function, whose result it may be.
    FunctionReturn,
    /// A probe at a function, which it may make return.
    FunctionOverride,
    /// A hook of the BPF LSM.
    Lsm,
}

impl Role {
    /// The kernel's words for it.
    pub fn program_type(self) -> ProgramType {
        use bpf_attach_type as at;
        use bpf_prog_type::{
            BPF_PROG_TYPE_CGROUP_SOCK as SOCKET, BPF_PROG_TYPE_CGROUP_SOCK_ADDR as ADDRESS,
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
            // Raw tracepoints are told apart by name alone; 0 is what the kernel expects.
            Self::RawTracepoint => (TRACEPOINT, at::BPF_CGROUP_INET_INGRESS),
            Self::FunctionReturn => (FUNCTION, at::BPF_MODIFY_RETURN),
            // As above.
            Self::FunctionOverride => (PROBE, at::BPF_CGROUP_INET_INGRESS),
            Self::Lsm => (LSM, at::BPF_LSM_MAC),
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
    fd: OwnedFd,
}

impl Link {
    /// Puts another program of the same role into this place, without a moment between the two.
    pub fn replace(&self, program: &Program) -> Result<(), LinkError> {
        bpf::update_link(self.fd.as_fd(), program.as_fd()).map_err(|source| LinkError {
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
            .map(|fd| Link { fd })
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
        attached.map(|fd| Link { fd }).map_err(|source| LinkError {
            place: format!("the kernel's function `{function}`"),
            source,
        })
    }

    fn link(&self, target: u32, flags: u32) -> io::Result<Link> {
        let attach = self.role.program_type().attach;
        bpf::link(self.fd.as_fd(), target, attach, flags).map(|fd| Link { fd })
    }
}

impl AsFd for Program {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
