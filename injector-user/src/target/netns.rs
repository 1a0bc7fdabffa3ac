//! Network namespaces and their interfaces.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use injector_core::plan::{Interface, InterfaceKind, Namespace};
use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::{InterfaceFlags, if_nametoindex};
use nix::sys::socket::LinkAddr;
use thiserror::Error;

use super::links;
use crate::delay_line::is_line;
use crate::sys::netns::within;

/// The engine's own namespace, which it calls the host's.
const HERE: &str = "/proc/self/ns/net";

/// Where `ip netns` keeps names.
const NAMES: &str = "/run/netns";

/// `ARPHRD_*` of `include/uapi/linux/if_arp.h`.
const ETHERNET: u16 = 1;
const LOOPBACK: u16 = 772;
const NO_LINK_LAYER: u16 = 65534;
const OTHERS: [(u16, &str); 8] = [
    (512, "ppp"),
    (768, "ipip tunnel"),
    (769, "ip6 tunnel"),
    (776, "sit tunnel"),
    (778, "gre tunnel"),
    (801, "802.11"),
    (823, "ip6gre tunnel"),
    (NO_LINK_LAYER, "no link layer"),
];

/// A network namespace cannot be read or entered.
#[derive(Debug, Error)]
pub enum NetnsError {
    #[error("failed to open the network namespace {}", path.display())]
    Open {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("failed to enter the network namespace {}", path.display())]
    Enter {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("failed to list the interfaces of the network namespace {}", path.display())]
    List {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl NetnsError {
    /// Whether more rights would help.
    pub fn is_denied(&self) -> bool {
        match self {
            Self::Open { source, .. } | Self::Enter { source, .. } => {
                source.kind() == io::ErrorKind::PermissionDenied
            }
            Self::List { .. } => false,
        }
    }
}

/// Names of namespaces by inode, as `ip netns` keeps them; the first in alphabetical order if one
/// namespace has several.
pub(super) fn names() -> BTreeMap<u64, String> {
    let mut found = BTreeMap::new();
    // A host that has no names has no folder for them.
    let entries = fs::read_dir(NAMES).into_iter().flatten().flatten();
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        if let (Ok(found_there), Some(name)) = (fs::metadata(&path), path.file_name()) {
            let name = name.to_string_lossy().into_owned();
            found.entry(found_there.ino()).or_insert(name);
        }
    }
    found
}

/// Opens the namespace `inode`: where `path` leads, or by its name, or by somebody who is in it.
pub(crate) fn find_namespace(path: &Path, inode: u64) -> Option<File> {
    let processes = procfs::process::all_processes().ok();
    let processes = processes.into_iter().flatten().flatten();
    let named = names().remove(&inode);
    [path.to_owned()]
        .into_iter()
        .chain(named.map(|name| Path::new(NAMES).join(name)))
        .chain(processes.map(|one| PathBuf::from(format!("/proc/{}/ns/net", one.pid))))
        .filter_map(|path| File::open(path).ok())
        .find(|file| file.metadata().is_ok_and(|found| found.ino() == inode))
}

/// The handle that `text` means: a path, the pid of a process, or a name.
pub(super) fn handle(text: &str) -> PathBuf {
    let named = Path::new(NAMES).join(text);
    if text.starts_with('/') {
        PathBuf::from(text)
    } else if text.parse::<u32>().is_ok() && !named.exists() {
        PathBuf::from(format!("/proc/{text}/ns/net"))
    } else {
        named
    }
}

/// The namespace of the engine.
pub(super) fn host() -> Result<Namespace, NetnsError> {
    read_known(Path::new(HERE), &names())
}

/// The inode of the namespace of the engine.
pub(super) fn host_inode() -> Result<u64, NetnsError> {
    inode(Path::new(HERE))
}

/// A path that opens the namespace `inode`, which the process `pid` is in: by its name, if it has
/// one, since a name outlives the process.
pub(super) fn handle_of(inode: u64, pid: i32, names: &BTreeMap<u64, String>) -> PathBuf {
    match names.get(&inode) {
        Some(name) => Path::new(NAMES).join(name),
        None if host_inode().is_ok_and(|host| host == inode) => PathBuf::from(HERE),
        None => PathBuf::from(format!("/proc/{pid}/ns/net")),
    }
}

/// The namespace that `handle` opens; none if there is no such file.
pub(super) fn read(
    handle: &Path,
    names: &BTreeMap<u64, String>,
) -> Result<Option<Namespace>, NetnsError> {
    match read_known(handle, names) {
        Err(NetnsError::Open { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(None)
        }
        namespace => namespace.map(Some),
    }
}

fn read_known(handle: &Path, names: &BTreeMap<u64, String>) -> Result<Namespace, NetnsError> {
    let number = inode(handle)?;
    let is_host = number == host_inode()?;
    // Entering costs a thread.
    let interfaces = if is_host {
        interfaces()
    } else {
        interfaces_inside(handle)?
    };
    let mut interfaces = interfaces.map_err(|source| NetnsError::List {
        path: handle.to_owned(),
        source,
    })?;
    interfaces.retain(|interface| !is_line(&interface.name));
    Ok(Namespace {
        inode: number,
        name: names.get(&number).cloned(),
        handle: handle.to_string_lossy().into_owned(),
        is_host,
        interfaces,
        members: None,
    })
}

fn inode(path: &Path) -> Result<u64, NetnsError> {
    let found = fs::metadata(path).map_err(|source| NetnsError::Open {
        path: path.to_owned(),
        source,
    })?;
    Ok(found.ino())
}

fn interfaces_inside(handle: &Path) -> Result<io::Result<Vec<Interface>>, NetnsError> {
    let file = File::open(handle).map_err(|source| NetnsError::Open {
        path: handle.to_owned(),
        source,
    })?;
    within(file.as_fd(), interfaces).map_err(|source| NetnsError::Enter {
        path: handle.to_owned(),
        source,
    })
}

/// Whether packets at this interface of the calling thread's namespace begin with a link-layer header.
pub fn has_link_header(ifindex: u32) -> io::Result<bool> {
    let mut all = interfaces()?.into_iter();
    let found = all.find(|interface| interface.index == ifindex);
    let kind = found.ok_or(Errno::ENODEV)?.kind;
    Ok(!matches!(kind, InterfaceKind::Other(_)))
}

/// The interfaces of the calling thread's namespace, in the order of their numbers.
fn interfaces() -> io::Result<Vec<Interface>> {
    let parts = links::parts()?;
    let mut found = BTreeMap::new();
    for address in getifaddrs()? {
        let up = address.flags.contains(InterfaceFlags::IFF_UP);
        // Each interface has one entry with a link-layer address, or without any address if it has no
        // link layer (tun, WireGuard), beside one for each address of the network layer.
        let (index, kind) = match address.address {
            None => (if_nametoindex(&*address.interface_name)?, headless()),
            Some(other) => match other.as_link_addr() {
                Some(link) => (link_index(link)?, kind(link.hatype())),
                None => continue,
            },
        };
        let interface = Interface {
            name: address.interface_name,
            index,
            kind,
            up,
            part_of: parts.get(&index).copied(),
        };
        found.insert(index, interface);
    }
    Ok(found.into_values().collect())
}

fn link_index(link: &LinkAddr) -> io::Result<u32> {
    u32::try_from(link.ifindex()).map_err(io::Error::other)
}

/// The kind of an interface that has no address of its own.
fn headless() -> InterfaceKind {
    kind(NO_LINK_LAYER)
}

fn kind(hardware: u16) -> InterfaceKind {
    match hardware {
        ETHERNET => InterfaceKind::Ethernet,
        LOOPBACK => InterfaceKind::Loopback,
        other => {
            let known = OTHERS.iter().find(|(number, _)| *number == other);
            let name = known.map(|(_, name)| (*name).to_owned());
            InterfaceKind::Other(name.unwrap_or_else(|| format!("hardware type {other}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use injector_core::plan::InterfaceKind;

    use super::{NetnsError, handle, host, interfaces_inside, kind, names, read};

    #[test]
    fn the_host_has_a_loopback_interface() {
        let host = host().unwrap();
        assert!(host.is_host && host.inode > 0);
        let mut interfaces = host.interfaces.iter();
        let lo = interfaces.find(|interface| interface.name == "lo").unwrap();
        assert_eq!((lo.index, &lo.kind), (1, &InterfaceKind::Loopback));
    }

    #[test]
    fn a_name_a_path_and_a_pid_are_told_apart() {
        let check = |text, expected: &str| assert_eq!(handle(text), Path::new(expected));
        check("blue", "/run/netns/blue");
        check("/proc/7/ns/net", "/proc/7/ns/net");
        check("4711", "/proc/4711/ns/net");
        check("4711a", "/run/netns/4711a");
    }

    #[test]
    fn a_namespace_that_does_not_exist_is_none() {
        assert_eq!(read(&handle("no-such-namespace"), &names()).unwrap(), None);
    }

    #[test]
    fn what_is_no_namespace_cannot_be_entered() {
        let entered = interfaces_inside(Path::new("/proc/self/status"));
        assert!(
            matches!(entered, Err(NetnsError::Enter { .. })),
            "{entered:?}"
        );
    }

    #[test]
    fn interfaces_without_ethernet_headers_are_told_apart() {
        assert_eq!(kind(1), InterfaceKind::Ethernet);
        let other = |text: &str| InterfaceKind::Other(text.to_owned());
        assert_eq!(kind(65534), other("no link layer"));
        assert_eq!(kind(999), other("hardware type 999"));
    }
}
