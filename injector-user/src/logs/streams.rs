//! Where a process writes its output and errors.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use injector_core::plan::FileId;

use crate::target::file_id_of;

/// One of the two, of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stream {
    /// Below `/proc`, which leads to the file itself, wherever it is named or no longer is.
    pub(super) path: PathBuf,
    /// What it is, as the kernel names it: a path, `pipe:[123]`.
    pub(super) link: String,
    /// Whose it is, such as `output of redis (123)`.
    pub(super) whose: String,
    pub(super) file: Result<FileId, String>,
}

const STREAMS: [(u8, &str); 2] = [(1, "output"), (2, "errors")];

/// Those of a process that are open.
pub(super) fn streams(pid: i32, comm: &str) -> Vec<Stream> {
    let found = STREAMS.into_iter().filter_map(|(number, name)| {
        let path = PathBuf::from(format!("/proc/{pid}/fd/{number}"));
        let whose = format!("{name} of {comm} ({pid})");
        stream(path, whose)
    });
    found.collect()
}

/// None where it is closed, or the process has vanished.
fn stream(path: PathBuf, whose: String) -> Option<Stream> {
    let link = match fs::read_link(&path) {
        Ok(link) => link.to_string_lossy().into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            return Some(Stream {
                link: whose.clone(),
                path,
                whose,
                file: Err(error.to_string()),
            });
        }
    };
    let file = regular(&path, &link);
    Some(Stream {
        path,
        link,
        whose,
        file,
    })
}

fn regular(path: &Path, link: &str) -> Result<FileId, String> {
    let found = fs::metadata(path).map_err(|error| error.to_string())?;
    if found.is_file() {
        return Ok(file_id_of(&found));
    }
    Err(match link {
        "/dev/null" => "it is thrown away (/dev/null)".to_owned(),
        link if link.starts_with("pipe:") => {
            "it is a pipe, which only its own reader can read".to_owned()
        }
        link if link.starts_with("socket:") => {
            "it is a socket, which only its own reader can read, perhaps the journal".to_owned()
        }
        link if link.starts_with("/dev/") => format!("it is a terminal or device ({link})"),
        link => format!("it is no regular file ({link})"),
    })
}
