//! How often an item occurred and how long it took.

use aya_ebpf::helpers::generated::bpf_get_smp_processor_id;
use injector_abi::trace::{BUCKETS, ITEMS, NO_ROW, Row, STRETCH, bucket, lost, row_key};

use super::count;
use super::maps::{DIRECTORIES, FREE_ROWS, ROW_KEYS, ROWS};
use crate::patched;

/// How one event ended.
///
/// No enumeration: the verifier before 5.13 takes what is not written in one case to be read in the other.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// [`NO_ERROR`], or the number of the error.
    errno: u32,
    returned: u64,
}

const NO_ERROR: u32 = u32::MAX;

/// The errors that a program can see; higher ones mean that the kernel makes the call once more.
const ERRNOS: u32 = 511;
/// The highest number that a call returns for an error.
const HIGHEST: i64 = 4_095;

impl End {
    /// From what a system call returns.
    #[inline(always)]
    #[must_use]
    pub fn of_call(returned: i64) -> Self {
        if (-HIGHEST..0).contains(&returned) {
            Self::failed(returned.unsigned_abs() as u32)
        } else {
            // Anything else below 0 is no amount.
            Self::returned(u64::try_from(returned).unwrap_or(0))
        }
    }

    /// With an error of this number.
    #[inline(always)]
    #[must_use]
    pub const fn failed(errno: u32) -> Self {
        Self { errno, returned: 0 }
    }

    /// With so much returned.
    #[inline(always)]
    #[must_use]
    pub const fn returned(amount: u64) -> Self {
        Self {
            errno: NO_ERROR,
            returned: amount,
        }
    }
}

/// Counts one event of `class` that took so long.
#[inline(always)]
pub fn timed(class: u32, item: u32, ns: u64, end: End) {
    let Some(row) = row_of(class, item) else {
        return;
    };
    // SAFETY: this CPU's own entry, which programs that do not interrupt one another change.
    let row = unsafe { &mut *row };
    row.total_ns += ns;
    let bucket = bucket(ns) & (ROOM - 1);
    row.used |= 1 << (bucket / STRETCH);
    if let Some(count) = row.buckets.get_mut(bucket as usize) {
        *count = count.wrapping_add(1);
    }
    add(row, class, item, end);
}

/// Counts one event that takes no time.
#[inline(always)]
pub fn counted(class: u32, item: u32, end: End) {
    if let Some(row) = row_of(class, item) {
        // SAFETY: as above.
        add(unsafe { &mut *row }, class, item, end);
    }
}

/// A power of two, by which the verifier sees that a bucket is inside what is at least as large.
const ROOM: u32 = 512;
const _: () = assert!(BUCKETS <= ROOM);

#[inline(always)]
fn add(row: &mut Row, class: u32, item: u32, end: End) {
    row.events += 1;
    row.returned += end.returned;
    if end.errno <= ERRNOS {
        row.errors += 1;
        count::by(class, item, end.errno);
    }
}

#[inline(always)]
fn row_of(class: u32, item: u32) -> Option<*mut Row> {
    let directory = DIRECTORIES.get_ptr(class)?;
    // SAFETY: the entry lives as long as the program; a row's number is written whole.
    let rows = unsafe { &(*directory).rows };
    let mut row = *rows.get((item & (ITEMS - 1)) as usize)?;
    if row == 0 {
        row = take(class, item) as u16;
    }
    if row == NO_ROW {
        count::lost(lost::NO_ROW);
        return None;
    }
    ROWS.get_ptr_mut(cell_of(row))
}

/// This processor's cell of a row.
#[inline(always)]
fn cell_of(row: u16) -> u32 {
    // SAFETY: the helper has no arguments.
    let processor = unsafe { bpf_get_smp_processor_id() };
    u32::from(row) * patched::processors() + processor
}

/// Takes a row that nobody has. Should two processors do that at once, each counts in one, and readers add
/// up what has the same key.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn take(class: u32, item: u32) -> u32 {
    let row = FREE_ROWS.pop().ok().flatten().unwrap_or(u32::from(NO_ROW));
    if let Some(key) = ROW_KEYS.get_ptr_mut(row) {
        // SAFETY: the array's entry, a word that is written whole.
        unsafe { key.write_volatile(u64::from(row_key(class, item))) };
    }
    if let Some(directory) = DIRECTORIES.get_ptr_mut(class) {
        let rows = directory.cast::<u16>();
        let inside = rows.wrapping_add((item & (ITEMS - 1)) as usize);
        // SAFETY: as above.
        unsafe { inside.write_volatile(row as u16) };
    }
    row
}
