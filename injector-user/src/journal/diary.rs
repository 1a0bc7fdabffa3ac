//! A journal as it is written while its run goes on, for when the run is killed.
//!
//! Beside the journal, as lines of JSON: what the journal begins with, then each [`Entry`]. It is locked for as
//! long as its run lives, and removed when the journal is written. What a killed process has written is there;
//! what a host had not written to its disk when it lost its power is not.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use injector_core::journal::{Entry, Journal, Unfinished};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::unix_ms;

/// The open file.
#[derive(Debug)]
pub struct Diary {
    path: PathBuf,
    file: Flock<File>,
    /// Once a line could not be written whole, none after it can be read.
    broken: bool,
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Beginning {
    /// Where the experiment was read from, absolute.
    pub file: PathBuf,
    /// As they were written; none if none is to be played.
    pub rollbacks: Vec<Value>,
    /// What is known before anything is done.
    pub journal: Journal,
}

/// What a run left whose process is gone.
#[derive(Debug)]
pub struct Left {
    pub diary: Diary,
    /// Where its experiment was read from.
    pub file: PathBuf,
    pub unfinished: Unfinished,
}

impl Diary {
    /// Begins one for the journal at `journal_path`.
    pub fn begin(journal_path: &Path, beginning: &Beginning) -> io::Result<Self> {
        let mut name = journal_path.as_os_str().to_owned();
        // In containers processes often have the same number.
        let (process, now) = (std::process::id(), unix_ms());
        name.push(format!(".{process}-{now}{SUFFIX}"));
        let path = PathBuf::from(name);
        let created = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(&path)?;
        let file = lock(created)?;
        let broken = false;
        let mut diary = Self { path, file, broken };
        let written = diary.line(beginning);
        if written.is_err() {
            diary.remove();
        }
        written.map(|()| diary)
    }

    /// Adds what happened.
    pub fn add(&mut self, entry: &Entry) -> io::Result<()> {
        self.line(entry)
    }

    /// The journal is written, or nobody wants it.
    pub fn remove(&self) {
        // Whoever finds it would take the run for one that was killed; more cannot be done about it.
        drop(fs::remove_file(&self.path));
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        if self.broken {
            return Ok(());
        }
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        let written = self.file.write_all(&text);
        self.broken = written.is_err();
        written
    }
}

const SUFFIX: &str = ".unfinished";

/// What was left by runs with their journal at `journal_path` whose processes are gone, the oldest first.
pub fn left(journal_path: &Path) -> io::Result<Vec<Left>> {
    let mut found = Vec::new();
    for path in beside(journal_path)? {
        found.extend(read(&path)?);
    }
    found.sort_by(|one, other| one.unfinished.start().cmp(other.unfinished.start()));
    Ok(found)
}

/// Files with names of diaries of this journal.
fn beside(journal_path: &Path) -> io::Result<Vec<PathBuf>> {
    let directory = match journal_path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _here => Path::new("."),
    };
    let mut prefix = journal_path.file_name().unwrap_or_default().to_owned();
    prefix.push(".");
    let entries = match fs::read_dir(directory) {
        // Whoever writes the journal says so.
        Err(absent) if is_absent(&absent) => return Ok(Vec::new()),
        entries => entries?,
    };
    let names = entries.map(|entry| entry.map(|entry| entry.file_name()));
    let names = names.collect::<io::Result<Vec<OsString>>>()?;
    let is_diary = |name: &OsString| {
        let bytes = name.as_encoded_bytes();
        bytes.starts_with(prefix.as_encoded_bytes()) && bytes.ends_with(SUFFIX.as_bytes())
    };
    let diaries = names.into_iter().filter(is_diary);
    Ok(diaries.map(|name| directory.join(name)).collect())
}

fn is_absent(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

/// Nothing if its run lives, or if it was killed before the first line was written.
fn read(path: &Path) -> io::Result<Option<Left>> {
    let opened = OpenOptions::new().read(true).append(true).open(path);
    let file = match opened.map(lock) {
        Ok(Ok(file)) => file,
        // Its run has ended meanwhile, or lives.
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => return Ok(None),
        Ok(Err(held)) if held.kind() == io::ErrorKind::WouldBlock => return Ok(None),
        Ok(Err(error)) | Err(error) => return Err(error),
    };
    let mut lines = BufReader::new(&*file).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let Ok(beginning) = serde_json::from_str::<Beginning>(&first) else {
        return Ok(None);
    };
    let mut unfinished = Unfinished::new(beginning.journal, beginning.rollbacks);
    // A line that was not written whole is the last.
    while let Some(Ok(entry)) = lines
        .next()
        .transpose()?
        .map(|line| serde_json::from_str(&line))
    {
        unfinished.add(entry);
    }
    let path = path.to_owned();
    let broken = false;
    Ok(Some(Left {
        diary: Diary { path, file, broken },
        file: beginning.file,
        unfinished,
    }))
}

/// Only one process has it, and has it until it ends.
fn lock(file: File) -> io::Result<Flock<File>> {
    let held = |(_file, errno): (File, Errno)| io::Error::from(errno);
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(held)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use injector_core::journal::{Begun, Entry, Journal, PlayedStatus, Status};
    use injector_core::report::Phase;
    use serde_json::json;
    use tempfile::TempDir;

    use super::{Beginning, Diary, left};

    fn beginning() -> Beginning {
        let journal: Journal = serde_json::from_value(json!({
            "chaoslib-version": "1.44.0", "platform": "p", "node": "n",
            "experiment": { "title": "t" },
            "start": "2026-01-01T00:00:00.000000+00:00", "status": "completed", "deviated": false,
            "steady_states": { "before": null, "after": null, "during": [] },
            "run": [], "rollbacks": [], "end": "", "duration": 0.0,
        }))
        .unwrap();
        Beginning {
            file: "/e.json".into(),
            rollbacks: vec![json!({"name": "one"}), json!({"name": "two"})],
            journal,
        }
    }

    fn begun(phase: Phase, name: &str) -> Entry {
        Entry::Begun(Begun {
            phase,
            activity: json!({ "name": name }),
            start: "2026-01-01T00:00:01.000000+00:00".to_owned(),
        })
    }

    fn played(phase: Phase, name: &str, status: &str) -> Entry {
        let played = serde_json::from_value(json!({
            "activity": { "name": name }, "output": null, "status": status, "duration": 1.0,
            "start": "2026-01-01T00:00:01.000000+00:00", "end": "2026-01-01T00:00:02.000000+00:00",
        }))
        .unwrap();
        Entry::Played { phase, played }
    }

    #[test]
    fn it_is_found_only_when_its_run_is_gone() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("journal.json");
        let diary = Diary::begin(&path, &beginning()).unwrap();
        assert!(left(&path).unwrap().is_empty());
        drop(diary);
        assert_eq!(left(&path).unwrap().len(), 1);
        assert!(left(&folder.path().join("other.json")).unwrap().is_empty());
        left(&path).unwrap()[0].diary.remove();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_line_that_was_not_written_whole_ends_it() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("journal.json");
        let mut diary = Diary::begin(&path, &beginning()).unwrap();
        diary.add(&begun(Phase::Method, "a")).unwrap();
        diary.add(&played(Phase::Method, "a", "succeeded")).unwrap();
        diary.add(&begun(Phase::Rollback, "one")).unwrap();
        diary
            .add(&played(Phase::Rollback, "one", "succeeded"))
            .unwrap();
        diary.add(&begun(Phase::Rollback, "two")).unwrap();
        let file = diary.path.clone();
        drop(diary);
        let whole = fs::read(&file).unwrap();
        for length in 0..=whole.len() {
            fs::write(&file, &whole[..length]).unwrap();
            let lines = whole[..length].split(|byte| *byte == b'\n').count() - 1;
            let Some(found) = left(&path).unwrap().pop() else {
                assert_eq!(lines, 0);
                continue;
            };
            let rollbacks = found.unfinished.rollbacks_left().len();
            let journal = found.unfinished.interrupted();
            assert_eq!(journal.status, Status::Interrupted);
            let whole_lines = if whole[length - 1] == b'\n' {
                lines
            } else {
                lines.max(1)
            };
            let expected = [
                (0, 0, 2),
                (0, 0, 2),
                (1, 0, 2),
                (1, 0, 2),
                (1, 1, 2),
                (1, 1, 1),
                (1, 2, 1),
            ];
            let known = (journal.run.len(), journal.rollbacks.len(), rollbacks);
            // The last line may be whole without its end.
            let next = expected.get(whole_lines + 1).copied();
            assert!(
                known == expected[whole_lines] || Some(known) == next,
                "{length}: {known:?}"
            );
        }
        let found = left(&path).unwrap().remove(0);
        let rollbacks = found.unfinished.interrupted().rollbacks;
        assert_eq!(rollbacks[1].status, PlayedStatus::Aborted);
    }

    #[test]
    fn one_rollback_that_was_played_does_for_one_that_was_written() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("journal.json");
        let mut beginning = beginning();
        beginning.rollbacks = vec![json!({"name": "one"}); 2];
        let mut diary = Diary::begin(&path, &beginning).unwrap();
        diary
            .add(&played(Phase::Rollback, "one", "failed"))
            .unwrap();
        diary
            .add(&played(Phase::Rollback, "one", "succeeded"))
            .unwrap();
        drop(diary);
        let found = left(&path).unwrap().remove(0);
        assert_eq!(found.unfinished.rollbacks_left(), [&json!({"name": "one"})]);
    }
}
