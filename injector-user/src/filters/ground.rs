//! A network namespace in which filters hang, and what takes them away whatever happens.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;

use super::list::{List, Name, Row, letters, own_name};
use super::sweep::{sweep_namespace, tidy};
use crate::keeper::{Keeper, KeeperError, Mending, Registration, Undoing};
use crate::safety::Permit;
use crate::safety::undo::{Cause, Effect, Recorded, UndoError, UndoLog};
use crate::sys::netns::within;
use crate::sys::traffic::{At, Side, Traffic};

/// Why nothing can hang there.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    #[error("failed to note a filter in the undo log")]
    Record(#[from] UndoError),
    #[error("failed to note where a filter will hang")]
    List(#[source] io::Error),
    #[error("failed to put filters in the keeper's charge")]
    Register(#[source] KeeperError),
    #[error("failed to enter the interface's network namespace")]
    Enter(#[source] io::Error),
    #[error("failed to look at the filters of interface {ifindex}")]
    Look {
        ifindex: u32,
        #[source]
        source: Errno,
    },
    #[error("failed to give interface {ifindex} a `clsact` qdisc")]
    Qdisc {
        ifindex: u32,
        #[source]
        source: Errno,
    },
    #[error("failed to hang a filter in front of all others at interface {ifindex}")]
    Filter {
        ifindex: u32,
        #[source]
        source: Errno,
    },
}

/// Who takes filters away when the engine does not.
#[derive(Clone, Debug)]
pub struct Guards {
    pub keeper: Keeper,
    pub log: UndoLog,
}

/// A namespace in which our filters hang. Dropping it takes away what is left of them; if that fails, the
/// undo log's entry and the keeper's charge stay.
#[derive(Debug)]
pub struct Ground {
    namespace: File,
    name: Name,
    /// Interfaces where something hangs or hung, and whether their qdisc is ours.
    rows: Mutex<BTreeMap<u32, bool>>,
    undo: Option<Mutex<Undo>>,
}

#[derive(Debug)]
struct Undo {
    list: List,
    /// Until it is done.
    charge: Option<(Recorded, Registration)>,
}

impl Ground {
    /// Writes down that filters will hang in the namespace that `path` leads to, and puts them in the
    /// keeper's charge. Without `guards` they go with a namespace that is only ours.
    pub fn prepare(
        namespace: File,
        (path, inode): (&str, u64),
        guards: Option<&Guards>,
        permit: &Permit,
    ) -> Result<Self, FilterError> {
        let name = own_name();
        let undo = guards
            .map(|guards| entrust(guards, &namespace, (path, inode), &name, permit))
            .transpose()?;
        Ok(Self {
            namespace,
            name,
            rows: Mutex::default(),
            undo: undo.map(Mutex::new),
        })
    }

    /// Hangs a program up, in front of what is there.
    pub fn hang(&self, at: At, handle: u32, program: BorrowedFd<'_>) -> Result<(), FilterError> {
        self.inside(|traffic| {
            self.make_room(traffic, at.ifindex)?;
            let hung = traffic.add_filter(at, handle, letters(&self.name), program);
            hung.map_err(|source| FilterError::Filter {
                ifindex: at.ifindex,
                source,
            })
        })
    }

    /// Takes it away, and the qdisc if it was made for it and nobody else uses it.
    pub fn take(&self, at: At, handle: u32) -> Result<(), FilterError> {
        self.inside(|traffic| {
            match traffic.remove_filter(at, handle) {
                // Gone already, by hand or with its interface.
                Ok(()) | Err(Errno::ENOENT | Errno::ENODEV | Errno::EINVAL) => {}
                Err(source) => {
                    let ifindex = at.ifindex;
                    return Err(FilterError::Look { ifindex, source });
                }
            }
            let ours = lock(&self.rows).get(&at.ifindex) == Some(&true);
            if ours && tidy(traffic, at.ifindex) && traffic.has_clsact(at.ifindex) == Ok(false) {
                // Should there be one again, it is somebody else's.
                lock(&self.rows).remove(&at.ifindex);
            }
            Ok(())
        })
    }

    /// Makes sure that there is a qdisc, which is noted before.
    fn make_room(&self, traffic: &Traffic, ifindex: u32) -> Result<(), FilterError> {
        let there = traffic.has_clsact(ifindex);
        let there = there.map_err(|source| FilterError::Look { ifindex, source })?;
        let ours = lock(&self.rows).get(&ifindex) == Some(&true);
        if !(there && ours) {
            let made = !there;
            self.note(Row { ifindex, made })?;
        }
        if there {
            return Ok(());
        }
        let added = traffic.add_clsact(ifindex);
        added.map_err(|source| FilterError::Qdisc { ifindex, source })
    }

    fn note(&self, row: Row) -> Result<(), FilterError> {
        if lock(&self.rows).get(&row.ifindex) == Some(&row.made) {
            return Ok(());
        }
        if let Some(undo) = &self.undo {
            lock(undo).list.add(row).map_err(FilterError::List)?;
        }
        lock(&self.rows).insert(row.ifindex, row.made);
        Ok(())
    }

    fn inside<T: Send>(
        &self,
        work: impl FnOnce(&Traffic) -> Result<T, FilterError> + Send,
    ) -> Result<T, FilterError> {
        let enter = |source: Errno| FilterError::Enter(source.into());
        within(self.namespace.as_fd(), || {
            work(&Traffic::open().map_err(enter)?)
        })
        .map_err(FilterError::Enter)?
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let Some(undo) = self.undo.take() else {
            return;
        };
        let mut undo = undo.into_inner().unwrap_or_else(PoisonError::into_inner);
        let swept = sweep_namespace(&self.namespace, undo.list.fd());
        if let (Ok(true), Some((recorded, registration))) = (swept, undo.charge.take()) {
            // A keeper that has died holds nothing that would need releasing; an entry that stays is
            // found to have nothing to undo.
            drop(registration.release());
            drop(undo.list.remove());
            drop(recorded.done());
        }
    }
}

fn entrust(
    guards: &Guards,
    namespace: &File,
    (path, inode): (&str, u64),
    name: &Name,
    permit: &Permit,
) -> Result<Undo, FilterError> {
    let effect = Effect::Unhang {
        netns: path.into(),
        inode,
    };
    let recorded = guards.log.record(permit, effect, Cause::default())?;
    let charged = List::make(&recorded, name)
        .map_err(FilterError::List)
        .and_then(|list| {
            let undoing = Undoing {
                mending: Mending::Unhang,
                file: namespace.as_fd(),
                recorded: &recorded,
            };
            match guards.keeper.register(&undoing) {
                Ok(registration) => Ok((list, registration)),
                Err(error) => {
                    list.remove().map_err(FilterError::List)?;
                    Err(FilterError::Register(error))
                }
            }
        });
    match charged {
        Ok((list, registration)) => Ok(Undo {
            list,
            charge: Some((recorded, registration)),
        }),
        Err(error) => {
            recorded.done()?;
            Err(error)
        }
    }
}

/// Hangs a program up at an interface of the calling thread's namespace that is ours, and takes the filter
/// with it when it goes.
pub(crate) fn hang_at_own(ifindex: u32, program: BorrowedFd<'_>) -> nix::Result<()> {
    let traffic = Traffic::open()?;
    traffic.add_clsact(ifindex)?;
    let side = Side::Ingress;
    traffic.add_filter(At { ifindex, side }, 1, letters(&own_name()), program)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What the lock guards is whole between any two statements.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
