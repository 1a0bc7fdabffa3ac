//! One setting of one cgroup, and its two values.

use std::fs::{self, File};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::OFlag;

use super::fault::LimitError;
use super::meter::Meter;
use super::rows::{Found, Rows, look, put_back, remains, write};
use crate::keeper::Mending;
use crate::pulses::{Condition, ConditionError, Standing, Strain, vet_members};
use crate::safety::Permit;
use crate::safety::undo::Effect;

/// Which setting, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The cgroup's folder of the mounted hierarchy.
    pub folder: PathBuf,
    /// Which cgroup it is, for as long as the host is up.
    pub inode: u64,
    /// Such as `cpu.max`.
    pub file: String,
    /// The row of it that is meant, such as `8:0` of `io.max`; empty where the whole file is.
    pub key: String,
    pub before: String,
    pub during: String,
}

/// A setting, held open: a cgroup made anew under the same path is another one.
#[derive(Debug)]
pub struct Limiter {
    place: Place,
    path: PathBuf,
    control: File,
    /// Opened once more: the kernel lets one write at a time pass through a descriptor, and one that takes
    /// memory back may take long.
    keepers: File,
    meter: Meter,
}

/// How long the kernel may take to bring a cgroup below a new limit of memory, before the write returns.
const RECLAIM: Duration = Duration::from_secs(10);

impl Limiter {
    /// Opens a setting of a cgroup. Nothing is changed by that.
    pub fn open(place: Place) -> Result<Self, LimitError> {
        let path = place.folder.join(&place.file);
        let failed = |source| LimitError::Open {
            path: path.clone(),
            source,
        };
        if fs::metadata(&place.folder).map_err(failed)?.ino() != place.inode {
            return Err(LimitError::Another { path: place.folder });
        }
        Ok(Self {
            control: open(&path).map_err(failed)?,
            keepers: open(&path).map_err(failed)?,
            meter: Meter::of(&place.folder, &place.key),
            place,
            path,
        })
    }

    fn rows(&self) -> Rows<'_> {
        Rows {
            during: self.place.during.as_bytes(),
            before: self.place.before.as_bytes(),
            key: self.place.key.as_bytes(),
        }
    }

    fn look(&self) -> Result<Found, LimitError> {
        look(self.control.as_fd(), self.rows()).map_err(|errno| self.not_read(errno))
    }

    fn not_read(&self, errno: Errno) -> LimitError {
        LimitError::Read {
            path: self.path.clone(),
            source: errno.into(),
        }
    }

    fn change(&self) -> Result<(), LimitError> {
        let path = || self.path.clone();
        match self.look()? {
            Found::During => return Ok(()),
            Found::Other => return Err(LimitError::Overruled { path: path() }),
            Found::Before => {}
        }
        let (file, rows) = (self.control.as_fd(), self.rows());
        write(file, rows, rows.during)
            .map_err(|errno| self.not_written(errno, &self.place.during))?;
        if self.look()? == Found::During {
            return Ok(());
        }
        // Whatever it shows is of our making.
        put_back(file, rows).map_err(|errno| self.not_written(errno, &self.place.before))?;
        Err(LimitError::NotTaken {
            path: path(),
            during: self.place.during.clone(),
        })
    }

    fn not_written(&self, errno: Errno, value: &str) -> LimitError {
        LimitError::Write {
            path: self.path.clone(),
            value: value.to_owned(),
            source: errno.into(),
        }
    }
}

/// The first write of a limit of memory does not wait until the cgroup is below it where the kernel knows
/// that word (6.16).
fn open(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    let options = options.read(true).write(true);
    options.custom_flags(OFlag::O_NONBLOCK.bits()).open(path)
}

impl Condition for Limiter {
    fn vet(&self, is_target: &dyn Fn(i32) -> bool) -> Result<(), ConditionError> {
        if self.look()? != Found::Before {
            let path = self.path.clone();
            let before = self.place.before.clone();
            return Err(LimitError::Changed { path, before }.into());
        }
        let fit = vet_members(&self.place.folder, is_target);
        Ok(fit.map_err(LimitError::from)?)
    }

    fn impose(&self, _permit: &Permit) -> Result<(), ConditionError> {
        Ok(self.change()?)
    }

    fn lift(&self) -> Result<(), ConditionError> {
        let put = put_back(self.control.as_fd(), self.rows());
        let put = put.map_err(|errno| self.not_written(errno, &self.place.before));
        Ok(put.map(drop)?)
    }

    fn standing(&self) -> Result<Standing, ConditionError> {
        match self.look()? {
            Found::Before => Ok(Standing::Lifted),
            Found::During => Ok(Standing::InForce),
            Found::Other => {
                let path = self.path.clone();
                Err(LimitError::Overruled { path }.into())
            }
        }
    }

    fn is_imposed(&self) -> Result<bool, ConditionError> {
        let any = remains(self.control.as_fd(), self.rows());
        Ok(any.map_err(|errno| self.not_read(errno))?)
    }

    fn undoing(&self) -> (Effect, Mending) {
        let Place {
            folder,
            inode,
            file,
            key,
            before,
            during,
        } = self.place.clone();
        let effect = Effect::Restore {
            path: folder,
            inode,
            file,
            key,
            before,
            during,
        };
        (effect, Mending::Restore)
    }

    fn list(&self) -> Option<Vec<u8>> {
        Some(self.rows().to_list())
    }

    fn control(&self) -> BorrowedFd<'_> {
        self.keepers.as_fd()
    }

    fn patience(&self) -> Duration {
        if self.place.file.starts_with("memory.") {
            RECLAIM
        } else {
            Duration::ZERO
        }
    }

    fn strain(&self) -> Strain {
        self.meter.read()
    }
}
