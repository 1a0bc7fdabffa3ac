//! The list beside an undo log's entry: what our filters are called, and where they hang.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::sys::uio::pread;

use crate::safety::undo::Recorded;
use crate::signals::LIST;

/// Bytes of the name that the list begins with, filled up with zeroes.
pub(super) const NAME: usize = 32;

/// What all filters of one engine are called.
pub(super) type Name = [u8; NAME];

/// Bytes of one interface in the list: its number, and whether its qdisc is ours.
const ROW: usize = 8;

/// An interface where filters of ours hang, or are about to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    pub(super) ifindex: u32,
    /// Its qdisc was not there before.
    pub(super) made: bool,
}

/// What the filters of this process are called.
pub(super) fn own_name() -> Name {
    let mut name = [0; NAME];
    let text = format!("temblor-{}", std::process::id());
    for (to, from) in name.iter_mut().zip(text.bytes()) {
        *to = from;
    }
    name
}

/// The part of a name that is one.
pub(super) fn letters(name: &Name) -> &[u8] {
    let end = name.iter().position(|byte| *byte == 0);
    name.get(..end.map_or(NAME, |end| end + 1)).unwrap_or(name)
}

#[derive(Debug)]
pub(super) struct List {
    path: PathBuf,
    file: File,
}

impl List {
    pub(super) fn make(recorded: &Recorded, name: &Name) -> io::Result<Self> {
        let path = recorded.path().with_extension(LIST);
        let mut options = File::options();
        let options = options.read(true).append(true).create_new(true).mode(0o600);
        let mut file = options.open(&path)?;
        file.write_all(name)?;
        file.sync_data()?;
        Ok(Self { path, file })
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Writes down where something will hang. Only when this has returned may it.
    pub(super) fn add(&mut self, row: Row) -> io::Result<()> {
        let mut bytes = [0; ROW];
        bytes[..4].copy_from_slice(&row.ifindex.to_ne_bytes());
        bytes[4] = u8::from(row.made);
        self.file.write_all(&bytes)?;
        self.file.sync_data()
    }

    /// Nothing hangs there any more.
    pub(super) fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            // The keeper was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}

/// Tells `each` of the list's name and of every row; false if it cannot be read. A row that was not
/// written to its end is of a place where nothing hangs.
pub(super) fn read(list: BorrowedFd<'_>, mut each: impl FnMut(&Name, Row)) -> bool {
    let (mut name, mut bytes) = ([0; NAME], [0; ROW]);
    match pread(list, &mut name, 0) {
        Ok(NAME) => {}
        other => return other.is_ok(),
    }
    for number in 0.. {
        let offset = NAME + number * ROW;
        match pread(list, &mut bytes, i64::try_from(offset).unwrap_or(i64::MAX)) {
            Ok(ROW) => {
                let [a, b, c, d, made, ..] = bytes;
                let ifindex = u32::from_ne_bytes([a, b, c, d]);
                let made = made != 0;
                each(&name, Row { ifindex, made });
            }
            Ok(_) => break,
            Err(Errno::EINTR) => {}
            Err(_) => return false,
        }
    }
    true
}
