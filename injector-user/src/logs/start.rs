//! Beginning to follow one source.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use hyper::body::Incoming;
use injector_core::plan::FileId;
use tokio::process::Child;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::container::Output;
use super::feed::{Event, Feed};
use super::find::Wanted;
use super::tail::{From, Tail};
use super::{file, journal};
use crate::target::runtime_sockets;

/// What makes a source the same one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Identity {
    File(FileId),
    Journal(String),
    Container(String),
}

impl Wanted {
    pub(super) fn identity(&self) -> Identity {
        match self {
            Self::File { key, .. } => Identity::File(*key),
            Self::Journal { unit } => Identity::Journal(unit.clone()),
            Self::Container { id, .. } => Identity::Container(id.clone()),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { name, .. } => out.write_str(name),
            Self::Journal { unit } => write!(out, "journal of {unit}"),
            Self::Container { name, .. } => write!(out, "output of container {name}"),
        }
    }
}

/// What every source is begun with.
#[derive(Debug)]
pub(super) struct Starting {
    /// When it all began.
    pub(super) begun: SystemTime,
    pub(super) journalctl: OsString,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) stop: watch::Receiver<bool>,
}

impl Starting {
    /// Opens a source, at its end if it is there from the first, or says why not.
    pub(super) async fn open(&self, wanted: Wanted, is_first: bool) -> Result<Opened, String> {
        match wanted {
            Wanted::File { path, .. } => {
                let from = if is_first {
                    From::End
                } else {
                    From::Since(self.begun)
                };
                let tail = Tail::open(&path, false, from);
                tail.map(Opened::File).map_err(|error| error.to_string())
            }
            Wanted::Journal { unit } => {
                journal::start(&self.journalctl, &unit).map(Opened::Journal)
            }
            Wanted::Container { id, .. } => {
                let output = Output::find(runtime_sockets(), &id).await?;
                let stream = output.open().await?;
                Ok(Opened::Container(output, stream))
            }
        }
    }

    /// For the source at this place.
    pub(super) fn feed(&self, source: usize) -> Feed {
        Feed::new(source, self.events.clone(), self.stop.clone())
    }

    /// Leaves the sources alone with their listener, who learns so when the last of them has gone.
    pub(super) fn close(&mut self) {
        let (nobody, _hears) = mpsc::channel(1);
        self.events = nobody;
    }
}

/// A source that is open.
#[derive(Debug)]
pub(super) enum Opened {
    File(Tail),
    Journal(Child),
    Container(Output, Incoming),
}

impl Opened {
    pub(super) fn follow(self, feed: Feed) -> JoinHandle<()> {
        match self {
            Self::File(tail) => tokio::spawn(file::follow(tail, feed)),
            Self::Journal(journalctl) => tokio::spawn(journal::follow(journalctl, feed)),
            Self::Container(output, stream) => tokio::spawn(output.follow(stream, feed)),
        }
    }
}

/// A file that the user named, by whichever file has the path.
pub(super) fn file_named(path: &Path) -> io::Result<(Identity, Tail)> {
    let tail = Tail::open(path, true, From::End)?;
    Ok((Identity::File(tail.key()), tail))
}
