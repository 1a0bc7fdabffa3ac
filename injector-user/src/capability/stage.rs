//! Where trials are made: a thread in a network namespace of its own, with kernel objects of its own.
//!
//! Nothing here is shared with what the engine has armed. The namespace goes with the thread and the
//! processes it forked; the objects go with the value.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::thread;

use injector_core::plan::{Hook, Way};
use nix::sched::{CloneFlags, unshare};

use super::obstacle::{Obstacle, prepare, prepare_errno};
use crate::loader::{Kernel, KernelError};
use crate::sys::tun;

/// The only interface there is, and its number in every namespace.
const LOOPBACK: (&str, u32) = ("lo", 1);

/// The calling thread's own namespace, always by this name.
const NAMESPACE: &str = "/proc/thread-self/ns/net";

/// Packets that may wait at an interface.
const QUEUE: i32 = 1000;

/// A network namespace that nobody else is in.
#[derive(Debug)]
pub(super) struct Stage {
    namespace: u64,
}

/// Runs `work` on a thread of its own, which may then change its namespaces.
pub(super) fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Obstacle> {
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("probe".to_owned());
        let worker = builder.spawn_scoped(scope, work);
        let worker = worker.map_err(prepare("start a thread"))?;
        worker
            .join()
            .map_err(|_panic| Obstacle::NotSeen("the trial panicked, which is a bug".to_owned()))
    })
}

impl Stage {
    /// Gives the calling thread a namespace of its own, for as long as it lives.
    pub(super) fn set() -> Result<Self, Obstacle> {
        unshare(CloneFlags::CLONE_NEWNET).map_err(prepare_errno("make a network namespace"))?;
        let (name, _index) = LOOPBACK;
        tun::bring_up(name, QUEUE).map_err(prepare("bring the loopback interface up"))?;
        let found = fs::metadata(NAMESPACE).map_err(prepare("look at a network namespace"))?;
        Ok(Self {
            namespace: found.ino(),
        })
    }

    /// The loopback interface, one way.
    pub(super) fn loopback(&self, direction: Way) -> Hook {
        let (name, ifindex) = LOOPBACK;
        Hook::Tcx {
            netns: NAMESPACE.to_owned(),
            netns_inode: self.namespace,
            ifindex,
            interface: name.to_owned(),
            loopback: true,
            direction,
        }
    }
}

/// Kernel objects made when the first trial needs them.
#[derive(Debug, Default)]
pub(super) struct Objects(Option<Kernel>);

impl Objects {
    pub(super) fn kernel(&mut self) -> Result<&mut Kernel, KernelError> {
        match &mut self.0 {
            Some(kernel) => Ok(kernel),
            none => Ok(none.insert(Kernel::open()?)),
        }
    }
}
