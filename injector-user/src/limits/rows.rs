//! What a setting showed before and shows meanwhile, and how it is put back.
//!
//! The loop, the keeper and the undo log do this alike, so it neither allocates nor takes a lock.

use std::os::fd::BorrowedFd;

use nix::errno::Errno;
use nix::sys::uio::{pread, pwrite};

/// The longest list: three lines, none longer than a row of `io.max`.
pub(crate) const MOST: usize = 512;

/// What a file of settings may show at most.
const SHOWN: usize = 4_096;

/// What `io.max` does not show of a device has no limit.
const NO_ROW: &[u8] = b"rbps=max wbps=max riops=max wiops=max";

/// The three lines of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rows<'a> {
    /// What is shown meanwhile.
    pub(crate) during: &'a [u8],
    /// What was shown before.
    pub(crate) before: &'a [u8],
    /// What the row begins with that is meant, such as `8:0`; empty where the whole file is meant. Of a
    /// row only those words are ours that the other two lines have.
    pub(crate) key: &'a [u8],
}

/// Whose value a setting shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The old one.
    Before,
    /// Ours.
    During,
    /// Somebody else's.
    Other,
}

impl<'a> Rows<'a> {
    /// Reads a list; none if it is not whole.
    pub(crate) fn read(list: &'a [u8]) -> Option<Self> {
        let mut lines = list.split(|byte| *byte == b'\n');
        let rows = Self {
            during: lines.next()?,
            before: lines.next()?,
            key: lines.next()?,
        };
        // What follows the last line's end is empty.
        lines.next().map(|_end| rows)
    }

    /// The list to write down.
    pub(crate) fn to_list(self) -> Vec<u8> {
        let lines = [self.during, self.before, self.key];
        lines
            .iter()
            .flat_map(|line| [*line, b"\n"].concat())
            .collect()
    }

    /// What is ours, each by itself: other words of the row may change meanwhile.
    fn each(self) -> impl Iterator<Item = Self> {
        let separator = if self.key.is_empty() { b'\n' } else { b' ' };
        let words = move |line: &'a [u8]| line.split(move |byte| *byte == separator);
        let pairs = words(self.during).zip(words(self.before));
        pairs.map(move |(during, before)| Self {
            during,
            before,
            key: self.key,
        })
    }

    /// Whether the file shows `value` where it is meant.
    fn is_shown(self, shown: &[u8], value: &[u8]) -> bool {
        if self.key.is_empty() {
            return shown.trim_ascii_end() == value;
        }
        let mut rows = shown.split(|byte| *byte == b'\n');
        let found = rows.find_map(|row| row.strip_prefix(self.key)?.strip_prefix(b" "));
        let row = found.unwrap_or(NO_ROW);
        row.split(|byte| *byte == b' ').any(|word| word == value)
    }
}

/// What the setting shows now.
pub(crate) fn look(file: BorrowedFd<'_>, rows: Rows<'_>) -> nix::Result<Found> {
    let mut shown = [0; SHOWN];
    let shown = read(file, &mut shown)?;
    let all = |value: fn(Rows<'_>) -> &[u8]| rows.each().all(|one| one.is_shown(shown, value(one)));
    Ok(if all(|one| one.during) {
        Found::During
    } else if all(|one| one.before) {
        Found::Before
    } else {
        Found::Other
    })
}

/// Whether anything of ours is shown, be it beside what somebody else has written since.
pub(crate) fn remains(file: BorrowedFd<'_>, rows: Rows<'_>) -> nix::Result<bool> {
    let mut shown = [0; SHOWN];
    let shown = read(file, &mut shown)?;
    Ok(rows.each().any(|one| one.is_shown(shown, one.during)))
}

/// All that the file shows, or an error: from a part of it nothing follows.
fn read<'s>(file: BorrowedFd<'_>, shown: &'s mut [u8; SHOWN]) -> nix::Result<&'s [u8]> {
    let length = pread(file, shown, 0)?;
    let whole = shown.get(..length).filter(|whole| whole.len() < SHOWN);
    whole.ok_or(Errno::EFBIG)
}

/// Writes one of the two values.
pub(crate) fn write(file: BorrowedFd<'_>, rows: Rows<'_>, value: &[u8]) -> nix::Result<()> {
    let mut line = [0; MOST];
    let parts = if rows.key.is_empty() {
        [rows.key, b"", value]
    } else {
        [rows.key, b" ", value]
    };
    let mut length = 0;
    for part in parts {
        let end = length + part.len();
        let to = line.get_mut(length..end).ok_or(Errno::E2BIG)?;
        to.copy_from_slice(part);
        length = end;
    }
    pwrite(file, line.get(..length).unwrap_or_default(), 0).map(drop)
}

/// Puts the old values back where ours are; true if ours are there no more.
pub(crate) fn put_back(file: BorrowedFd<'_>, rows: Rows<'_>) -> nix::Result<bool> {
    for one in rows.each() {
        if remains(file, one)? {
            write(file, one, one.before)?;
        }
    }
    remains(file, rows).map(|any| !any)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::fd::AsFd as _;

    use super::{Found, Rows, look, put_back, remains};

    const CPU: Rows<'_> = Rows {
        during: b"20000 100000",
        before: b"max 100000",
        key: b"",
    };

    const DISK: Rows<'_> = Rows {
        during: b"rbps=1048576 riops=7",
        before: b"rbps=max riops=9",
        key: b"8:0",
    };

    #[test]
    fn a_list_reads_back() {
        for rows in [CPU, DISK] {
            let list = rows.to_list();
            assert_eq!(Rows::read(&list), Some(rows));
            for end in 0..list.len() {
                assert_eq!(Rows::read(&list[..end]), None, "{end} bytes of it");
            }
        }
    }

    #[track_caller]
    fn check(rows: Rows<'_>, shown: &str, found: Found, after: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("setting");
        fs::write(&path, shown).unwrap();
        let file = File::options().read(true).write(true).open(&path).unwrap();
        assert_eq!(look(file.as_fd(), rows), Ok(found), "{shown}");
        assert_eq!(put_back(file.as_fd(), rows), Ok(true), "{shown}");
        assert_eq!(fs::read_to_string(&path).unwrap(), after);
    }

    // Ordinary files keep the tail that the kernel's would not.
    #[test]
    fn only_what_we_wrote_is_put_back() {
        check(CPU, "20000 100000\n", Found::During, "max 10000000\n");
        check(CPU, "max 100000\n", Found::Before, "max 100000\n");
        check(CPU, "30000 100000\n", Found::Other, "30000 100000\n");
        check(CPU, "20000 1000000\n", Found::Other, "20000 1000000\n");
    }

    /// One word alone, so that an ordinary file is like the kernel's in what matters.
    const READS: Rows<'_> = Rows {
        during: b"rbps=1048576",
        before: b"rbps=max",
        key: b"8:0",
    };

    #[test]
    fn of_a_device_its_own_row_counts() {
        let theirs = "18:0 rbps=1048576 wbps=max riops=max wiops=max\n";
        check(READS, theirs, Found::Before, theirs);
        check(READS, "", Found::Before, "");
        let other = "8:0 rbps=1048577 wbps=max riops=max wiops=max\n";
        check(READS, other, Found::Other, other);
        let ours = "8:0 rbps=1048576 wbps=9 riops=max wiops=max\n";
        let after = "8:0 rbps=max8576 wbps=9 riops=max wiops=max\n";
        check(READS, ours, Found::During, after);
    }

    #[test]
    fn of_a_row_each_word_counts_by_itself() {
        let shown = "8:0 rbps=1048576 wbps=5 riops=7 wiops=max\n";
        let found = |shown: &str| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("setting");
            fs::write(&path, shown).unwrap();
            let file = File::open(&path).unwrap();
            (look(file.as_fd(), DISK), remains(file.as_fd(), DISK))
        };
        assert_eq!(found(shown), (Ok(Found::During), Ok(true)));
        let before = shown.replace("1048576", "max").replace("=7", "=9");
        assert_eq!(found(&before), (Ok(Found::Before), Ok(false)));
        // Ours is still there beside theirs, and is taken back.
        let half = shown.replace("=7", "=8");
        assert_eq!(found(&half), (Ok(Found::Other), Ok(true)));
        let after = "8:0 rbps=max8576 wbps=5 riops=8 wiops=max\n";
        check(DISK, &half, Found::Other, after);
    }

    #[test]
    fn from_a_part_nothing_follows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("setting");
        fs::write(&path, "9:9 rbps=1\n".repeat(500)).unwrap();
        let file = File::open(&path).unwrap();
        let refused = Err(nix::errno::Errno::EFBIG);
        assert_eq!(look(file.as_fd(), DISK), refused);
        assert_eq!(put_back(file.as_fd(), DISK), refused.map(|_: Found| true));
    }

    #[test]
    fn a_file_that_cannot_be_written_is_not_put_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("setting");
        fs::write(&path, "20000 100000\n").unwrap();
        let file = File::open(&path).unwrap();
        let refused = put_back(file.as_fd(), CPU);
        assert_eq!(refused, Err(nix::errno::Errno::EBADF));
    }
}
