//! The freezer of one cgroup, of either version.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use injector_core::plan::Hierarchy;
use serde::{Deserialize, Serialize};

use super::fault::FreezerError;
use crate::pulses::vet_members;
use crate::safety::Permit;

/// Which interface a cgroup's freezer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flavour {
    /// `cgroup.freeze` and `cgroup.events`.
    V2,
    /// `freezer.state`.
    V1,
}

/// How far a cgroup is from running or standing still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Thawed,
    /// Asked to freeze; some task has not stopped yet.
    Freezing,
    Frozen,
}

/// The freezer of a cgroup, held open: a cgroup made anew under the same path is another one.
#[derive(Debug)]
pub struct Freezer {
    flavour: Flavour,
    path: PathBuf,
    inode: u64,
    control: File,
    /// `cgroup.events`, version 2 only.
    events: Option<File>,
}

impl Flavour {
    /// The freezer that a hierarchy has, if it has one.
    pub fn of(hierarchy: &Hierarchy) -> Option<Self> {
        match hierarchy {
            Hierarchy::V2 => Some(Self::V2),
            Hierarchy::V1Freezer => Some(Self::V1),
            Hierarchy::V1Other(_) => None,
        }
    }
}

impl Freezer {
    /// Opens the freezer of the cgroup at `path`, a folder of the mounted hierarchy.
    pub fn open(flavour: Flavour, path: &Path) -> Result<Self, FreezerError> {
        let open = |source| FreezerError::Open {
            path: path.to_owned(),
            source,
        };
        let inode = fs::metadata(path).map_err(open)?.ino();
        let (control, events) = match open_files(flavour, path) {
            Ok(files) => files,
            // The root has no freezer; every other cgroup of the hierarchy has.
            Err(error) if is_missing(&error) && path.join("cgroup.procs").exists() => {
                let path = path.to_owned();
                return Err(FreezerError::Root { path });
            }
            Err(error) => return Err(open(error)),
        };
        Ok(Self {
            flavour,
            path: path.to_owned(),
            inode,
            control,
            events,
        })
    }

    /// The state of the cgroup at `path`, which needs no right to change it.
    pub fn look(flavour: Flavour, path: &Path) -> Result<State, FreezerError> {
        let read = |name| {
            fs::read_to_string(path.join(name)).map_err(|source| FreezerError::Read {
                path: path.to_owned(),
                source,
            })
        };
        match flavour {
            Flavour::V2 => state(path, &read("cgroup.freeze")?, Some(&read("cgroup.events")?)),
            Flavour::V1 => state(path, &read("freezer.state")?, None),
        }
    }

    pub fn flavour(&self) -> Flavour {
        self.flavour
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Which cgroup this is, for as long as the host is up.
    pub fn inode(&self) -> u64 {
        self.inode
    }

    /// The file that freezes and thaws, open for reading and writing.
    pub fn control(&self) -> BorrowedFd<'_> {
        self.control.as_fd()
    }

    /// Refuses a cgroup that somebody else froze, that is empty, or that holds a process which is
    /// not a target. To be called just before the first freeze.
    pub fn vet(&self, is_target: &dyn Fn(i32) -> bool) -> Result<(), FreezerError> {
        let path = || self.path.clone();
        if self.state()? != State::Thawed {
            return Err(FreezerError::FrozenBefore { path: path() });
        }
        Ok(vet_members(&self.path, is_target)?)
    }

    /// Asks the kernel to freeze; [`Freezer::state`] tells when it has. Asking again is harmless, and
    /// in version 1 it is what makes a stuck `FREEZING` progress.
    pub fn freeze(&self, _permit: &Permit) -> Result<(), FreezerError> {
        self.write(match self.flavour {
            Flavour::V2 => "1",
            Flavour::V1 => "FROZEN",
        })
    }

    /// Takes our freeze back. A cgroup below a frozen one stays frozen.
    pub fn thaw(&self) -> Result<(), FreezerError> {
        self.write(match self.flavour {
            Flavour::V2 => "0",
            Flavour::V1 => "THAWED",
        })
    }

    /// What the cgroup does, be it by its own setting or by that of an ancestor.
    pub fn state(&self) -> Result<State, FreezerError> {
        let control = self.read(&self.control)?;
        let events = self.events.as_ref().map(|file| self.read(file));
        state(&self.path, &control, events.transpose()?.as_deref())
    }

    /// Whether this cgroup's own setting asks for a freeze, whatever its ancestors ask for. After a
    /// thaw this tells whether it took.
    pub fn is_asked(&self) -> Result<bool, FreezerError> {
        let own =
            match self.flavour {
                Flavour::V2 => self.read(&self.control)?,
                Flavour::V1 => fs::read_to_string(self.path.join("freezer.self_freezing"))
                    .map_err(|source| FreezerError::Read {
                        path: self.path.clone(),
                        source,
                    })?,
            };
        Ok(own.trim_end() != "0")
    }

    fn read(&self, file: &File) -> Result<String, FreezerError> {
        let mut buffer = [0; 256];
        let read = file
            .read_at(&mut buffer, 0)
            .map_err(|source| FreezerError::Read {
                path: self.path.clone(),
                source,
            })?;
        Ok(String::from_utf8_lossy(buffer.get(..read).unwrap_or_default()).into_owned())
    }

    fn write(&self, word: &str) -> Result<(), FreezerError> {
        let written = self.control.write_at(word.as_bytes(), 0);
        written.map(drop).map_err(|source| FreezerError::Write {
            path: self.path.clone(),
            source,
        })
    }
}

/// The state that the control file and, in version 2, the events show.
fn state(path: &Path, control: &str, events: Option<&str>) -> Result<State, FreezerError> {
    let unknown = |text: &str| FreezerError::State {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let Some(events) = events else {
        return match control.trim_end() {
            "THAWED" => Ok(State::Thawed),
            "FREEZING" => Ok(State::Freezing),
            "FROZEN" => Ok(State::Frozen),
            other => Err(unknown(other)),
        };
    };
    let frozen = events.lines().find_map(|line| line.strip_prefix("frozen "));
    match (control.trim_end(), frozen) {
        (_, Some("1")) => Ok(State::Frozen),
        ("1", Some("0")) => Ok(State::Freezing),
        ("0", Some("0")) => Ok(State::Thawed),
        _ => Err(unknown(events)),
    }
}

fn open_files(flavour: Flavour, folder: &Path) -> io::Result<(File, Option<File>)> {
    let control = |name| {
        File::options()
            .read(true)
            .write(true)
            .open(folder.join(name))
    };
    match flavour {
        Flavour::V2 => {
            let control = control("cgroup.freeze")?;
            Ok((control, Some(File::open(folder.join("cgroup.events"))?)))
        }
        Flavour::V1 => Ok((control("freezer.state")?, None)),
    }
}

fn is_missing(error: &io::Error) -> bool {
    error.kind() == ErrorKind::NotFound
}
