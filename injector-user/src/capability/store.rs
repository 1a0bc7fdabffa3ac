//! The file in which findings outlive the process.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use injector_core::plan::{Capability, Mechanism};
use nix::unistd::geteuid;
use serde::{Deserialize, Serialize};

use super::identity::Identity;

/// Where findings are kept; nowhere if they could be taken for those of another kernel.
#[derive(Debug)]
pub(super) struct Store {
    path: PathBuf,
    identity: Option<Identity>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    identity: Identity,
    found: BTreeMap<Mechanism, Capability>,
}

/// Far more than there is to say.
const LONGEST: u64 = 1 << 16;

impl Store {
    pub(super) fn new(run_dir: &Path, identity: Option<Identity>) -> Self {
        Self {
            path: run_dir.join("capabilities.json"),
            identity,
        }
    }

    /// What it says about this kernel and program.
    pub(super) fn load(&self) -> BTreeMap<Mechanism, Capability> {
        let read = read_trusted(&self.path).ok();
        let contents = read.and_then(|text| serde_json::from_str::<Contents>(&text).ok());
        match contents {
            Some(Contents { identity, found }) if Some(&identity) == self.identity.as_ref() => {
                found
            }
            _ => BTreeMap::new(),
        }
    }

    /// Replaces the file. If that fails, the next process finds out for itself.
    pub(super) fn save(&self, found: &BTreeMap<Mechanism, Capability>) {
        if let Some(identity) = &self.identity {
            let contents = Contents {
                identity: identity.clone(),
                found: found.clone(),
            };
            let _next_one_tries_again = self.replace(&contents);
        }
    }

    fn replace(&self, contents: &Contents) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(contents)?;
        let unfinished = self
            .path
            .with_extension(format!("{}.tmp", std::process::id()));
        let mut options = File::options();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(&unfinished)?;
        let written = file
            .write_all(&text)
            .and_then(|()| fs::rename(&unfinished, &self.path));
        if written.is_err() {
            let _nothing_to_remove = fs::remove_file(&unfinished);
        }
        written
    }
}

/// Reads a file that only root or we ourselves can have written.
fn read_trusted(path: &Path) -> io::Result<String> {
    let mut options = File::options();
    let options = options.read(true);
    let file = options
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)?;
    let data = file.metadata()?;
    let owned = data.uid() == 0 || data.uid() == geteuid().as_raw();
    if !data.is_file() || !owned || data.mode() & 0o022 != 0 {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}
