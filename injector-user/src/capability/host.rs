//! What is worth knowing of a host besides its mechanisms. Reading it needs no root.

use std::fs;
use std::path::{Path, PathBuf};

use injector_core::plan::Hierarchy;
use serde::Serialize;

use super::identity::build_id;
use super::privileges::Privileges;
use crate::target::Mounts;

/// Something that may not be possible to find out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact<T> {
    Known(T),
    /// And why.
    Unknown(String),
}

/// How the cgroups of a host are laid out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cgroups {
    /// `v2`, `v1`, `hybrid` or `none`.
    pub layout: &'static str,
    /// Where version 2 is mounted.
    pub v2: Option<PathBuf>,
    /// Where the freezer of version 1 is mounted.
    pub freezer_v1: Option<PathBuf>,
}

/// What the host is like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Host {
    pub kernel: Fact<String>,
    pub build: Fact<String>,
    pub cgroups: Fact<Cgroups>,
    /// Whether the kernel has type information.
    pub btf: bool,
    /// `none`, `integrity` or `confidentiality`.
    pub lockdown: Fact<String>,
    /// The security modules in use.
    pub lsm: Fact<Vec<String>>,
    pub privileges: Privileges,
}

const SECURITY: &str = "/sys/kernel/security";

impl Host {
    pub fn read() -> Self {
        Self {
            kernel: line("/proc/sys/kernel/osrelease"),
            build: match build_id() {
                Some(build) => Fact::Known(build),
                None => Fact::Unknown("the kernel was built without a build id".to_owned()),
            },
            cgroups: match Mounts::read() {
                Ok(mounts) => Fact::Known(Cgroups::of(&mounts)),
                Err(error) => Fact::Unknown(super::verdict::with_causes(&error)),
            },
            btf: Path::new("/sys/kernel/btf/vmlinux").exists(),
            lockdown: security("lockdown").map(|text| chosen(&text)),
            lsm: security("lsm").map(|text| text.split(',').map(str::to_owned).collect()),
            privileges: Privileges::read(),
        }
    }
}

impl Cgroups {
    fn of(mounts: &Mounts) -> Self {
        let point = |hierarchy| mounts.get(&hierarchy).map(|mount| mount.point.clone());
        let v2 = point(Hierarchy::V2);
        let v1 = mounts.iter().any(|mount| mount.hierarchy != Hierarchy::V2);
        let layout = match (v2.is_some(), v1) {
            (true, true) => "hybrid",
            (true, false) => "v2",
            (false, true) => "v1",
            (false, false) => "none",
        };
        Self {
            layout,
            v2,
            freezer_v1: point(Hierarchy::V1Freezer),
        }
    }
}

impl<T> Fact<T> {
    fn map<U>(self, change: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Self::Known(value) => Fact::Known(change(value)),
            Self::Unknown(reason) => Fact::Unknown(reason),
        }
    }
}

fn line(path: &str) -> Fact<String> {
    match fs::read_to_string(path) {
        Ok(text) => Fact::Known(text.trim_end().to_owned()),
        Err(error) => Fact::Unknown(format!("failed to read {path}: {error}")),
    }
}

/// A file of securityfs, which some hosts do not mount and some show to root only.
fn security(name: &str) -> Fact<String> {
    let path = format!("{SECURITY}/{name}");
    let mounted = fs::read_dir(SECURITY).is_ok_and(|mut entries| entries.next().is_some());
    match fs::read_to_string(&path) {
        Ok(text) => Fact::Known(text.trim_end().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            Fact::Unknown("needs root".to_owned())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && mounted => {
            Fact::Unknown(format!("this kernel has no {path}"))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Fact::Unknown("securityfs is not mounted".to_owned())
        }
        Err(error) => Fact::Unknown(format!("failed to read {path}: {error}")),
    }
}

/// The word in brackets of `none [integrity] confidentiality`.
fn chosen(text: &str) -> String {
    let words = text.split_whitespace();
    let mut bracketed =
        words.filter_map(|word| Some(word.strip_prefix('[')?.strip_suffix(']')?.to_owned()));
    bracketed.next().unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::chosen;

    #[test]
    fn the_chosen_word_is_the_one_in_brackets() {
        assert_eq!(chosen("none [integrity] confidentiality"), "integrity");
        assert_eq!(chosen("none"), "none");
    }
}
