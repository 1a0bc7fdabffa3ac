//! Sites of what processes have mapped to run. Files are read once, as long as they are not changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{LazyLock, Mutex, PoisonError};

use injector_core::plan::{Number, Site};
use procfs::process::{MMPermissions, MMapPath, Process};

use super::decode::calls;
use super::functions::functions;

/// A file of this version.
type Key = (u64, u64, i64, i64);

static KNOWN: LazyLock<Mutex<BTreeMap<Key, Vec<Site>>>> = LazyLock::new(Mutex::default);

/// Greater ones are no programs that anybody runs.
const LARGEST: u64 = 512 << 20;

/// From where these processes make system calls, by file, call and shape.
pub fn sites_of(pids: impl IntoIterator<Item = i32>) -> Vec<Site> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for pid in pids {
        for path in mapped(pid) {
            let Ok(file) = File::open(format!("/proc/{pid}/root{path}")) else {
                continue;
            };
            found.extend(read(file, &path, &mut seen).unwrap_or_default());
        }
    }
    found
}

/// The files whose instructions a process may run.
fn mapped(pid: i32) -> BTreeSet<String> {
    let maps = Process::new(pid).and_then(|process| process.maps());
    let maps = maps.into_iter().flatten();
    let runs = maps.filter(|map| map.perms.contains(MMPermissions::EXECUTE));
    runs.filter_map(|map| match map.pathname {
        MMapPath::Path(path) => path.to_str().map(str::to_owned),
        _ => None,
    })
    .collect()
}

fn read(mut file: File, path: &str, seen: &mut BTreeSet<(u64, u64)>) -> Option<Vec<Site>> {
    let found: fs::Metadata = file.metadata().ok()?;
    if !seen.insert((found.dev(), found.ino())) || found.len() > LARGEST {
        return None;
    }
    let key = (found.dev(), found.ino(), found.mtime(), found.mtime_nsec());
    let known = remembered(|known| known.get(&key).cloned());
    if let Some(sites) = known {
        let named = sites.into_iter().map(|site| Site {
            path: path.to_owned(),
            ..site
        });
        return Some(named.collect());
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    let sites = sites(&bytes, path, (found.dev(), found.ino()));
    remembered(|known| known.insert(key, sites.clone()));
    Some(sites)
}

fn remembered<T>(work: impl FnOnce(&mut BTreeMap<Key, Vec<Site>>) -> T) -> T {
    work(&mut KNOWN.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Those of a file's contents.
pub(super) fn sites(bytes: &[u8], path: &str, (device, inode): (u64, u64)) -> Vec<Site> {
    let mut by_shape: BTreeMap<(Number, u8), BTreeSet<u64>> = BTreeMap::new();
    for function in functions(bytes) {
        for found in calls(function.bytes) {
            let offset = function.offset + found.offset as u64;
            let shape = (found.number, found.length);
            by_shape.entry(shape).or_default().insert(offset);
        }
    }
    let sites = by_shape.into_iter();
    sites
        .map(|((number, length), offsets)| Site {
            path: path.to_owned(),
            device,
            inode,
            number,
            length,
            offsets: offsets.into_iter().collect(),
        })
        .collect()
}
