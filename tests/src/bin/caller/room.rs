//! What calls are made on: files and sockets.

use std::fs;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use rustix::fs::{XattrFlags, inotify};
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType};
use tempfile::TempDir;

/// Root may set it on every file system that has attributes at all.
pub(crate) const ATTRIBUTE: &str = "trusted.temblor";

/// Fresh for each round.
#[derive(Debug)]
pub(crate) struct Room {
    folder: TempDir,
    pub(crate) file: OwnedFd,
    pub(crate) directory: OwnedFd,
    /// Connected to each other.
    pub(crate) pair: (OwnedFd, OwnedFd),
    pub(crate) unbound: OwnedFd,
    pub(crate) listening: TcpListener,
    pub(crate) unconnected: OwnedFd,
    /// Has something to be received.
    pub(crate) full: OwnedFd,
    pub(crate) watch: OwnedFd,
}

impl Room {
    pub(crate) fn make() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        for name in ["file", "gone", "gone-at", "moved", "to-move", "to-exchange"] {
            fs::write(folder.path().join(name), [b'x'; 4096])?;
        }
        fs::create_dir(folder.path().join("empty"))?;
        std::os::unix::fs::symlink("file", folder.path().join("link"))?;
        let file = fs::File::options()
            .read(true)
            .write(true)
            .open(folder.path().join("file"))?;
        let (family, stream, none) = (
            AddressFamily::UNIX,
            SocketType::STREAM,
            SocketFlags::empty(),
        );
        rustix::fs::fsetxattr(&file, ATTRIBUTE, b"v", XattrFlags::empty())?;
        Ok(Self {
            file: file.into(),
            directory: fs::File::open(folder.path())?.into(),
            pair: rustix::net::socketpair(family, stream, none, None)?,
            unbound: rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None)?,
            listening: TcpListener::bind("127.0.0.1:0")?,
            unconnected: rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None)?,
            full: full()?,
            watch: inotify::init(inotify::CreateFlags::empty())?,
            folder,
        })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn full() -> Result<OwnedFd> {
    let (family, none) = (AddressFamily::UNIX, SocketFlags::empty());
    let (one, other) = rustix::net::socketpair(family, SocketType::STREAM, none, None)?;
    let sent = rustix::net::send(&other, &[0; 1024], SendFlags::empty())?;
    ensure!(sent == 1024, "sent {sent} bytes of 1024");
    Ok(one)
}
