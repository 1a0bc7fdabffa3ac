//! What a fault on a network namespace must leave alone, so that nobody is locked out of the host.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use netlink_packet_sock_diag::constants::TCP_LISTEN;
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetResponse, StateFlags};
use procfs::net::{TcpNetEntry, TcpState, UdpNetEntry};
use procfs::process::{Process, all_processes};
use procfs::{ProcError, ProcResult};
use serde::Serialize;
use thiserror::Error;

use crate::sys::netns::within;
use crate::target::{SocketsError, is_own_namespace, netns_of, tcp_sockets};

/// Lock-out protection could not be worked out, so no fault may touch the namespace.
#[derive(Debug, Error)]
pub enum LockoutError {
    #[error("failed to read the network namespace {}", path.display())]
    Namespace {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("failed to read the sockets of the protected process {pid}")]
    Sockets {
        pid: i32,
        #[source]
        source: ProcError,
    },
    #[error("SSH_CONNECTION is {text:?}, not two addresses with their ports")]
    Ssh { text: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    Tcp,
    Udp,
}

/// A port of this host that must stay reachable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct LocalPort {
    pub transport: Transport,
    pub port: u16,
}

/// One connection that must not suffer. IPv4 addresses are never written as mapped IPv6 ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Flow {
    pub transport: Transport,
    pub local: SocketAddr,
    pub remote: SocketAddr,
}

/// What to leave alone in one network namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Exemptions {
    pub ports: BTreeSet<LocalPort>,
    pub flows: BTreeSet<Flow>,
}

/// Works out what to leave alone in the namespace that `namespace` (a path such as
/// `/proc/self/ns/net`) opens: the client's own SSH connection, as its variable `SSH_CONNECTION`
/// tells it, and the sockets of the `protected` processes that live there.
///
/// If a protected process hides its sockets from us, all that no other process holds count as its.
/// One that vanishes meanwhile is not an error.
pub fn exemptions(
    ssh_connection: Option<&str>,
    namespace: &Path,
    protected: impl IntoIterator<Item = i32>,
) -> Result<Exemptions, LockoutError> {
    let inode = fs::metadata(namespace).map_err(|source| LockoutError::Namespace {
        path: namespace.to_owned(),
        source,
    })?;
    let mut exemptions = Exemptions::default();
    exemptions
        .flows
        .extend(ssh_connection.map(ssh_flow).transpose()?);
    let place = Place {
        path: namespace,
        inode: inode.ino(),
    };
    let mut owned = Owned::default();
    let mut tables = None;
    for pid in protected {
        match look_at(pid, &place, &mut owned, &mut tables) {
            Ok(()) | Err(ProcError::NotFound(_)) => {}
            Err(source) => return Err(LockoutError::Sockets { pid, source }),
        }
    }
    if let Some(tables) = &tables {
        exemptions.add(tables, &owned);
    }
    Ok(exemptions)
}

/// Adds what `pid` holds, if it lives in `place`, and reads the tables of `place` for the first that
/// holds anything.
fn look_at(
    pid: i32,
    place: &Place<'_>,
    owned: &mut Owned,
    tables: &mut Option<Tables>,
) -> ProcResult<()> {
    let process = Process::new(pid)?;
    if netns_of(pid) != Some(place.inode) {
        return Ok(());
    }
    match sockets(pid) {
        Ok(sockets) if sockets.is_empty() => return Ok(()),
        Ok(sockets) => owned.shown.extend(sockets),
        // It has more rights than we have. What nobody else holds may be its.
        Err(ProcError::PermissionDenied(_)) if owned.visible.is_some() => {}
        Err(ProcError::PermissionDenied(_)) => owned.visible = Some(visible_sockets()?),
        Err(error) => return Err(error),
    }
    if tables.is_none() {
        *tables = Some(Tables::read(place, &process)?);
    }
    Ok(())
}

/// The sockets of a network namespace.
#[derive(Debug)]
struct Tables {
    tcp: Vec<TcpSocket>,
    udp: Vec<UdpNetEntry>,
}

#[derive(Debug)]
struct TcpSocket {
    listens: bool,
    local: SocketAddr,
    remote: SocketAddr,
    inode: u64,
}

/// A network namespace.
#[derive(Debug)]
struct Place<'a> {
    path: &'a Path,
    inode: u64,
}

/// Which sockets, by inode, protected processes hold.
#[derive(Debug, Default)]
struct Owned {
    shown: BTreeSet<u64>,
    /// What all processes show that show anything, if a protected one hides what it holds.
    visible: Option<BTreeSet<u64>>,
}

impl Owned {
    fn has(&self, inode: u64) -> bool {
        // 0 is a connection that no process has any more.
        let may_be_hidden = |visible: &BTreeSet<u64>| inode != 0 && !visible.contains(&inode);
        self.shown.contains(&inode) || self.visible.as_ref().is_some_and(may_be_hidden)
    }
}

impl Tables {
    /// Of the namespace that `process` lives in. A host without IPv6 has no table for it.
    fn read(place: &Place<'_>, process: &Process) -> ProcResult<Self> {
        let tcp = match tcp_of_kernel(place) {
            Ok(tcp) => tcp,
            // A kernel without the module `tcp_diag`.
            Err(_unavailable) => tcp_of_proc(process)?,
        };
        let mut udp = process.udp()?;
        udp.extend(process.udp6().unwrap_or_default());
        Ok(Self { tcp, udp })
    }
}

fn tcp_of_kernel(place: &Place<'_>) -> Result<Vec<TcpSocket>, SocketsError> {
    let list = || tcp_sockets(&StateFlags::all(), &ExtensionFlags::empty());
    let found = if is_own_namespace(place.inode) {
        list()?
    } else {
        let namespace = fs::File::open(place.path).map_err(SocketsError::Ask)?;
        within(namespace.as_fd(), list).map_err(SocketsError::Ask)??
    };
    let socket = |response: InetResponse| {
        let id = response.header.socket_id;
        TcpSocket {
            listens: response.header.state == TCP_LISTEN,
            local: SocketAddr::new(id.source_address, id.source_port),
            remote: SocketAddr::new(id.destination_address, id.destination_port),
            inode: response.header.inode.into(),
        }
    };
    Ok(found.into_iter().map(socket).collect())
}

fn tcp_of_proc(process: &Process) -> ProcResult<Vec<TcpSocket>> {
    let mut found = process.tcp()?;
    found.extend(process.tcp6().unwrap_or_default());
    let socket = |entry: TcpNetEntry| TcpSocket {
        listens: entry.state == TcpState::Listen,
        local: entry.local_address,
        remote: entry.remote_address,
        inode: entry.inode,
    };
    Ok(found.into_iter().map(socket).collect())
}

impl Exemptions {
    fn add(&mut self, tables: &Tables, owned: &Owned) {
        for entry in tables.tcp.iter().filter(|entry| owned.has(entry.inode)) {
            self.add_tcp(entry);
        }
        for entry in tables.udp.iter().filter(|entry| owned.has(entry.inode)) {
            self.add_udp(entry);
        }
    }

    fn add_tcp(&mut self, socket: &TcpSocket) {
        if socket.listens {
            self.add_port(Transport::Tcp, socket.local);
        } else {
            self.add_flow(Transport::Tcp, socket.local, socket.remote);
        }
    }

    fn add_udp(&mut self, entry: &UdpNetEntry) {
        if entry.remote_address.port() == 0 {
            self.add_port(Transport::Udp, entry.local_address);
        } else {
            self.add_flow(Transport::Udp, entry.local_address, entry.remote_address);
        }
    }

    fn add_port(&mut self, transport: Transport, local: SocketAddr) {
        let port = local.port();
        self.ports.insert(LocalPort { transport, port });
    }

    fn add_flow(&mut self, transport: Transport, local: SocketAddr, remote: SocketAddr) {
        self.flows.insert(Flow {
            transport,
            local: plain(local),
            remote: plain(remote),
        });
    }
}

/// The inodes of the sockets of all processes that let us see them.
fn visible_sockets() -> ProcResult<BTreeSet<u64>> {
    let mut found = BTreeSet::new();
    for process in all_processes()? {
        found.extend(
            process
                .and_then(|process| sockets(process.pid))
                .unwrap_or_default(),
        );
    }
    Ok(found)
}

/// The inodes of the sockets that a process holds.
///
/// Not by `Process::fd`, which passes over the descriptors that it may not read.
fn sockets(pid: i32) -> ProcResult<BTreeSet<u64>> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
        match fs::read_link(entry?.path()) {
            Ok(target) => found.extend(socket_inode(&target.to_string_lossy())),
            // Closed meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // The list of descriptors may be open to us, and what they are not.
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found)
}

/// The number in `socket:[123]`.
fn socket_inode(target: &str) -> Option<u64> {
    let number = target.strip_prefix("socket:[")?.strip_suffix(']')?;
    number.parse().ok()
}

/// `client-address client-port server-address server-port`, as sshd writes it.
pub(super) fn ssh_flow(text: &str) -> Result<Flow, LockoutError> {
    let parts: Vec<&str> = text.split_whitespace().collect();
    let flow = match parts[..] {
        [client, client_port, server, server_port] => socket(server, server_port)
            .zip(socket(client, client_port))
            .map(|(local, remote)| Flow {
                transport: Transport::Tcp,
                local,
                remote,
            }),
        _ => None,
    };
    flow.ok_or_else(|| LockoutError::Ssh {
        text: text.to_owned(),
    })
}

fn socket(address: &str, port: &str) -> Option<SocketAddr> {
    // A link-local address carries its interface: fe80::1%eth0.
    let address = address
        .split_once('%')
        .map_or(address, |(address, _)| address);
    let address: IpAddr = address.parse().ok()?;
    Some(plain(SocketAddr::new(address, port.parse().ok()?)))
}

fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
    use std::os::unix::fs::MetadataExt as _;
    use std::path::Path;

    use procfs::process::Process;

    use super::{
        Exemptions, Flow, LocalPort, Place, TcpSocket, Transport, exemptions, sockets, ssh_flow,
        tcp_of_kernel, tcp_of_proc,
    };

    fn my_exemptions(ssh: Option<&str>) -> Exemptions {
        let me = i32::try_from(std::process::id()).unwrap();
        exemptions(ssh, Path::new("/proc/self/ns/net"), [me, i32::MAX]).unwrap()
    }

    #[test]
    fn sockets_of_protected_processes_are_exempt() {
        let listener = TcpListener::bind("[::1]:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
        let found = my_exemptions(None);
        let port = |transport, port| LocalPort { transport, port };
        let tcp = port(Transport::Tcp, listener.local_addr().unwrap().port());
        let udp = port(Transport::Udp, datagrams.local_addr().unwrap().port());
        assert!(
            found.ports.is_superset(&BTreeSet::from([tcp, udp])),
            "{found:?}"
        );
        let flow = Flow {
            transport: Transport::Tcp,
            local: stream.local_addr().unwrap(),
            remote: stream.peer_addr().unwrap(),
        };
        assert!(found.flows.contains(&flow), "{found:?}");
    }

    #[test]
    fn sockets_that_nobody_has_any_more_are_not_exempt() {
        let owned = super::Owned {
            visible: Some(BTreeSet::from([7])),
            ..super::Owned::default()
        };
        assert_eq!(
            [0, 7, 8].map(|inode| owned.has(inode)),
            [false, false, true]
        );
    }

    #[test]
    fn processes_of_other_namespaces_have_nothing_here() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let me = i32::try_from(std::process::id()).unwrap();
        // Any inode that is not our network namespace's serves.
        let found = exemptions(None, Path::new("/proc/self/ns/uts"), [me]).unwrap();
        assert_eq!(found, Exemptions::default());
        drop(listener);
    }

    #[test]
    fn the_callers_connection_is_exempt() {
        let flow = ssh_flow("::ffff:192.0.2.7 50022 2001:db8::1%eth0 22").unwrap();
        assert_eq!(flow.remote, "192.0.2.7:50022".parse().unwrap());
        assert_eq!(flow.local, "[2001:db8::1]:22".parse().unwrap());
        let text = "192.0.2.7 50022 192.0.2.1 22";
        assert!(
            my_exemptions(Some(text))
                .flows
                .contains(&ssh_flow(text).unwrap())
        );
    }

    #[test]
    fn what_is_not_a_connection_is_an_error() {
        for text in [
            "",
            "1.2.3.4 22",
            "a 1 b 2",
            "1.2.3.4 70000 1.2.3.4 22",
            "1 2 3 4 5",
        ] {
            let error = ssh_flow(text).unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        }
    }

    #[test]
    fn the_kernel_and_its_files_tell_the_same_of_our_sockets() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let _accepted = listener.accept().unwrap();
        let dual = TcpListener::bind("[::]:0").unwrap();
        let me = Process::myself().unwrap();
        let ours = sockets(me.pid).unwrap();
        // Other tests of this process open and close sockets meanwhile.
        let ports = [&listener, &dual].map(|socket| socket.local_addr().unwrap().port());
        let about_us = |found: Vec<TcpSocket>| -> BTreeSet<(u64, bool, SocketAddr, SocketAddr)> {
            found
                .into_iter()
                .filter(|socket| ours.contains(&socket.inode))
                .filter(|socket| {
                    ports.contains(&socket.local.port()) || ports.contains(&socket.remote.port())
                })
                .map(|socket| (socket.inode, socket.listens, socket.local, socket.remote))
                .collect()
        };
        let path = Path::new("/proc/self/ns/net");
        let place = Place {
            path,
            inode: std::fs::metadata(path).unwrap().ino(),
        };
        let by_kernel = about_us(tcp_of_kernel(&place).unwrap());
        assert_eq!(by_kernel, about_us(tcp_of_proc(&me).unwrap()));
        assert_eq!(by_kernel.len(), 4);
    }
}
