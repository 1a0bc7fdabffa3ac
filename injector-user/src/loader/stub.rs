//! Places at interfaces: attached, or on kernels whose interfaces take no links (before 6.6) reached by a
//! filter that jumps into an array of programs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::sync::{Arc, Weak};

use aya::maps::MapData;
use injector_abi::HOOK_MAGIC;
use injector_core::plan::{Hook, Way};
use nix::errno::Errno;

use super::hooks::{HookError, HookIndex};
use super::object::Object;
use super::place::{open_namespace, within};
use super::program::{Link, LinkError, Program, Role};
use crate::filters::{FilterError, Ground, Guards};
use crate::safety::Permit;
use crate::sys::bpf;
use crate::sys::traffic::{At, Side};

/// What attaches at interfaces.
#[derive(Debug)]
pub(super) struct Interfaces {
    /// What stubs jump into, by the number of their place. Its only descriptor is this one: when it is
    /// closed, as it is with the engine's death, the kernel empties the array.
    bodies: Arc<MapData>,
    guards: Option<Guards>,
    /// By the number of the network namespace; gone with the last stub there.
    grounds: BTreeMap<u64, Weak<Ground>>,
}

/// A filter that jumps to a program. Dropping it takes it away.
#[derive(Debug)]
pub(super) struct Stub {
    bodies: Arc<MapData>,
    index: HookIndex,
    at: At,
    ground: Arc<Ground>,
}

/// An interface in its namespace.
struct Interface<'a> {
    namespace: File,
    path: &'a str,
    inode: u64,
    at: At,
}

impl Interfaces {
    pub(super) fn new(bodies: Arc<MapData>) -> Self {
        Self {
            bodies,
            guards: None,
            grounds: BTreeMap::new(),
        }
    }

    /// Names who takes filters away when this process does not.
    pub(super) fn guard_by(&mut self, guards: Guards) {
        self.guards = Some(guards);
    }

    /// Attaches a program at the interface that `hook` is about, by what the kernel lets us.
    pub(super) fn attach(
        &mut self,
        net: &Object,
        (hook, index): (&Hook, HookIndex),
        program: &Program,
        permit: &Permit,
    ) -> Result<Link, HookError> {
        let interface = Interface::open(hook)?;
        let ifindex = interface.at.ifindex;
        let link = || Ok(program.attach_to_interface(ifindex));
        match within(&interface.namespace, interface.path, link)? {
            Err(error) if takes_no_links(&error) => {
                let stub = self.hang(net, interface, index, program, permit)?;
                Ok(Link::from(stub))
            }
            attached => Ok(attached?),
        }
    }

    fn hang(
        &mut self,
        net: &Object,
        interface: Interface<'_>,
        index: HookIndex,
        program: &Program,
        permit: &Permit,
    ) -> Result<Stub, HookError> {
        let at = interface.at;
        let jump = net.load("net_stub", Role::InterfaceIngress, &[(HOOK_MAGIC, index)])?;
        let stub = Stub {
            bodies: Arc::clone(&self.bodies),
            index,
            at,
            ground: self.ground(interface, permit)?,
        };
        stub.jump_to(program).map_err(HookError::Body)?;
        // From here on it is taken away if it cannot be hung up.
        stub.ground.hang(at, handle(index), jump.as_fd())?;
        Ok(stub)
    }

    fn ground(
        &mut self,
        interface: Interface<'_>,
        permit: &Permit,
    ) -> Result<Arc<Ground>, FilterError> {
        self.grounds
            .retain(|_inode, ground| ground.strong_count() > 0);
        let Interface {
            namespace,
            path,
            inode,
            at: _,
        } = interface;
        if let Some(ground) = self.grounds.get(&inode).and_then(Weak::upgrade) {
            return Ok(ground);
        }
        let guards = self.guards.as_ref();
        let ground = Arc::new(Ground::prepare(namespace, (path, inode), guards, permit)?);
        self.grounds.insert(inode, Arc::downgrade(&ground));
        Ok(ground)
    }
}

impl<'a> Interface<'a> {
    fn open(hook: &'a Hook) -> Result<Self, HookError> {
        let Hook::Tcx {
            netns,
            netns_inode,
            ifindex,
            direction,
            ..
        } = hook
        else {
            return Err(HookError::NoInterface);
        };
        let side = match direction {
            Way::Egress => Side::Egress,
            Way::Ingress => Side::Ingress,
        };
        Ok(Self {
            namespace: open_namespace(netns, *netns_inode)?,
            path: netns,
            inode: *netns_inode,
            at: At {
                ifindex: *ifindex,
                side,
            },
        })
    }
}

impl Stub {
    /// Lets it jump to another program, without a moment between the two.
    pub(super) fn jump_to(&self, program: &Program) -> io::Result<()> {
        bpf::set_program(self.bodies.fd().as_fd(), self.index, program.as_fd())
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        // Nobody jumps any more, whatever becomes of the filter.
        let _emptied = bpf::clear_program(self.bodies.fd().as_fd(), self.index);
        // What stays is taken away with the namespace's last one, or by the keeper.
        let _taken = self.ground.take(self.at, handle(self.index));
    }
}

/// The number of a filter at its interface, which no other engine's has.
fn handle(index: HookIndex) -> u32 {
    std::process::id() << 9 | index
}

const _: () = assert!(injector_abi::HOOKS <= 1 << 9);

/// Whether the kernel does not know what was asked for.
pub(super) fn takes_no_links(error: &LinkError) -> bool {
    error.source.raw_os_error() == Some(Errno::EINVAL as i32)
}
