//! The end of a file that grows, is renamed, cut short or written anew.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use injector_core::plan::FileId;
use nix::unistd::{Whence, lseek};

use super::line::{Line, MOST_LINE, Splitter};
use crate::target::file_id_of;

/// Read at a time, bytes: small, as each may be a line, and all of them may have to wait.
const PIECE: usize = 8 << 10;

/// So many bytes before what is to be read next are looked at again: a file that was cut short and has
/// grown since has others there.
const REMEMBERED: usize = 64;

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// At its end, or at the beginning of a line that has no end yet.
    End,
    /// At its end if it was there before then, else at its beginning.
    Since(SystemTime),
}

/// A file by its path, and the one that had the path before.
#[derive(Debug)]
pub(super) struct Tail {
    path: PathBuf,
    /// Whether another file of the same path is followed, too.
    by_path: bool,
    now: Reader,
    /// Who writes may take some time to notice that its file was renamed.
    before: Option<Reader>,
}

/// What has come since the last look.
#[derive(Debug, Default)]
pub(super) struct Look {
    pub(super) lines: Vec<Line>,
    pub(super) restarted: bool,
    pub(super) moved: Option<FileId>,
    /// There may be more at once.
    pub(super) is_more: bool,
}

impl Tail {
    /// Opens a regular file. Without `by_path` it stays with this file, whatever becomes of the path.
    pub(super) fn open(path: &Path, by_path: bool, from: From) -> io::Result<Self> {
        let mut now = Reader::open(path)?;
        now.begin(from)?;
        Ok(Self {
            path: path.to_owned(),
            by_path,
            now,
            before: None,
        })
    }

    pub(super) fn key(&self) -> FileId {
        self.now.key
    }

    /// Reads what has come, at most 8 KiB of each file, or takes note that the path is another file now.
    pub(super) fn look(&mut self) -> io::Result<Look> {
        let mut look = Look::default();
        let before = self.before.as_mut();
        let is_before_busy = before.map_or(Ok(false), |before| before.read(&mut look))?;
        if self.now.read(&mut look)? || is_before_busy || look.restarted {
            return Ok(look);
        }
        if let Some(next) = self.successor()? {
            look.moved = Some(next.key);
            look.is_more = true;
            let renamed = std::mem::replace(&mut self.now, next);
            let done = self.before.replace(renamed);
            look.lines
                .extend(done.and_then(|mut done| done.lines.end()));
        }
        Ok(look)
    }

    /// Lines without an end, and how many bytes were left unread.
    pub(super) fn end(mut self) -> (Vec<Line>, u64) {
        let readers = self.before.iter_mut().chain([&mut self.now]);
        let ends = readers.map(|reader| (reader.lines.end(), reader.unread()));
        let (lines, unread): (Vec<_>, Vec<_>) = ends.unzip();
        (lines.into_iter().flatten().collect(), unread.iter().sum())
    }

    /// Another file that the path leads to by now.
    fn successor(&self) -> io::Result<Option<Reader>> {
        if !self.by_path {
            return Ok(None);
        }
        match fs::metadata(&self.path) {
            // It was renamed, and none was made yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
            Ok(found) if !found.is_file() || file_id_of(&found) == self.now.key => {
                return Ok(None);
            }
            Ok(_another) => {}
        }
        match Reader::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            opened => opened.map(Some),
        }
    }
}

/// One open file, read from some place on.
#[derive(Debug)]
struct Reader {
    file: File,
    key: FileId,
    at: u64,
    /// What stands before `at`, its last bytes.
    remembered: Vec<u8>,
    lines: Splitter,
}

impl Reader {
    fn open(path: &Path) -> io::Result<Self> {
        // Looked at first: opening a pipe or a device may do something.
        if !fs::metadata(path)?.is_file() {
            return Err(not_a_file());
        }
        let mut options = OpenOptions::new();
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
        let file = options.read(true).custom_flags(flags).open(path)?;
        let found = file.metadata()?;
        if !found.is_file() {
            return Err(not_a_file());
        }
        Ok(Self {
            file,
            key: file_id_of(&found),
            at: 0,
            remembered: Vec::new(),
            lines: Splitter::default(),
        })
    }

    fn begin(&mut self, from: From) -> io::Result<()> {
        let found = self.file.metadata()?;
        if let From::Since(then) = from
            && found.created().is_ok_and(|created| created >= then)
        {
            return Ok(());
        }
        let size = found.size();
        let back = size.min(MOST_LINE as u64);
        let mut end = vec![0; usize::try_from(back).unwrap_or(MOST_LINE)];
        let length = read_at(&self.file, &mut end, size - back)?;
        end.truncate(length);
        let partial = end.iter().rev().position(|byte| *byte == b'\n');
        // A line that has begun is read from its beginning, unless that is too far away.
        let partial = partial.or((size == back).then_some(length)).unwrap_or(0);
        self.at = size - back + (length - partial) as u64;
        end.truncate(length - partial);
        self.remember(&end);
        Ok(())
    }

    /// Whether it read anything.
    fn read(&mut self, look: &mut Look) -> io::Result<bool> {
        if self.is_another()? {
            self.at = first_data(&self.file);
            self.remembered.clear();
            look.lines.extend(self.lines.end());
            look.restarted = true;
        }
        let mut piece = vec![0; PIECE];
        let length = read_at(&self.file, &mut piece, self.at)?;
        piece.truncate(length);
        self.at += length as u64;
        self.remember(&piece);
        look.lines.extend(self.lines.push(&piece));
        look.is_more |= length > 0 || look.restarted;
        Ok(length > 0)
    }

    /// Whether what was read is not what stands there.
    fn is_another(&self) -> io::Result<bool> {
        let size = self.file.metadata()?.size();
        if size <= self.at {
            return Ok(size < self.at);
        }
        let mut now = vec![0; self.remembered.len()];
        let before = self.at.saturating_sub(self.remembered.len() as u64);
        let length = read_at(&self.file, &mut now, before)?;
        now.truncate(length);
        Ok(now != self.remembered)
    }

    fn remember(&mut self, read: &[u8]) {
        self.remembered.extend_from_slice(read);
        let surplus = self.remembered.len().saturating_sub(REMEMBERED);
        self.remembered.drain(..surplus);
    }

    fn unread(&self) -> u64 {
        let size = self.file.metadata().map_or(0, |found| found.size());
        size.saturating_sub(self.at)
    }
}

fn not_a_file() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")
}

fn read_at(file: &File, piece: &mut [u8], at: u64) -> io::Result<usize> {
    loop {
        match file.read_at(piece, at) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// Where the first byte is: who goes on writing where it was when its file was cut short leaves a hole.
fn first_data(file: &File) -> u64 {
    let found = lseek(file, 0, Whence::SeekData).ok();
    found.and_then(|at| u64::try_from(at).ok()).unwrap_or(0)
}
