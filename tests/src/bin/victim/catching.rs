//! Noting signals: who got one, in the order in which they came, in a file that several share.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::thread;

use anyhow::Result;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// From now on the signal does nothing but add a line with our number to the file.
pub(crate) fn catch(number: i32, file: &Path) -> Result<()> {
    let mut file = File::options().append(true).create(true).open(file)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    // Installed before this returns: whoever asked may be sure of it.
    let mut signals = runtime.block_on(async { signal(SignalKind::from_raw(number)) })?;
    thread::spawn(move || {
        runtime.block_on(async {
            while signals.recv().await.is_some() {
                // In one piece, so that lines of several processes do not mix.
                let line = format!("{}\n", std::process::id());
                if file.write_all(line.as_bytes()).is_err() {
                    return;
                }
            }
        });
    });
    Ok(())
}
