//! A target of our own: `-- COMMAND`, started in a cgroup that holds it and its descendants alone.
//!
//! Two processes share the work. The engine makes the cgroup, in the undo log first
//! ([`CommandCgroup`]); the client forks the command into it and holds it before exec ([`Held::fork`]),
//! or has the engine move it in where it cannot be born there; then the client lets it go. So the first instruction of the command already
//! runs in the cgroup. The command outlives the fault; the cgroup is removed once it is empty.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Uid, User, getgrouplist, setgid, setgroups, setuid};
use thiserror::Error;

pub use super::held::{Filtered, Held, Started, Streams};
use super::members::{has_vanished, members};
use crate::safety::Permit;
use crate::safety::undo::{Cause, Effect, Recorded, UndoError, UndoLog, remove_tree};

/// A command cannot be started as a target.
#[derive(Debug, Error)]
pub enum CommandError {
    #[error("failed to look up the user {uid} that the command is to run as")]
    User {
        uid: u32,
        #[source]
        source: io::Error,
    },
    #[error("failed to prepare {program:?}")]
    Prepare {
        program: String,
        #[source]
        source: io::Error,
    },
    #[error("failed to start {program:?}")]
    Start {
        program: String,
        #[source]
        source: io::Error,
    },
    #[error("failed to install the filter of {program:?}")]
    Filter {
        program: String,
        #[source]
        source: io::Error,
    },
    #[error("{name:?} is not a name for a cgroup")]
    Name { name: String },
    #[error("failed to record the cgroup {}", path.display())]
    Record {
        path: PathBuf,
        #[source]
        source: UndoError,
    },
    #[error("failed to make the cgroup {}", path.display())]
    Make {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("failed to move process {pid} to the cgroup {}", path.display())]
    Enter {
        pid: i32,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("failed to remove the cgroup {}", path.display())]
    Remove {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// Who a command runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    uid: Uid,
    gid: Gid,
    groups: Vec<Gid>,
}

/// The cgroup of one command, of version 2.
#[derive(Debug)]
pub struct CommandCgroup {
    path: PathBuf,
    inode: u64,
    procs: File,
    events: File,
    recorded: Recorded,
}

impl Identity {
    /// The user `uid` with the groups it has when it logs in. `sudo` tells in `SUDO_UID` who called.
    pub fn of(uid: u32) -> Result<Self, CommandError> {
        let user = |source| CommandError::User { uid, source };
        let found = User::from_uid(Uid::from_raw(uid)).map_err(|errno| user(errno.into()))?;
        let found = found.ok_or_else(|| user(io::ErrorKind::NotFound.into()))?;
        let name = CString::new(found.name).map_err(|error| user(error.into()))?;
        let groups = getgrouplist(&name, found.gid).map_err(|errno| user(errno.into()))?;
        Ok(Self {
            uid: found.uid,
            gid: found.gid,
            groups,
        })
    }

    /// Becomes this user, for good. Only system calls: it also runs between fork and exec.
    pub fn assume(&self) -> nix::Result<()> {
        // The order matters: whoever has changed the user may not change the groups any more.
        setgroups(&self.groups)?;
        setgid(self.gid)?;
        setuid(self.uid)
    }
}

impl CommandCgroup {
    /// Makes the cgroup `temblor-NAME` in `parent`, a folder of the hierarchy of version 2.
    pub fn make(
        permit: &Permit,
        log: &UndoLog,
        parent: &Path,
        name: &str,
        cause: Cause,
    ) -> Result<Self, CommandError> {
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(CommandError::Name {
                name: name.to_owned(),
            });
        }
        let path = parent.join(format!("temblor-{name}"));
        let effect = Effect::RemoveCgroup {
            path: path.clone(),
            inode: None,
        };
        let recorded = log.record(permit, effect, cause);
        let recorded = recorded.map_err(|source| CommandError::Record {
            path: path.clone(),
            source,
        })?;
        Self::open(&path, recorded).map_err(|source| CommandError::Make { path, source })
    }

    fn open(path: &Path, recorded: Recorded) -> io::Result<Self> {
        if let Err(error) = fs::create_dir(path) {
            // Not ours, or not there: nothing to remove. An entry that stays would say otherwise.
            recorded.done().map_err(io::Error::other)?;
            return Err(error);
        }
        Ok(Self {
            path: path.to_owned(),
            inode: fs::metadata(path)?.ino(),
            procs: File::options()
                .write(true)
                .open(path.join("cgroup.procs"))?,
            events: File::open(path.join("cgroup.events"))?,
            recorded,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn inode(&self) -> u64 {
        self.inode
    }

    /// Its entry in the undo log.
    pub fn recorded(&self) -> &Recorded {
        &self.recorded
    }

    /// `cgroup.events`: has `POLLPRI` when the cgroup may have become empty.
    pub fn events(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }

    /// Moves the process `pid` in.
    pub fn enter(&self, _permit: &Permit, pid: i32) -> Result<(), CommandError> {
        let entered = (&self.procs).write_all(pid.to_string().as_bytes());
        entered.map_err(|source| CommandError::Enter {
            pid,
            path: self.path.clone(),
            source,
        })
    }

    /// Removes the cgroup if nothing runs in it any more; otherwise gives it back.
    pub fn remove_if_empty(self) -> Result<Option<Self>, CommandError> {
        let remove = |source| CommandError::Remove {
            path: self.path.clone(),
            source,
        };
        match members(&self.path) {
            Ok(members) if !members.is_empty() => return Ok(Some(self)),
            Err(error) if !has_vanished(&error) => return Err(remove(error)),
            _ => {}
        }
        remove_tree(&self.path).map_err(remove)?;
        let done = self.recorded.done();
        done.map(|()| None).map_err(|source| CommandError::Record {
            path: self.path,
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::Read as _;
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::Command;

    use nix::fcntl::OFlag;
    use nix::sys::signal::Signal;
    use nix::unistd::pipe2;

    use super::{CommandCgroup, CommandError, Held, Identity, Streams};
    use crate::safety::permit_housekeeping;
    use crate::safety::undo::{Cause, UndoLog};

    fn fork(command: &Command) -> Held {
        Held::fork(command, Streams::default(), None, None).unwrap()
    }

    /// What it prints, once it has ended well.
    fn printed(command: &Command) -> (i32, String) {
        let (output, theirs) = pipe2(OFlag::O_CLOEXEC).unwrap();
        let streams = Streams {
            output: Some(theirs),
            ..Streams::default()
        };
        let held = Held::fork(command, streams, None, None).unwrap();
        let mut started = held.release().unwrap();
        let mut text = String::new();
        File::from(output).read_to_string(&mut text).unwrap();
        let ended = started.wait().unwrap();
        assert!(ended.success(), "{ended}");
        assert_eq!(started.try_wait().unwrap(), Some(ended));
        (started.pid(), text)
    }

    #[test]
    fn a_held_command_runs_only_when_released() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("ran");
        let mut touch = Command::new("touch");
        touch.arg(&mark);
        let held = fork(&touch);
        let comm = fs::read_to_string(format!("/proc/{}/comm", held.pid())).unwrap();
        assert_ne!(comm, "touch\n");
        drop(held);
        assert!(!mark.exists());
        let held = fork(&touch);
        let pid = held.pid();
        let mut started = held.release().unwrap();
        assert_eq!(started.pid(), pid);
        assert!(started.wait().unwrap().success());
        assert!(mark.exists());
    }

    #[test]
    fn a_held_command_that_is_dropped_is_reaped() {
        let held = fork(&Command::new("true"));
        let path = format!("/proc/{}", held.pid());
        assert!(fs::exists(&path).unwrap());
        drop(held);
        assert!(!fs::exists(&path).unwrap());
    }

    #[test]
    fn a_command_has_a_process_group_of_its_own() {
        let mut command = Command::new("cut");
        command.args(["-d", " ", "-f", "5", "/proc/self/stat"]);
        let (pid, said) = printed(&command);
        assert_eq!(said.trim(), pid.to_string());
    }

    #[test]
    fn a_command_has_the_environment_that_it_is_given() {
        let mut command = Command::new("sh");
        let script = "echo $1 $ADDED ${CARGO_MANIFEST_DIR-none} ${HOME+inherited}";
        command.args(["-c", script, "sh", "argument"]);
        command.env("ADDED", "a=b").env_remove("CARGO_MANIFEST_DIR");
        assert_eq!(printed(&command).1, "argument a=b none inherited\n");
    }

    #[test]
    fn a_command_is_ended_by_a_closed_pipe_and_has_no_signal_blocked() {
        let mut command = Command::new("sed");
        command.args(["-nE", r"s/Sig(Blk|Ign):\s*//p", "/proc/self/status"]);
        let (_pid, said) = printed(&command);
        let sets = said.lines().map(|set| u64::from_str_radix(set, 16));
        let sets = sets.collect::<Result<Vec<_>, _>>().unwrap();
        let [blocked, ignored] = *sets else {
            panic!("{said}");
        };
        assert_eq!(blocked, 0);
        // What else is ignored is whoever started us to blame for.
        assert_eq!(ignored >> (Signal::SIGPIPE as i32 - 1) & 1, 0);
    }

    #[test]
    fn how_a_command_ended_is_told_with_its_code_or_signal() {
        for (script, code, signal) in [
            ("exit 7", Some(7), None),
            ("kill -9 $$", None, Some(9)),
            // The last real-time signal.
            ("kill -64 $$", None, Some(64)),
        ] {
            let mut started = fork(Command::new("sh").args(["-c", script]))
                .release()
                .unwrap();
            let ended = started.wait().unwrap();
            assert_eq!((ended.code(), ended.signal()), (code, signal), "{script}");
        }
    }

    #[test]
    fn a_command_that_does_not_exist_says_so() {
        let held = fork(&Command::new("/nonexistent/command"));
        let error = held.release().unwrap_err();
        assert_eq!(
            error.to_string(),
            "failed to start \"/nonexistent/command\""
        );
        let CommandError::Start { source, .. } = error else {
            panic!("{error:?}");
        };
        assert_eq!(source.kind(), std::io::ErrorKind::NotFound);
    }

    #[test]
    fn a_user_that_does_not_exist_says_so() {
        let error = Identity::of(4_000_000_000).unwrap_err();
        assert!(
            matches!(
                error,
                CommandError::User {
                    uid: 4_000_000_000,
                    ..
                }
            ),
            "{error}"
        );
    }

    #[test]
    fn a_cgroup_that_cannot_be_made_leaves_no_entry() {
        let folder = tempfile::tempdir().unwrap();
        let log = UndoLog::open(&folder.path().join("undo")).unwrap();
        let make = |name| {
            let permit = permit_housekeeping();
            let parent = folder.path().join("gone");
            CommandCgroup::make(&permit, &log, &parent, name, Cause::default())
        };
        assert!(matches!(make("1").unwrap_err(), CommandError::Make { .. }));
        for name in ["", "a/b", "..", "a b"] {
            assert!(
                matches!(make(name).unwrap_err(), CommandError::Name { .. }),
                "{name}"
            );
        }
        assert_eq!(fs::read_dir(folder.path().join("undo")).unwrap().count(), 0);
    }
}
