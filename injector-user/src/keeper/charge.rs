//! One thing in the keeper's charge, and how it is put right.

use std::ffi::CStr;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, setns};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::sys::uio::{pread, pwrite};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::fault::regardless;
use super::inbox::Desk;
use super::message::Name;
use crate::filters::sweep;
use crate::limits::{MOST, Rows, put_back};
use crate::signals::{LIST, continue_all};
use crate::sys::fd::{path_of, pidfd_signal};

/// What to do with the file that came with a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mending {
    /// The file is `cgroup.freeze` of a cgroup of version 2.
    ThawV2,
    /// The file is `freezer.state` of a cgroup in the freezer of version 1.
    ThawV1,
    /// The file is a network namespace, and beside the undo log's entry is a list of where filters hang.
    Unhang,
    /// The file is the list of processes to continue, which grows.
    Continue,
    /// The file is the pidfd of a process of ours that is to end.
    End,
    /// The file is the folder of a cgroup that is to be removed when nobody is left in it.
    Vacate,
    /// The file is the listener of a command's filter: every call is let through, for as long as
    /// somebody could call.
    Answer,
    /// The file is a setting of a cgroup, and beside the undo log's entry is what it showed before.
    Restore,
}

impl Mending {
    pub(super) fn tag(self) -> u8 {
        match self {
            Self::ThawV2 => 1,
            Self::ThawV1 => 2,
            Self::Continue => 3,
            Self::Answer => 4,
            Self::Unhang => 5,
            Self::End => 6,
            Self::Vacate => 7,
            Self::Restore => 8,
        }
    }

    pub(super) fn from_tag(tag: u8) -> Option<Self> {
        let all = [
            Self::ThawV2,
            Self::ThawV1,
            Self::Continue,
            Self::Answer,
            Self::Unhang,
            Self::End,
            Self::Vacate,
            Self::Restore,
        ];
        all.into_iter().find(|mending| mending.tag() == tag)
    }

    /// The word to write, and the line that the file then shows; none if nothing is written.
    fn words(self) -> Option<(&'static [u8], &'static [u8])> {
        match self {
            Self::ThawV2 => Some((b"0", b"0\n")),
            Self::ThawV1 => Some((b"THAWED", b"THAWED\n")),
            Self::Continue
            | Self::Answer
            | Self::Unhang
            | Self::End
            | Self::Vacate
            | Self::Restore => None,
        }
    }
}

/// What the keeper holds for one registered effect.
#[derive(Debug)]
pub(super) struct Charge {
    pub(super) mending: Mending,
    /// Opened for reading and writing.
    pub(super) file: OwnedFd,
    /// The undo log's directory, and the entry in it.
    pub(super) log: OwnedFd,
    pub(super) entry: Name,
}

/// Where the calls of a listener are, and whether nobody else answers them any more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Calls<'a> {
    pub(super) desk: Option<Desk<'a>>,
    pub(super) alone: bool,
}

impl Charge {
    /// Writes the remedy; true when the file then shows it, or when the cgroup is gone. Or continues
    /// who is listed; true when nobody of them stands still. Or kills a worker; true when it has ended. Or lets calls be made; true when nobody is
    /// left who could make one.
    pub(super) fn mend(&self, calls: Calls<'_>) -> bool {
        let Some((word, shown)) = self.mending.words() else {
            return match self.mending {
                Mending::Answer => calls
                    .desk
                    .is_none_or(|desk| desk.pass_all(self.file.as_fd(), calls.alone)),
                Mending::Unhang => self.unhang(),
                Mending::End => end(self.file.as_fd()),
                Mending::Vacate => remove(self.file.as_fd()),
                Mending::Restore => self.restore(),
                _ => continue_all(self.file.as_fd()),
            };
        };
        let mut line = [0; 16];
        let looked =
            pwrite(&self.file, word, 0).and_then(|_written| pread(&self.file, &mut line, 0));
        match looked {
            Ok(length) => line.get(..length) == Some(shown),
            Err(error) => error == Errno::ENODEV,
        }
    }

    /// Takes away the filters that are listed; true when none of them is left. The keeper itself needs no
    /// network namespace and stays in the last one that it had to enter.
    fn unhang(&self) -> bool {
        let list = match self.open_list() {
            // Nothing had been hung up yet.
            Err(Errno::ENOENT) => return true,
            list => list,
        };
        let entered = setns(self.file.as_fd(), CloneFlags::CLONE_NEWNET);
        entered.is_ok() && list.is_ok_and(|list| sweep(list.as_fd()))
    }

    /// Puts a setting back; true when it does not show our value any more, or when the cgroup is gone.
    fn restore(&self) -> bool {
        let list = match self.open_list() {
            // Whoever has undone it removes that first.
            Err(Errno::ENOENT) => return true,
            list => list,
        };
        let mut bytes = [0; MOST];
        let length = list.and_then(|list| pread(&list, &mut bytes, 0));
        let read = length.ok().and_then(|length| bytes.get(..length));
        let put = match read.and_then(Rows::read) {
            Some(rows) => put_back(self.file.as_fd(), rows),
            None => Err(Errno::EINVAL),
        };
        put.unwrap_or_else(|error| error == Errno::ENODEV)
    }

    fn open_list(&self) -> nix::Result<OwnedFd> {
        let name = list_of(self.entry).ok_or(Errno::EINVAL)?;
        let name = CStr::from_bytes_until_nul(&name).map_err(|_no_nul| Errno::EINVAL)?;
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        openat(&self.log, name, flags, Mode::empty())
    }

    /// Removes the undo-log entry of what has been verified. An entry that stays is not lost: the
    /// next recovery finds nothing to do and says so.
    pub(super) fn strike_out(&self) -> bool {
        let list = match self.mending {
            Mending::ThawV2
            | Mending::ThawV1
            | Mending::Answer
            | Mending::End
            | Mending::Vacate => None,
            Mending::Continue | Mending::Unhang | Mending::Restore => list_of(self.entry),
        };
        // The list first: an entry without one is harmless, and a list without one is litter.
        list.is_none_or(|list| strike_out(&self.log, &list)) && strike_out(&self.log, &self.entry)
    }
}

/// Kills the process; true when it has ended. One that is stopped or frozen ends all the same, but in
/// the freezer of version 1.
fn end(pidfd: BorrowedFd<'_>) -> bool {
    // It may have ended by itself.
    regardless(pidfd_signal(pidfd, Signal::SIGKILL));
    let mut ended = [PollFd::new(pidfd, PollFlags::POLLIN)];
    matches!(poll(&mut ended, PollTimeout::ZERO), Ok(1..))
}

/// Removes the cgroup; true when it is not there any more.
fn remove(folder: BorrowedFd<'_>) -> bool {
    let mut path = [0; PATH];
    let Ok(path) = path_of(folder, &mut path) else {
        return false;
    };
    let removed = unlinkat(AT_FDCWD, path, UnlinkatFlags::RemoveDir);
    matches!(removed, Ok(()) | Err(Errno::ENOENT))
}

/// Longer than where cgroups are mounted, and the name of one of ours.
const PATH: usize = 512;

/// What the list beside `entry` is called: it ends in another word of the same length.
fn list_of(mut entry: Name) -> Option<Name> {
    const _: () = assert!(LIST.len() == b"json".len());
    let end = entry.iter().position(|byte| *byte == 0)?;
    let ending = entry.get_mut(end.checked_sub(LIST.len())?..end)?;
    ending.copy_from_slice(LIST.as_bytes());
    Some(entry)
}

/// Removes `entry` from the undo log in `folder`; true when it is not there any more.
pub(super) fn strike_out(folder: &OwnedFd, entry: &Name) -> bool {
    let removed = CStr::from_bytes_until_nul(entry)
        .map_err(|_no_nul| Errno::EINVAL)
        .and_then(|name| unlinkat(folder, name, UnlinkatFlags::NoRemoveDir));
    matches!(removed, Ok(()) | Err(Errno::ENOENT))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::Write as _;
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::Command;

    use nix::poll::{PollTimeout, poll};
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;

    use super::super::message::name;
    use super::{Calls, Charge, Mending};
    use crate::sys::fd::pidfd_open;

    const NO_CALLS: Calls<'_> = Calls {
        desk: None,
        alone: false,
    };

    #[track_caller]
    fn check(mending: Mending, frozen: &str, thawed: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let mut file = File::options()
            .create_new(true)
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        file.write_all(frozen.as_bytes()).unwrap();
        fs::write(folder.path().join("entry.json"), "{}").unwrap();
        let charge = Charge {
            mending,
            file: file.into(),
            log: File::open(folder.path()).unwrap().into(),
            entry: name(c"entry.json").unwrap(),
        };
        assert!(charge.mend(NO_CALLS));
        assert!(charge.strike_out());
        assert!(charge.strike_out());
        assert_eq!(fs::read_to_string(&path).unwrap(), thawed);
        assert!(!folder.path().join("entry.json").exists());
    }

    // Ordinary files keep the tail that the kernel's would not, so the frozen text is as long.
    #[test]
    fn thawing_is_written_and_seen() {
        check(Mending::ThawV2, "1\n", "0\n");
        check(Mending::ThawV1, "FROZEN\n", "THAWED\n");
    }

    #[test]
    fn a_worker_is_killed_even_if_it_stands_still() {
        let mut worker = Command::new("sleep").arg("60").spawn().unwrap();
        let pid = Pid::from_raw(worker.id().cast_signed());
        kill(pid, Signal::SIGSTOP).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let charge = Charge {
            mending: Mending::End,
            file: pidfd_open(pid).unwrap(),
            log: File::open(folder.path()).unwrap().into(),
            entry: name(c"entry.json").unwrap(),
        };
        let mut tries = 0..5_000;
        let ended =
            tries.any(|_| charge.mend(NO_CALLS) || poll(&mut [], PollTimeout::from(1_u8)).is_err());
        assert!(ended);
        assert_eq!(worker.wait().unwrap().signal(), Some(9));
    }

    #[test]
    fn a_folder_is_removed_when_it_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        let cgroup = folder.path().join("cgroup");
        fs::create_dir_all(cgroup.join("below")).unwrap();
        let charge = Charge {
            mending: Mending::Vacate,
            file: File::open(&cgroup).unwrap().into(),
            log: File::open(folder.path()).unwrap().into(),
            entry: name(c"entry.json").unwrap(),
        };
        assert!(!charge.mend(NO_CALLS));
        fs::remove_dir(cgroup.join("below")).unwrap();
        assert!(charge.mend(NO_CALLS) && !cgroup.exists());
        assert!(charge.mend(NO_CALLS), "it is gone already");
    }

    #[test]
    fn a_setting_is_put_back_from_the_list() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cpu.cfs_quota_us");
        fs::write(&path, "20000\n").unwrap();
        let file = File::options().read(true).write(true).open(&path).unwrap();
        let charge = Charge {
            mending: Mending::Restore,
            file: file.into(),
            log: File::open(folder.path()).unwrap().into(),
            entry: name(c"entry.json").unwrap(),
        };
        let list = folder.path().join("entry.list");
        // Half of it says nothing.
        fs::write(&list, "20000\n50").unwrap();
        assert!(!charge.mend(NO_CALLS));
        fs::write(&list, "20000\n50000\n\n").unwrap();
        assert!(charge.mend(NO_CALLS));
        assert_eq!(fs::read_to_string(&path).unwrap(), "50000\n");
        assert!(charge.strike_out() && !list.exists());
        // Nobody's business any more.
        assert!(charge.mend(NO_CALLS));
    }

    #[test]
    fn of_a_disk_only_its_own_row_is_put_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("io.max");
        fs::write(&path, "8:0 wbps=1048576\n").unwrap();
        let file = File::options().read(true).write(true).open(&path).unwrap();
        let charge = Charge {
            mending: Mending::Restore,
            file: file.into(),
            log: File::open(folder.path()).unwrap().into(),
            entry: name(c"entry.json").unwrap(),
        };
        let list = folder.path().join("entry.list");
        fs::write(&list, "wbps=1048576\nwbps=max\n8:16\n").unwrap();
        assert!(charge.mend(NO_CALLS), "another disk's is not ours");
        assert_eq!(fs::read_to_string(&path).unwrap(), "8:0 wbps=1048576\n");
        fs::write(&list, "wbps=1048576\nwbps=max\n8:0\n").unwrap();
        assert!(charge.mend(NO_CALLS));
        // Ordinary files keep the tail that the kernel's would not.
        assert_eq!(fs::read_to_string(&path).unwrap(), "8:0 wbps=max8576\n");
    }

    #[test]
    fn a_file_that_does_not_show_the_thaw_is_not_mended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        fs::write(&path, "1").unwrap();
        let file = File::open(&path).unwrap();
        let charge = Charge {
            mending: Mending::ThawV2,
            file: file.into(),
            log: File::open(folder.path()).unwrap().into(),
            entry: name(c"entry.json").unwrap(),
        };
        assert!(!charge.mend(NO_CALLS));
    }
}
