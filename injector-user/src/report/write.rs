//! Writing a report's renderings so that none of them is ever half there.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use injector_core::report::{Report, html, json, markdown};
use thiserror::Error;

use crate::metrics::run_metrics;

/// Why a report was not written.
#[derive(Debug, Error)]
pub enum WriteReport {
    /// The directory could not be made.
    #[error("failed to make the directory {}", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("failed to write {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The report has no form as JSON.
    #[error("failed to write the report as JSON")]
    Json {
        /// Why not.
        source: serde_json::Error,
    },
}

/// Writes `report.json`, `report.md`, `report.html` and `metrics.prom` into a directory, which is made if
/// it is not there, and says where they are. Each file appears whole or not at all.
pub fn write(directory: &Path, report: &Report) -> Result<Vec<PathBuf>, WriteReport> {
    let json = json(report).map_err(|source| WriteReport::Json { source })?;
    fs::create_dir_all(directory).map_err(|source| WriteReport::Directory {
        path: directory.to_owned(),
        source,
    })?;
    let files = [
        ("report.json", json),
        ("report.md", markdown(report)),
        ("report.html", html(report)),
        ("metrics.prom", run_metrics(report)),
    ];
    let mut written = Vec::new();
    for (name, text) in files {
        let path = directory.join(name);
        replace(&path, text.as_bytes()).map_err(|source| WriteReport::File {
            path: path.clone(),
            source,
        })?;
        written.push(path);
    }
    Ok(written)
}

/// Writes beside the file and renames: a full disk leaves the old one.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = PathBuf::from(name);
    let result = File::create(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, path));
    if result.is_err() {
        // Best effort: what matters is the error that is returned.
        drop(fs::remove_file(&temporary));
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Report {
        serde_json::from_str(include_str!("../../core/tests/golden/report.json")).unwrap()
    }

    #[test]
    fn four_files_are_written_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let inside = directory.path().join("a/b");
        let written = write(&inside, &sample()).unwrap();
        assert_eq!(
            written,
            ["report.json", "report.md", "report.html", "metrics.prom"]
                .map(|name| inside.join(name))
        );
        write(&inside, &sample()).unwrap();
        assert_eq!(fs::read_dir(&inside).unwrap().count(), 4);
        let read: Report =
            serde_json::from_str(&fs::read_to_string(inside.join("report.json")).unwrap()).unwrap();
        assert!(read == sample());
    }

    #[test]
    fn what_could_not_be_written_is_named() {
        let error = write(Path::new("/dev/null/here"), &sample()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "failed to make the directory /dev/null/here"
        );
    }

    #[test]
    fn a_file_that_cannot_be_replaced_is_left_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("report.md")).unwrap();
        let error = write(directory.path(), &sample()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "failed to write {}",
                directory.path().join("report.md").display()
            )
        );
        let names: Vec<_> = fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert!(
            names
                .iter()
                .all(|name| !name.to_string_lossy().contains("tmp")),
            "{names:?}"
        );
    }
}
