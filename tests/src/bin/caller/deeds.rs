//! What takes several calls, or one with certain arguments. It is told by a name of its own.

use std::fs as old;
use std::hint::black_box;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;
use std::process::{Command, Stdio};

use rustix::fs::{self, CWD, Mode, OFlags};
use rustix::io::{self, Errno};

use crate::calls::Call;
use crate::room::Room;

/// More than the C library has reserved for a thread, which is not accounted for.
const MUCH: usize = 128 << 20;

/// That wait at the same time.
const THREADS: usize = 600;

#[rustfmt::skip]
pub(crate) const DEEDS: &[(&str, Call)] = &[
    ("make a file", |room| {
        let flags = OFlags::CREATE | OFlags::WRONLY;
        fs::openat(CWD, room.path("new"), flags, Mode::RWXU).map(drop)
    }),
    ("open to write", |room| {
        fs::openat(CWD, room.path("file"), OFlags::WRONLY, Mode::empty()).map(drop)
    }),
    ("start a process", |_| told(Command::new("/proc/self/exe").arg("0").stdout(Stdio::null()).status())),
    ("start a thread", |_| {
        told(std::thread::Builder::new().spawn(|| {}).map(|thread| drop(thread.join())))
    }),
    ("reserve much memory", |_| {
        let mut memory = Vec::<u8>::new();
        let reserved = memory.try_reserve_exact(MUCH).map_err(|_none| Errno::NOMEM);
        // Else it would not even be asked for.
        black_box(&memory);
        reserved
    }),
    // By the C library, where it is known which instructions make the call.
    ("read by libc", |room| {
        match file(room)?.read_at(&mut [0; 8], 0).map_err(|error| Errno::from_io_error(&error)) {
            Ok(8) => Ok(()),
            Ok(_fewer) => Err(Errno::MSGSIZE),
            Err(errno) => Err(errno.unwrap_or(Errno::IO)),
        }
    }),
    ("sync by libc", |room| told(file(room)?.sync_all())),
    ("sync in many threads", |room| in_many_threads(room, |file| fs::fsync(file))),
    ("write in many threads", |room| in_many_threads(room, |file| io::pwrite(file, b"y", 0).map(drop))),
    ("open in many threads", |room| {
        in_many_threads(room, |_| fs::openat(CWD, "/dev/null", OFlags::RDONLY, Mode::empty()).map(drop))
    }),
    ("read a file", |room| told(old::read(room.path("file")))),
];

fn in_many_threads(room: &Room, call: fn(&OwnedFd) -> io::Result<()>) -> io::Result<()> {
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..THREADS)
            .map(|_| scope.spawn(|| call(&room.file)))
            .collect();
        all.into_iter()
            .try_for_each(|one| one.join().unwrap_or(Err(Errno::CHILD)))
    })
}

fn file(room: &Room) -> io::Result<old::File> {
    io::dup(&room.file).map(old::File::from)
}

fn told<T>(done: std::io::Result<T>) -> io::Result<()> {
    done.map(drop)
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
}
