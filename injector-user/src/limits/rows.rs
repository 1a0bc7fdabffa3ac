//! What a setting showed before and shows meanwhile, and how it is put back.
//!
//! The loop, the keeper and the undo log do this alike, so it neither allocates nor takes a lock.

use std::os::fd::BorrowedFd;

use nix::errno::Errno;
use nix::sys::uio::{pread, pwrite};

/// The longest list: three lines, none longer than a line of `io.max`.
pub(crate) const MOST: usize = 512;

/// What a file of settings may show at most.
const SHOWN: usize = 4_096;

/// What `io.max` does not show of a device has no limit.
const NO_LINE: &[u8] = b"rbps=max wbps=max riops=max wiops=max";

/// The three lines of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rows<'a> {
    /// What is shown meanwhile.
    pub(crate) during: &'a [u8],
    /// What was shown before.
    pub(crate) before: &'a [u8],
    /// What the line begins with that is meant, such as `8:0`; empty where the whole file is meant.
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

    /// Of what a file shows, the part that is meant.
    fn part<'s>(&self, shown: &'s [u8]) -> &'s [u8] {
        if self.key.is_empty() {
            return shown.trim_ascii_end();
        }
        let mut lines = shown.split(|byte| *byte == b'\n');
        let found = lines.find_map(|line| line.strip_prefix(self.key)?.strip_prefix(b" "));
        found.map_or(NO_LINE, <[u8]>::trim_ascii_end)
    }
}

/// What the setting shows now.
pub(crate) fn look(file: BorrowedFd<'_>, rows: Rows<'_>) -> nix::Result<Found> {
    let mut shown = [0; SHOWN];
    let length = pread(file, &mut shown, 0)?;
    let part = rows.part(shown.get(..length).unwrap_or_default());
    Ok(if part == rows.during {
        Found::During
    } else if part == rows.before {
        Found::Before
    } else {
        Found::Other
    })
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

/// Puts the old value back where ours is; true if ours is there no more.
pub(crate) fn put_back(file: BorrowedFd<'_>, rows: Rows<'_>) -> nix::Result<bool> {
    if look(file, rows)? != Found::During {
        return Ok(true);
    }
    write(file, rows, rows.before)?;
    Ok(look(file, rows)? != Found::During)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::fd::AsFd as _;

    use super::{Found, Rows, look, put_back};

    const CPU: Rows<'_> = Rows {
        during: b"20000 100000",
        before: b"max 100000",
        key: b"",
    };

    const DISK: Rows<'_> = Rows {
        during: b"rbps=1048576 wbps=max riops=max wiops=max",
        before: b"rbps=max wbps=max riops=max wiops=max",
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

    #[test]
    fn of_a_device_its_own_line_counts() {
        let theirs = "18:0 rbps=1048576 wbps=max riops=max wiops=max\n";
        check(DISK, theirs, Found::Before, theirs);
        check(DISK, "", Found::Before, "");
        let other = "8:0 rbps=1048577 wbps=max riops=max wiops=max\n";
        check(DISK, other, Found::Other, other);
        let ours = "8:0 rbps=1048576 wbps=max riops=max wiops=max\n";
        check(
            DISK,
            ours,
            Found::During,
            "8:0 rbps=max wbps=max riops=max wiops=max=max\n",
        );
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
