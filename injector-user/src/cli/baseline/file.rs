//! Baselines on disk.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use injector_core::problem::{Place, Problem, Problems};
use injector_core::telemetry::Baseline;

use crate::cli::failure::CliError;

/// The longest that is read: as many bands as there can be take less.
const MAX_BYTES: u64 = 8 << 20;

/// Reads a baseline that was kept.
pub(in crate::cli) fn read(path: &Path) -> Result<Baseline, CliError> {
    let unread = |source| CliError::Read {
        path: path.to_owned(),
        source,
    };
    let mut text = String::new();
    let file = fs::File::open(path).map_err(unread)?;
    file.take(MAX_BYTES)
        .read_to_string(&mut text)
        .map_err(unread)?;
    serde_json::from_str(&text).map_err(|error| {
        let place = Place::file(Some(&path.display().to_string()));
        let problem = Problem::new(place, format!("this is no baseline: {error}"));
        Problems::from(problem.hint("`temblor baseline TARGET` makes one")).into()
    })
}

/// Keeps a baseline; the file appears whole or not at all.
pub(super) fn write(path: &Path, baseline: &Baseline) -> Result<(), CliError> {
    let unwritten = |source| CliError::Write {
        path: path.to_owned(),
        source,
    };
    let mut text = serde_json::to_vec_pretty(baseline).map_err(CliError::Json)?;
    text.push(b'\n');
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        fs::create_dir_all(folder).map_err(unwritten)?;
    }
    let beside = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = fs::write(&beside, text).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // What matters is the error that is returned.
        let _never_made = fs::remove_file(&beside);
    }
    written.map_err(unwritten)
}

/// Where the baseline of a target is kept if nobody says.
pub(super) fn usual(target: &str) -> PathBuf {
    let plain = |letter: char| {
        if letter.is_ascii_alphanumeric() || "-_.".contains(letter) {
            letter
        } else {
            '_'
        }
    };
    let name: String = target.chars().map(plain).collect();
    Path::new("temblor-baselines").join(name + ".json")
}
