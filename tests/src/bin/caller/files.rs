//! Calls on files. Of those that have several names in the kernel, the older ones are made by the C
//! library.

use std::fs as old;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use rustix::fs::{
    self, AtFlags, CWD, FallocateFlags, FlockOperation, Gid, Mode, OFlags, RawDir, RenameFlags,
    ResolveFlags, SeekFrom, Timespec, Timestamps, Uid, XattrFlags, inotify,
};
use rustix::io::{self, Errno, ReadWriteFlags};

use crate::calls::Call;
use crate::room::ATTRIBUTE;

const READ: OFlags = OFlags::RDONLY;
const MODE: Mode = Mode::RWXU;
const NOW: Timespec = Timespec {
    tv_sec: 1,
    tv_nsec: 0,
};
const TIMES: Timestamps = Timestamps {
    last_access: NOW,
    last_modification: NOW,
};

fn told<T>(done: std::io::Result<T>) -> io::Result<()> {
    done.map(drop)
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
}

/// Says of a transfer of eight bytes that it was made in part.
fn whole(moved: usize) -> io::Result<()> {
    match moved {
        1..8 => Err(Errno::MSGSIZE),
        _ => Ok(()),
    }
}

#[rustfmt::skip]
pub(crate) const BY_DESCRIPTOR: &[(&str, Call)] = &[
    ("read", |room| io::read(&room.file, &mut [0_u8; 8]).map(drop)),
    ("pread64", |room| io::pread(&room.file, &mut [0_u8; 8], 0).and_then(whole)),
    ("readv", |room| io::readv(&room.file, &mut [IoSliceMut::new(&mut [0; 8])]).map(drop)),
    ("preadv", |room| io::preadv(&room.file, &mut [IoSliceMut::new(&mut [0; 8])], 0).map(drop)),
    ("preadv2", |room| {
        let flags = ReadWriteFlags::empty();
        io::preadv2(&room.file, &mut [IoSliceMut::new(&mut [0; 8])], 0, flags).map(drop)
    }),
    ("write", |room| io::write(&room.file, b"y").map(drop)),
    ("pwrite64", |room| io::pwrite(&room.file, b"y", 0).map(drop)),
    ("writev", |room| io::writev(&room.file, &[IoSlice::new(b"y")]).map(drop)),
    ("pwritev", |room| io::pwritev(&room.file, &[IoSlice::new(b"y")], 0).map(drop)),
    ("pwritev2", |room| {
        let flags = ReadWriteFlags::empty();
        io::pwritev2(&room.file, &[IoSlice::new(b"y")], 0, flags).map(drop)
    }),
    ("fsync", |room| fs::fsync(&room.file)),
    ("fdatasync", |room| fs::fdatasync(&room.file)),
    ("lseek", |room| fs::seek(&room.file, SeekFrom::Start(0)).map(drop)),
    ("fstat", |room| fs::fstat(&room.file).map(drop)),
    ("fstatfs", |room| fs::fstatfs(&room.file).map(drop)),
    ("fallocate", |room| fs::fallocate(&room.file, FallocateFlags::empty(), 0, 4096)),
    ("ftruncate", |room| fs::ftruncate(&room.file, 4096)),
    ("fchmod", |room| fs::fchmod(&room.file, MODE)),
    ("fchown", |room| fs::fchown(&room.file, Some(Uid::ROOT), Some(Gid::ROOT))),
    ("flock", |room| fs::flock(&room.file, FlockOperation::LockShared)),
    ("fcntl", |room| fs::fcntl_getfl(&room.file).map(drop)),
    ("ioctl", |room| io::ioctl_fionread(&room.file).map(drop)),
    ("dup", |room| io::dup(&room.file).map(drop)),
    ("getdents64", |room| {
        let mut buffer = [MaybeUninit::uninit(); 1024];
        RawDir::new(&room.directory, &mut buffer).next().map_or(Ok(()), |entry| entry.map(drop))
    }),
    ("fsetxattr", |room| fs::fsetxattr(&room.file, ATTRIBUTE, b"v", XattrFlags::empty())),
    ("fgetxattr", |room| fs::fgetxattr(&room.file, ATTRIBUTE, &mut [0_u8; 8]).map(drop)),
    ("flistxattr", |room| fs::flistxattr(&room.file, &mut [0_u8; 256]).map(drop)),
    ("fremovexattr", |room| fs::fremovexattr(&room.file, ATTRIBUTE)),
];

#[rustfmt::skip]
pub(crate) const BY_PATH: &[(&str, Call)] = &[
    ("openat", |room| fs::openat(CWD, room.path("file"), READ, MODE).map(drop)),
    ("openat2", |room| {
        fs::openat2(CWD, room.path("file"), READ, Mode::empty(), ResolveFlags::empty()).map(drop)
    }),
    ("newfstatat", |room| fs::statat(CWD, room.path("file"), AtFlags::empty()).map(drop)),
    ("statfs", |room| fs::statfs(room.path("file")).map(drop)),
    ("mkdir", |room| told(old::create_dir(room.path("made")))),
    ("mkdirat", |room| fs::mkdirat(CWD, room.path("made-at"), MODE)),
    ("rmdir", |room| told(old::remove_dir(room.path("empty")))),
    ("symlink", |room| told(symlink("file", room.path("symlink")))),
    ("symlinkat", |room| fs::symlinkat("file", CWD, room.path("symlink-at"))),
    ("readlink", |room| told(old::read_link(room.path("link")))),
    ("readlinkat", |room| {
        fs::readlinkat(CWD, room.path("link"), Vec::with_capacity(64)).map(drop)
    }),
    ("linkat", |room| {
        fs::linkat(CWD, room.path("file"), CWD, room.path("linked-at"), AtFlags::empty())
    }),
    ("rename", |room| told(old::rename(room.path("moved"), room.path("moved-1")))),
    ("renameat2", |room| {
        let (from, to) = (room.path("to-exchange"), room.path("moved-3"));
        fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)
    }),
    ("unlink", |room| told(old::remove_file(room.path("gone")))),
    ("unlinkat", |room| fs::unlinkat(CWD, room.path("gone-at"), AtFlags::empty())),
    ("chmod", |room| {
        told(old::set_permissions(room.path("file"), old::Permissions::from_mode(0o700)))
    }),
    ("fchmodat", |room| fs::chmodat(CWD, room.path("file"), MODE, AtFlags::empty())),
    ("fchownat", |room| {
        fs::chownat(CWD, room.path("file"), Some(Uid::ROOT), Some(Gid::ROOT), AtFlags::empty())
    }),
    ("utimensat", |room| fs::utimensat(CWD, room.path("file"), &TIMES, AtFlags::empty())),
    ("setxattr", |room| fs::setxattr(room.path("file"), ATTRIBUTE, b"v", XattrFlags::empty())),
    ("getxattr", |room| fs::getxattr(room.path("file"), ATTRIBUTE, &mut [0_u8; 8]).map(drop)),
    ("listxattr", |room| fs::listxattr(room.path("file"), &mut [0_u8; 256]).map(drop)),
    ("removexattr", |room| fs::removexattr(room.path("file"), ATTRIBUTE)),
    ("inotify_add_watch", |room| {
        inotify::add_watch(&room.watch, room.path("file"), inotify::WatchFlags::MODIFY).map(drop)
    }),
];
