//! What the keeper needs to know beside the undo log's entry, which it cannot read: it may not allocate.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;

use crate::safety::undo::{Recorded, UndoError};
use crate::signals::LIST;

/// Writes it down. Only when this has returned may the keeper be told of the entry.
pub(super) fn write(recorded: &Recorded, rows: &[u8]) -> Result<(), UndoError> {
    let path = recorded.path().with_extension(LIST);
    let mut options = File::options();
    let options = options.write(true).create_new(true).mode(0o600);
    let written = options.open(&path).and_then(|mut file| {
        file.write_all(rows)?;
        file.sync_all()
    });
    written.map_err(|source| {
        let cleared = remove(recorded);
        debug_assert!(cleared.is_ok(), "{cleared:?}");
        UndoError::Write { path, source }
    })
}

/// Removes it, if there is one.
pub(super) fn remove(recorded: &Recorded) -> Result<(), UndoError> {
    let path = recorded.path().with_extension(LIST);
    match fs::remove_file(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(UndoError::Remove { path, source })
        }
        _gone => Ok(()),
    }
}
