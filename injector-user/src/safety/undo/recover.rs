//! Undoing what an engine that is no more has left in the log.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use serde::Serialize;

use super::entry::{Effect, Entry, Maker, boot};
use super::fault::UndoError;
use super::log::{ENTRY, UNFINISHED};
use crate::filters::sweep_namespace;
use crate::freezer::{Flavour, Freezer};
use crate::limits::{Found, Rows, look, put_back};
use crate::signals::{LIST, continue_all};
use crate::sys::fd::{pidfd_open, pidfd_signal};
use crate::target::{descendants, end_members, find_namespace, has_vanished, members};

/// What an entry's file name ends with once it has been set aside.
const ASIDE: &str = ".bad";

/// What became of one file of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    pub file: PathBuf,
    pub effect: Option<Effect>,
    pub ending: Ending,
}

/// How an entry ended; all but the last three are removed from the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "ending", content = "note", rename_all = "kebab-case")]
pub enum Ending {
    /// Undone, and seen to be.
    Undone,
    /// There was nothing to undo, and why.
    Dropped(String),
    /// Still somebody's business, and whose.
    Kept(String),
    /// Not undone, and why.
    Failed(String),
    /// Not readable; renamed, so that it is neither lost nor in the way.
    SetAside(String),
}

impl Ending {
    /// Whether something of ours may still be on the host.
    pub fn is_incomplete(&self) -> bool {
        match self {
            Self::Undone | Self::Dropped(_) | Self::Kept(_) => false,
            Self::Failed(_) | Self::SetAside(_) => true,
        }
    }
}

/// Undoes what the log in `folder` holds, the newest first; a folder that does not exist holds
/// nothing. May be called at any time and any number of times: entries of an engine that still runs
/// are kept.
pub fn recover(folder: &Path) -> Result<Vec<Outcome>, UndoError> {
    let files = list(folder).map_err(|source| UndoError::Read {
        path: folder.to_owned(),
        source,
    })?;
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let boot = boot().map_err(UndoError::Identify)?;
    Ok(files
        .into_iter()
        .filter_map(|file| settle(file, &boot))
        .collect())
}

/// Entries and what remains of unfinished ones, newest first.
fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.to_string_lossy();
        if name.ends_with(ENTRY) || name.ends_with(UNFINISHED) {
            let changed = fs::metadata(&path).map(|data| (data.mtime(), data.mtime_nsec()));
            files.push((changed.unwrap_or_default(), path.clone()));
        }
    }
    files.sort_by(|left, right| right.cmp(left));
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

/// Deals with one file; nothing if the keeper was faster.
fn settle(file: PathBuf, boot: &str) -> Option<Outcome> {
    if file.to_string_lossy().ends_with(UNFINISHED) {
        let note = "an entry that was never finished, so its change was never made".to_owned();
        return Some(close(file, None, Ending::Dropped(note)));
    }
    let text = match fs::read_to_string(&file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        text => text,
    };
    let entry = text
        .map_err(|error| error.to_string())
        .and_then(|text| serde_json::from_str::<Entry>(&text).map_err(|error| error.to_string()));
    Some(match entry {
        Ok(entry) => {
            let ending = judge(&entry, &file, boot);
            close(file, Some(entry.effect), ending)
        }
        Err(reason) => {
            let ending = set_aside(&file, &reason);
            Outcome {
                file,
                effect: None,
                ending,
            }
        }
    })
}

fn judge(entry: &Entry, file: &Path, boot: &str) -> Ending {
    if entry.boot != boot {
        return Ending::Dropped("made before the host was last started".to_owned());
    }
    if entry.maker.is_alive() {
        return Ending::Kept(format!("in use by the engine with pid {}", entry.maker.pid));
    }
    match &entry.effect {
        Effect::Thaw {
            freezer,
            path,
            inode,
        } => thaw(*freezer, path, *inode),
        Effect::RemoveCgroup { path, inode } => remove_cgroup(path, *inode),
        Effect::Unhang { netns, inode } => unhang(netns, *inode, &file.with_extension(LIST)),
        Effect::Continue => continue_listed(&file.with_extension(LIST)),
        Effect::Answer {
            path,
            inode,
            keeper,
        } => end_unanswered(path, *inode, *keeper),
        Effect::EndWorker { worker } => end_worker(*worker),
        Effect::Restore {
            path,
            inode,
            file,
            key,
            before,
            during,
        } => {
            let rows = Rows {
                during: during.as_bytes(),
                before: before.as_bytes(),
                key: key.as_bytes(),
            };
            restore(path, *inode, file, rows)
        }
    }
}

/// Removes the file of an entry that needs nothing more.
fn close(file: PathBuf, effect: Option<Effect>, ending: Ending) -> Outcome {
    let removed = match ending {
        Ending::Undone | Ending::Dropped(_) => {
            // Some have a list beside them, and it goes first: an entry without one is harmless.
            let _absent = fs::remove_file(file.with_extension(LIST));
            fs::remove_file(&file)
        }
        Ending::Kept(_) | Ending::Failed(_) | Ending::SetAside(_) => Ok(()),
    };
    let ending = match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Ending::Failed(format!("undone, but the entry cannot be removed: {error}"))
        }
        _ => ending,
    };
    Outcome {
        file,
        effect,
        ending,
    }
}

fn thaw(flavour: Flavour, path: &Path, inode: u64) -> Ending {
    if let Some(gone) = gone(path, Some(inode)) {
        return gone;
    }
    let verified = Freezer::open(flavour, path).and_then(|freezer| {
        freezer.thaw()?;
        freezer.is_asked()
    });
    match verified {
        Ok(false) => Ending::Undone,
        Ok(true) => {
            Ending::Failed("the cgroup was told to thaw and still asks to freeze".to_owned())
        }
        Err(error) if error.has_vanished() => Ending::Dropped("the cgroup has vanished".to_owned()),
        Err(error) => Ending::Failed(with_source(&error)),
    }
}

/// Takes away the filters that the list tells of.
fn unhang(netns: &Path, inode: u64, list: &Path) -> Ending {
    let list = match fs::File::open(list) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ending::Dropped("no filter had been hung up yet".to_owned());
        }
        Err(error) => return Ending::Failed(format!("failed to open the list: {error}")),
        Ok(list) => list,
    };
    let Some(namespace) = find_namespace(netns, inode) else {
        return Ending::Dropped("the network namespace has vanished".to_owned());
    };
    match sweep_namespace(&namespace, list.as_fd()) {
        Ok(true) => Ending::Undone,
        Ok(false) => Ending::Failed("a filter was taken away and is still there".to_owned()),
        Err(error) => Ending::Failed(format!("failed to enter the network namespace: {error}")),
    }
}

/// Continues who is in the list; without one nobody had been stopped.
fn continue_listed(list: &Path) -> Ending {
    let list = match fs::File::open(list) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ending::Dropped("nobody had been stopped yet".to_owned());
        }
        Err(error) => return Ending::Failed(format!("failed to open the list: {error}")),
        Ok(list) => list,
    };
    if continue_all(list.as_fd()) {
        Ending::Undone
    } else {
        Ending::Failed("a process was told to continue and still stands still".to_owned())
    }
}

/// Ends those whose calls nobody answers any more.
fn end_unanswered(path: &Path, inode: u64, keeper: Maker) -> Ending {
    if keeper.is_alive() {
        return Ending::Kept(format!("the keeper with pid {} answers", keeper.pid));
    }
    if let Some(gone) = gone(path, Some(inode)) {
        return gone;
    }
    match end_members(path) {
        Ok(0) => Ending::Dropped("nobody is left who could call".to_owned()),
        Ok(_) => Ending::Undone,
        Err(error) => Ending::Failed(format!("failed to end the command: {error}")),
    }
}

/// Ends a process of ours whose engine and keeper are no more.
fn end_worker(worker: Maker) -> Ending {
    // How long a process may take to give back what it holds.
    const PATIENCE_MS: u16 = 5_000;
    let ended = || Ending::Dropped("the worker has ended".to_owned());
    let Ok(pidfd) = pidfd_open(Pid::from_raw(worker.pid)) else {
        return ended();
    };
    // Held before it is looked at: it is never somebody else.
    if !worker.is_alive() {
        return ended();
    }
    if let Err(errno) = pidfd_signal(pidfd.as_fd(), Signal::SIGKILL) {
        return Ending::Failed(format!("failed to end the worker: {errno}"));
    }
    let mut fds = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
    match poll(&mut fds, PollTimeout::from(PATIENCE_MS)) {
        Ok(1..) => Ending::Undone,
        _ => Ending::Failed("the worker was killed and still runs".to_owned()),
    }
}

/// Puts a setting back where it still shows ours.
fn restore(path: &Path, inode: u64, file: &str, rows: Rows<'_>) -> Ending {
    if let Some(gone) = gone(path, Some(inode)) {
        return gone;
    }
    let mut options = fs::File::options();
    let opened = options.read(true).write(true).open(path.join(file));
    let put = opened.and_then(|opened| {
        let found = look(opened.as_fd(), rows)?;
        let put = put_back(opened.as_fd(), rows)?;
        Ok((found, put))
    });
    match put {
        Ok((_, false)) => {
            Ending::Failed(format!("{file} was put back and still shows what it did"))
        }
        Ok((Found::During, true)) => Ending::Undone,
        Ok((Found::Before, true)) => Ending::Dropped(format!("{file} is as it was")),
        Ok((Found::Other, true)) => {
            Ending::Dropped(format!("somebody else has changed {file} since"))
        }
        Err(error) if has_vanished(&error) => Ending::Dropped("the cgroup has vanished".to_owned()),
        Err(error) => Ending::Failed(format!("failed to put {file} back: {error}")),
    }
}

fn remove_cgroup(path: &Path, inode: Option<u64>) -> Ending {
    if let Some(gone) = gone(path, inode) {
        return gone;
    }
    match members(path) {
        Ok(members) if !members.is_empty() => {
            return Ending::Kept(format!("{} processes still run in it", members.len()));
        }
        Ok(_) => {}
        Err(error) if has_vanished(&error) => {
            return Ending::Dropped("the cgroup has vanished".to_owned());
        }
        Err(error) => return Ending::Failed(format!("failed to read its members: {error}")),
    }
    match remove_tree(path) {
        Ok(()) => Ending::Undone,
        Err(error) => Ending::Failed(format!("failed to remove the cgroup: {error}")),
    }
}

/// Removes an empty cgroup and the empty ones below it; they hold no files of their own.
pub(crate) fn remove_tree(path: &Path) -> io::Result<()> {
    let below = match descendants(path) {
        Err(error) if has_vanished(&error) => return Ok(()),
        below => below?,
    };
    for folder in below.iter().rev().map(PathBuf::as_path).chain([path]) {
        remove_folder(|| fs::remove_dir(folder))?;
    }
    Ok(())
}

/// Removes one cgroup by `remove`; one that is gone already is fine. For a moment after its last
/// process has become a zombie a cgroup is still busy.
pub(crate) fn remove_folder(remove: impl Fn() -> io::Result<()>) -> io::Result<()> {
    const TRIES: u8 = 100;
    const PAUSE_MS: u8 = 2;
    let mut removed = remove();
    for _ in 1..TRIES {
        match &removed {
            Err(error) if error.kind() == ErrorKind::ResourceBusy => {}
            _ => break,
        }
        poll(&mut [], PollTimeout::from(PAUSE_MS))?;
        removed = remove();
    }
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// If `path` is not the cgroup of the entry any more.
fn gone(path: &Path, inode: Option<u64>) -> Option<Ending> {
    let dropped = |note: &str| Some(Ending::Dropped(note.to_owned()));
    match fs::metadata(path) {
        Ok(now) if inode.is_none_or(|inode| inode == now.ino()) => None,
        Ok(_) => dropped("the cgroup has vanished; another one has its name now"),
        Err(error) if error.kind() == ErrorKind::NotFound => dropped("the cgroup has vanished"),
        Err(error) => Some(Ending::Failed(format!(
            "failed to look at the cgroup: {error}"
        ))),
    }
}

fn set_aside(file: &Path, reason: &str) -> Ending {
    let mut aside = file.as_os_str().to_owned();
    aside.push(ASIDE);
    // Never over one that was set aside before.
    while Path::new(&aside).exists() {
        aside.push(ASIDE);
    }
    match fs::rename(file, &aside) {
        Ok(()) => Ending::SetAside(format!("not readable ({reason}), now {}", aside.display())),
        Err(error) => Ending::Failed(format!("not readable ({reason}), nor movable ({error})")),
    }
}

fn with_source(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", with_source(source)),
        None => error.to_string(),
    }
}
