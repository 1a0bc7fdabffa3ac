//! The file that a system call is about: by descriptor, or as a security hook has it.
//!
//! Every step from one of the kernel's structures to the next is a read that cannot fault. What cannot be
//! read concerns no fault that asks for it.

use injector_abi::syscall::{CREATED, DEPTH, FileFields, FileKey, WRITES, subject};

use crate::maps::{BY_DIRECTORY, BY_FILE, FILE_FIELDS};
use crate::patched;
use crate::task::{self, read};

/// The directory entry that the call is about, by the argument that names it; 0 if there is none.
#[inline(always)]
#[must_use]
pub fn dentry(argument: u64) -> u64 {
    find_dentry(argument).unwrap_or(0)
}

#[inline(always)]
fn find_dentry(argument: u64) -> Option<u64> {
    let fields = FILE_FIELDS.get(0)?;
    match patched::subject() & subject::KIND {
        subject::DESCRIPTOR => of_file(fields, open_file(fields, argument as u32)?),
        subject::FILE => of_file(fields, argument),
        subject::WRITER if writes(fields, argument)? => of_file(fields, argument),
        subject::PATH => read(argument + u64::from(fields.path_dentry)),
        subject::DENTRY => Some(argument),
        _ => None,
    }
}

/// Whether a file is being opened to be written to, and has not just been made: that was another event.
#[inline(always)]
fn writes(fields: &FileFields, file: u64) -> Option<bool> {
    let flags: u32 = read(file + u64::from(fields.flags))?;
    let mode: u32 = read(file + u64::from(fields.file_mode))?;
    Some(flags & WRITES != 0 && mode & CREATED == 0)
}

#[inline(always)]
fn of_file(fields: &FileFields, file: u64) -> Option<u64> {
    read(file + u64::from(fields.dentry))
}

/// What the current process has open under this number.
#[inline(always)]
fn open_file(fields: &FileFields, number: u32) -> Option<u64> {
    let table: u64 = read(task::files()? + u64::from(fields.table))?;
    let length: u32 = read(table + u64::from(fields.length))?;
    if number >= length {
        return None;
    }
    let array: u64 = read(table + u64::from(fields.array))?;
    read(array + u64::from(number) * 8).filter(|file| *file != 0)
}

/// The type of the file at a directory entry, as in the upper four bits of its mode; 0 if there is none
/// yet.
#[inline(always)]
#[must_use]
pub fn kind(dentry: u64) -> Option<u32> {
    let fields = FILE_FIELDS.get(0)?;
    let inode: u64 = read(dentry + u64::from(fields.inode))?;
    if inode == 0 {
        return Some(0);
    }
    let mode: u16 = read(inode + u64::from(fields.mode))?;
    Some(u32::from(mode >> 12))
}

/// The slots that name the file at a directory entry, or a directory that it is in.
#[inline(always)]
#[must_use]
pub fn named(dentry: u64) -> u64 {
    let mut slots = of_entry(dentry);
    let mut at = dentry;
    for _ in 0..DEPTH {
        let above = parent(at);
        if above == at || above == 0 {
            break;
        }
        slots |= of_directory(above);
        at = above;
    }
    slots
}

/// A function of its own with plain numbers, like those below: the verifier checks each once.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn of_entry(dentry: u64) -> u64 {
    let Some(key) = key(dentry) else {
        return 0;
    };
    // SAFETY: the value is one word, read once.
    let named = unsafe { BY_FILE.get(key) }.copied().unwrap_or(0);
    // SAFETY: as above. A directory is below itself.
    named | unsafe { BY_DIRECTORY.get(key) }.copied().unwrap_or(0)
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn of_directory(dentry: u64) -> u64 {
    let Some(key) = key(dentry) else {
        return 0;
    };
    // SAFETY: the value is one word, read once.
    unsafe { BY_DIRECTORY.get(key) }.copied().unwrap_or(0)
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn parent(dentry: u64) -> u64 {
    let above = FILE_FIELDS
        .get(0)
        .and_then(|fields| read(dentry + u64::from(fields.parent)));
    above.unwrap_or(0)
}

#[inline(always)]
fn key(dentry: u64) -> Option<FileKey> {
    let fields = FILE_FIELDS.get(0)?;
    let inode: u64 = read(dentry + u64::from(fields.inode))?;
    let superblock: u64 = read(inode + u64::from(fields.superblock))?;
    Some(FileKey {
        inode: read(inode + u64::from(fields.number))?,
        device: read(superblock + u64::from(fields.device))?,
        reserved: 0,
    })
}
