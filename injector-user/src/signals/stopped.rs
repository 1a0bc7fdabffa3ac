//! Processes that stand still because of us: listed before, continued after.
//!
//! [`continue_all`] is what the loop, the keeper and the undo log do alike, so it neither allocates nor
//! takes a lock.

use std::ffi::CStr;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::sys::uio::pread;
use nix::unistd::{Pid, read};

use super::target::Member;
use crate::safety::undo::Recorded;
use crate::sys::fd::{pidfd_open, pidfd_signal};

/// What the list of an undo-log entry is called, in the place of the entry's own ending.
pub(crate) const LIST: &str = "list";

/// Bytes of one process in the list: its number, nothing, and when it started.
const ROW: usize = 16;
/// The same as an offset in a file.
const ROW_LENGTH: i64 = 16;

/// The list, beside the entry of the undo log that speaks of it.
#[derive(Debug)]
pub(super) struct List {
    path: PathBuf,
    file: File,
    listed: Vec<Member>,
}

impl List {
    /// Makes an empty one.
    pub(super) fn make(recorded: &Recorded) -> io::Result<Self> {
        let path = recorded.path().with_extension(LIST);
        let mut options = File::options();
        let options = options.read(true).append(true).create_new(true).mode(0o600);
        let file = options.open(&path)?;
        Ok(Self {
            path,
            file,
            listed: Vec::new(),
        })
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    pub(super) fn holds(&self, member: Member) -> bool {
        self.listed.contains(&member)
    }

    /// Writes down who will be stopped. Only when this has returned may they be.
    pub(super) fn add(&mut self, members: &[Member]) -> io::Result<()> {
        let new: Vec<Member> = members
            .iter()
            .copied()
            .filter(|member| !self.holds(*member))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let rows: Vec<u8> = new.iter().flat_map(|member| row(*member)).collect();
        self.file.write_all(&rows)?;
        self.file.sync_data()?;
        self.listed.extend(new);
        Ok(())
    }

    /// Nobody in it stands still any more.
    pub(super) fn remove(self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            // The keeper was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}

fn row(member: Member) -> [u8; ROW] {
    let mut row = [0; ROW];
    row[..4].copy_from_slice(&member.pid.to_ne_bytes());
    row[8..].copy_from_slice(&member.start_time.to_ne_bytes());
    row
}

/// Continues every process in the list; true if none of them stands still any more. A row that was
/// not written to its end is of a process that was never stopped.
pub(crate) fn continue_all(list: BorrowedFd<'_>) -> bool {
    let mut row = [0; ROW];
    let mut offset = 0;
    let mut all = true;
    loop {
        match pread(list, &mut row, offset) {
            Ok(ROW) => all &= continue_one(read_row(row)),
            Ok(_) => return all,
            Err(Errno::EINTR) => continue,
            Err(_) => return false,
        }
        offset += ROW_LENGTH;
    }
}

fn read_row(row: [u8; ROW]) -> Member {
    let [a, b, c, d, _, _, _, _, start @ ..] = row;
    Member {
        pid: i32::from_ne_bytes([a, b, c, d]),
        start_time: u64::from_ne_bytes(start),
    }
}

/// True if it has ended or runs.
fn continue_one(member: Member) -> bool {
    let pidfd = match pidfd_open(Pid::from_raw(member.pid)) {
        Ok(pidfd) => pidfd,
        Err(errno) => return errno == Errno::ESRCH,
    };
    // Looked at only now: if it is still the same, the descriptor is its own.
    match look(member.pid) {
        Ok(Some(now)) if now.start_time == member.start_time => {}
        Ok(_) => return true,
        Err(_) => return false,
    }
    match pidfd_signal(pidfd.as_fd(), Signal::SIGCONT) {
        Ok(()) => {}
        Err(errno) => return errno == Errno::ESRCH,
    }
    match look(member.pid) {
        Ok(now) => now.is_none_or(|now| now.start_time != member.start_time || !now.is_stopped()),
        Err(_) => false,
    }
}

/// What `/proc/PID/stat` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    state: u8,
    start_time: u64,
}

impl Seen {
    fn is_stopped(self) -> bool {
        self.state == b'T'
    }
}

/// Whether the process `pid` stands still because of a signal, whoever sent it.
pub(super) fn is_stopped(pid: i32) -> bool {
    matches!(look(pid), Ok(Some(seen)) if seen.is_stopped())
}

/// Nothing if there is no such process.
fn look(pid: i32) -> nix::Result<Option<Seen>> {
    let mut path = [0; 32];
    let path = stat_path(pid, &mut path).ok_or(Errno::EINVAL)?;
    let file = match open(path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()) {
        Err(Errno::ENOENT) => return Ok(None),
        file => file?,
    };
    let mut text = [0; 1024];
    match read(&file, &mut text) {
        Ok(length) => Ok(text.get(..length).and_then(parse)),
        Err(Errno::ESRCH) => Ok(None),
        Err(errno) => Err(errno),
    }
}

fn stat_path(pid: i32, buffer: &mut [u8; 32]) -> Option<&CStr> {
    let mut rest = &mut buffer[..];
    write!(rest, "/proc/{pid}/stat\0").ok()?;
    CStr::from_bytes_until_nul(buffer).ok()
}

/// State and start time, the first and the twentieth field behind the name, which may hold anything.
fn parse(text: &[u8]) -> Option<Seen> {
    let end = text.iter().rposition(|byte| *byte == b')')?;
    let mut fields = text.get(end + 2..)?.split(|byte| *byte == b' ');
    let state = *fields.next()?.first()?;
    let start_time = std::str::from_utf8(fields.nth(18)?).ok()?.parse().ok()?;
    Some(Seen { state, start_time })
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;
    use std::process::{Child, Command};

    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;

    use super::{List, Member, Seen, continue_all, is_stopped, look, parse};
    use crate::safety::permit_housekeeping;
    use crate::safety::undo::{Cause, Effect, UndoLog};

    fn sleeper() -> (Child, Member) {
        let child = Command::new("sleep").arg("1000").spawn().unwrap();
        let pid = child.id().cast_signed();
        let start_time = look(pid).unwrap().unwrap().start_time;
        (child, Member { start_time, pid })
    }

    fn stop(member: Member) {
        kill(Pid::from_raw(member.pid), Signal::SIGSTOP).unwrap();
        while !is_stopped(member.pid) {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_name_may_hold_anything() {
        let text = b"7 (a) b (c)) T 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
        let seen = Seen {
            state: b'T',
            start_time: 4711,
        };
        assert_eq!(parse(text), Some(seen));
        assert_eq!(parse(b"7 (a) T 1"), None);
    }

    #[test]
    fn exactly_the_listed_processes_are_continued() {
        let folder = tempfile::tempdir().unwrap();
        let log = UndoLog::open(folder.path()).unwrap();
        let effect = Effect::Continue;
        let recorded = log
            .record(&permit_housekeeping(), effect, Cause::default())
            .unwrap();
        let ((mut ours, listed), (mut other, stranger)) = (sleeper(), sleeper());
        stop(listed);
        stop(stranger);
        let reused = Member {
            start_time: stranger.start_time + 1,
            ..stranger
        };
        let gone = Member {
            start_time: 1,
            pid: i32::MAX,
        };
        let mut list = List::make(&recorded).unwrap();
        list.add(&[listed, reused, gone]).unwrap();
        list.add(&[listed]).unwrap();
        assert!(continue_all(list.file.as_fd()));
        assert_eq!(
            (is_stopped(listed.pid), is_stopped(stranger.pid)),
            (false, true)
        );
        list.remove().unwrap();
        recorded.done().unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        for child in [&mut ours, &mut other] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}
