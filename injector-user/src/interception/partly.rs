//! Calls that are made in part: by us, on the caller's own open file, before it is told how much it was.
//!
//! Only of regular files, which keep nobody waiting. What cannot be done so is made by the caller itself,
//! in whole. Should the caller's lease end, or we do, between the transfer and the answer, the caller
//! makes the call once more.

use std::fs::File;
use std::io::{IoSlice, IoSliceMut, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileExt as _;

use nix::sys::uio::{RemoteIoVec, process_vm_readv, process_vm_writev};
use nix::unistd::Pid;

use super::call::Call;
use super::callers::process_of;
use super::concern::descriptor;
use crate::sys::fd::{pidfd_getfd, pidfd_open};

const READ: u16 = 0;
const WRITE: u16 = 1;
const PREAD: u16 = 17;
const PWRITE: u16 = 18;

/// A part may be as small as it likes.
const MOST: u64 = 1 << 20;

/// Makes the call for this share of its bytes, in units of 2^-32, of one at least: how many it moved;
/// nothing if it was not made.
pub fn partly(call: &Call, share: u32) -> Option<i64> {
    let asked = call.argument(2).min(u64::from(u32::MAX));
    let count = ((asked * u64::from(share)) >> 32).clamp(1, MOST);
    if asked == 0 {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(count).ok()?];
    let file = file_of(call)?;
    let offset = call.argument(3);
    let moved = match call.number {
        READ => (&file).read(&mut bytes),
        PREAD => file.read_at(&mut bytes, offset),
        WRITE => (&file).write(taken(call, &mut bytes)?),
        PWRITE => file.write_at(taken(call, &mut bytes)?, offset),
        _ => return None,
    };
    let moved = moved.ok()?;
    if matches!(call.number, READ | PREAD) {
        give(call, bytes.get(..moved)?)?;
    }
    i64::try_from(moved).ok()
}

/// The file that the caller has open, at the place where it has it.
fn file_of(call: &Call) -> Option<File> {
    let process = process_of(call.thread)?;
    let process = pidfd_open(Pid::from_raw(process)).ok()?;
    let file = File::from(pidfd_getfd(process.as_fd(), descriptor(call, 0)).ok()?);
    file.metadata().ok()?.is_file().then_some(file)
}

/// What the caller offers; nothing if that cannot be read in whole.
fn taken<'a>(call: &Call, bytes: &'a mut [u8]) -> Option<&'a [u8]> {
    let remote = remote(call, bytes.len())?;
    let mut local = [IoSliceMut::new(bytes)];
    let read = process_vm_readv(Pid::from_raw(call.thread), &mut local, &[remote]).ok()?;
    (read == bytes.len()).then_some(bytes)
}

/// Gives it to the caller. Where that fails the file has moved on, and the caller reads what comes next.
fn give(call: &Call, bytes: &[u8]) -> Option<()> {
    let remote = remote(call, bytes.len())?;
    let written = process_vm_writev(
        Pid::from_raw(call.thread),
        &[IoSlice::new(bytes)],
        &[remote],
    );
    (written.ok()? == bytes.len()).then_some(())
}

fn remote(call: &Call, len: usize) -> Option<RemoteIoVec> {
    let base = usize::try_from(call.argument(1)).ok()?;
    Some(RemoteIoVec { base, len })
}
