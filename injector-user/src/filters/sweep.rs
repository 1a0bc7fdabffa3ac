//! Taking away what hangs, whoever hung it: the engine itself, its keeper, or whoever finds the undo log.
//!
//! [`sweep`] neither allocates nor takes a lock, for the keeper's sake.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};

use nix::errno::Errno;

use super::list::{Name, Row, letters, read};
use crate::sys::netns::within;
use crate::sys::traffic::{At, Side, Traffic};

/// Takes away everything that the list tells of, in the calling thread's network namespace; true if,
/// looked at afterwards, nothing is left.
pub(crate) fn sweep(list: BorrowedFd<'_>) -> bool {
    let Ok(traffic) = Traffic::open() else {
        return false;
    };
    let mut clean = true;
    let is_read = read(list, |name, row| {
        clean &= sweep_one(&traffic, name, row.ifindex);
        clean &= !is_ours(list, row) || tidy(&traffic, row.ifindex);
    });
    is_read && clean
}

/// Whether the qdisc of an interface is ours, as was noted last.
fn is_ours(list: BorrowedFd<'_>, row: Row) -> bool {
    let mut made = row.made;
    let is_read = read(list, |_name, other| {
        if other.ifindex == row.ifindex {
            made = other.made;
        }
    });
    is_read && made
}

/// The same in another network namespace.
pub(crate) fn sweep_namespace(namespace: &File, list: BorrowedFd<'_>) -> io::Result<bool> {
    within(namespace.as_fd(), || sweep(list))
}

fn sweep_one(traffic: &Traffic, name: &Name, ifindex: u32) -> bool {
    let mut ends = Side::BOTH.map(|side| At { ifindex, side }).into_iter();
    ends.all(|at| take_all(traffic, at, letters(name)))
}

/// Filters that are noted at a time.
const SOME: usize = 32;
/// How often it is looked whether there are more: four times as many as there are places for programs.
const LOOKS: u32 = 64;

/// Whether none of that name is left.
fn take_all(traffic: &Traffic, at: At, name: &[u8]) -> bool {
    for _ in 0..LOOKS {
        let (mut handles, mut count) = ([0; SOME], 0);
        let looked = traffic.filters(at, |filter| {
            if filter.name == name
                && let Some(free) = handles.get_mut(count)
            {
                *free = filter.handle;
                count += 1;
            }
        });
        if looked.is_err() {
            return false;
        }
        let Some(found @ [_, ..]) = handles.get(..count) else {
            return true;
        };
        for handle in found {
            // What is there nevertheless is found by the next look.
            let _looked_at_again = traffic.remove_filter(at, *handle);
        }
    }
    false
}

/// Takes away a qdisc of ours, unless somebody uses it; whether it could be.
pub(super) fn tidy(traffic: &Traffic, ifindex: u32) -> bool {
    let mut used = false;
    for side in Side::BOTH {
        if traffic
            .filters(At { ifindex, side }, |_filter| used = true)
            .is_err()
        {
            return false;
        }
    }
    used || matches!(
        traffic.remove_clsact(ifindex),
        // Gone already, with its interface perhaps, or another kind has taken its place.
        Ok(()) | Err(Errno::ENOENT | Errno::ENODEV | Errno::EINVAL)
    )
}
