//! Writing entries, and removing them when they have been undone.

use std::ffi::CString;
use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::entry::{Cause, Effect, Entry, Maker, boot};
use super::fault::UndoError;
use crate::clock::{monotonic_ns, wall_seconds};
use crate::safety::Permit;

/// What a complete entry's file name ends with.
pub(super) const ENTRY: &str = ".json";

/// What an entry's file name ends with while it is being written.
pub(super) const UNFINISHED: &str = ".tmp";

/// The undo log of one engine.
#[derive(Clone, Debug)]
pub struct UndoLog {
    shared: Arc<Shared>,
}

/// An entry that is safely on disk: now the change may be made.
///
/// Dropping it keeps the entry, since what it says has not been undone.
#[derive(Debug)]
#[must_use = "the change that this entry is for must be undone"]
pub struct Recorded {
    log: UndoLog,
    name: CString,
    path: PathBuf,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    folder: File,
    boot: String,
    maker: Maker,
    next: AtomicU64,
}

impl UndoLog {
    /// Opens the log in the folder `path`, which is made if need be, for root alone.
    pub fn open(path: &Path) -> Result<Self, UndoError> {
        let open = |source| UndoError::Open {
            path: path.to_owned(),
            source,
        };
        let mut builder = DirBuilder::new();
        builder
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(open)?;
        let shared = Shared {
            path: path.to_owned(),
            folder: File::open(path).map_err(open)?,
            boot: boot().map_err(UndoError::Identify)?,
            maker: Maker::myself().map_err(UndoError::Identify)?,
            next: AtomicU64::new(0),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// The folder that it is in.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// How many entries there are, whoever made them.
    pub fn len(&self) -> usize {
        let entries = fs::read_dir(&self.shared.path)
            .into_iter()
            .flatten()
            .flatten();
        let is_entry = |name: &std::ffi::OsStr| name.to_string_lossy().ends_with(ENTRY);
        entries.filter(|entry| is_entry(&entry.file_name())).count()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes down what must be undone. On an error nothing is left half written.
    pub fn record(
        &self,
        _permit: &Permit,
        effect: Effect,
        cause: Cause,
    ) -> Result<Recorded, UndoError> {
        let stem = self.stem(&effect);
        let entry = Entry {
            boot: self.shared.boot.clone(),
            maker: self.shared.maker,
            effect,
            cause,
            made_at: wall_seconds(),
        };
        let path = self.shared.path.join(format!("{stem}{ENTRY}"));
        let unfinished = self.shared.path.join(format!("{stem}{UNFINISHED}"));
        let written = write(&entry, &unfinished)
            .and_then(|()| fs::rename(&unfinished, &path))
            .and_then(|()| self.shared.folder.sync_all());
        if let Err(source) = written {
            // Whichever of the two exists; the change will not be made, so neither may stay.
            let cleared = [fs::remove_file(&unfinished), fs::remove_file(&path)];
            debug_assert!(cleared.iter().all(is_gone), "{cleared:?}");
            return Err(UndoError::Write { path, source });
        }
        let name = CString::new(format!("{stem}{ENTRY}")).unwrap_or_default();
        let log = self.clone();
        Ok(Recorded { log, name, path })
    }

    /// Unique on this host for as long as it is up.
    fn stem(&self, effect: &Effect) -> String {
        let number = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let (pid, now) = (self.shared.maker.pid, monotonic_ns());
        format!("{}-{pid}-{now}-{number}", effect.word())
    }
}

impl Recorded {
    /// The folder of the log, for whoever else may remove the entry.
    pub fn folder(&self) -> BorrowedFd<'_> {
        self.log.shared.folder.as_fd()
    }

    /// Where the entry is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The entry's file name in [`Recorded::folder`].
    pub fn name(&self) -> &std::ffi::CStr {
        &self.name
    }

    /// The change has been undone, and that has been verified. An entry that the keeper has removed
    /// already is fine.
    pub fn done(self) -> Result<(), UndoError> {
        let removed = fs::remove_file(&self.path);
        if is_gone(&removed) {
            return Ok(());
        }
        removed.map_err(|source| UndoError::Remove {
            path: self.path,
            source,
        })
    }
}

fn write(entry: &Entry, path: &Path) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(entry)?;
    text.push(b'\n');
    let mut options = File::options();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(&text)?;
    file.sync_all()
}

fn is_gone(removed: &io::Result<()>) -> bool {
    match removed {
        Ok(()) => true,
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::ErrorKind;
    use std::path::Path;

    use super::super::entry::{Cause, Effect, Entry};
    use super::{UndoError, UndoLog};
    use crate::safety::permit_housekeeping;

    fn effect() -> Effect {
        Effect::RemoveCgroup {
            path: "/cg/temblor-1".into(),
            inode: Some(7),
        }
    }

    fn files(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    #[test]
    fn an_entry_is_on_disk_until_it_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let undo = folder.path().join("run/undo");
        let log = UndoLog::open(&undo).unwrap();
        let cause = Cause {
            fault: Some("freeze-1".to_owned()),
            owner: None,
        };
        let permit = permit_housekeeping();
        let recorded = log.record(&permit, effect(), cause.clone()).unwrap();
        let name = recorded.name().to_str().unwrap().to_owned();
        assert_eq!(files(&undo), [name.as_str()]);
        let text = fs::read_to_string(undo.join(&name)).unwrap();
        let entry: Entry = serde_json::from_str(&text).unwrap();
        assert_eq!((entry.effect, entry.cause), (effect(), cause));
        recorded.done().unwrap();
        assert_eq!(files(&undo), Vec::<String>::new());
    }

    #[test]
    fn an_entry_removed_by_the_keeper_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let log = UndoLog::open(folder.path()).unwrap();
        let recorded = log
            .record(&permit_housekeeping(), effect(), Cause::default())
            .unwrap();
        fs::remove_file(folder.path().join(recorded.name().to_str().unwrap())).unwrap();
        recorded.done().unwrap();
    }

    #[test]
    fn dropping_a_record_keeps_its_entry() {
        let folder = tempfile::tempdir().unwrap();
        let log = UndoLog::open(folder.path()).unwrap();
        let record = || log.record(&permit_housekeeping(), effect(), Cause::default());
        drop(record().unwrap());
        drop(record().unwrap());
        assert_eq!(files(folder.path()).len(), 2);
    }

    #[test]
    fn a_log_that_cannot_be_written_says_where() {
        let folder = tempfile::tempdir().unwrap();
        let undo = folder.path().join("undo");
        let log = UndoLog::open(&undo).unwrap();
        fs::remove_dir(&undo).unwrap();
        let recorded = log.record(&permit_housekeeping(), effect(), Cause::default());
        let Err(UndoError::Write { path, source }) = recorded else {
            panic!("{recorded:?}");
        };
        assert!(path.starts_with(&undo), "{}", path.display());
        assert_eq!(source.kind(), ErrorKind::NotFound);
    }
}
