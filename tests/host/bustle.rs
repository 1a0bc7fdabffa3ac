//! Somebody who does something of every kind that is observed, again and again.

use std::fs;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use injector_user::sys::poll;
use nix::sys::stat::major;
use tempfile::TempDir;

/// Between two rounds.
const PAUSE: Duration = Duration::from_millis(20);

/// Where guests have a disk.
const DISK: &str = "/disk";

/// A folder on a disk, of whose requests the kernel tells.
pub(crate) fn on_a_disk() -> Result<TempDir> {
    let beside = std::env::current_exe()?;
    let beside = beside.parent().context("a folder")?;
    let disk = Path::new(DISK);
    let folder = if disk.is_dir() { disk } else { beside };
    let folder = tempfile::tempdir_in(folder)?;
    let device = fs::metadata(&folder)?.dev();
    ensure!(
        major(device) != 0,
        "{} is on no disk",
        folder.path().display()
    );
    Ok(folder)
}

/// What `dd` is told, to write so many KiB and have them on the disk.
pub(crate) fn written(to: &Path, kib: u32) -> [String; 5] {
    [
        "if=/dev/zero".to_owned(),
        format!("of={}", to.display()),
        "bs=1k".to_owned(),
        format!("count={kib}"),
        "conv=fsync".to_owned(),
    ]
}

/// Does it until it is ended.
#[derive(Debug)]
pub(crate) struct Bustle {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Bustle {
    pub(crate) fn start() -> Result<Self> {
        let place = Place::make()?;
        let is_over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                place.round()?;
                poll::wait_readable([], PAUSE)?;
            }
            Ok(())
        });
        Ok(Self {
            is_over,
            thread: Some(thread),
        })
    }

    pub(crate) fn end(mut self) -> Result<()> {
        self.join()
    }

    fn join(&mut self) -> Result<()> {
        self.is_over.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        ended
            .unwrap_or(Ok(Ok(())))
            .map_err(|_panic| anyhow!("it panicked"))?
    }
}

impl Drop for Bustle {
    fn drop(&mut self) {
        // Said by `end`; a test that fails says why by itself.
        let _said = self.join();
    }
}

/// What it needs for that.
pub(crate) struct Place {
    listener: TcpListener,
    nobody: SocketAddr,
    names: UdpSocket,
    asker: UdpSocket,
    folder: TempDir,
}

impl Place {
    pub(crate) fn make() -> Result<Self> {
        let names = UdpSocket::bind((Ipv4Addr::new(127, 53, 53, 53), 53))?;
        let asker = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        asker.connect(names.local_addr()?)?;
        Ok(Self {
            listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?,
            nobody: TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?,
            names,
            asker,
            folder: on_a_disk()?,
        })
    }

    /// Does something of every kind.
    pub(crate) fn round(&self) -> Result<()> {
        self.connect()?;
        self.ask()?;
        self.write()
    }

    /// One connection that is made, and one that is not.
    fn connect(&self) -> Result<()> {
        let asks = TcpStream::connect(self.listener.local_addr()?)?;
        let (mut answers, _peer) = self.listener.accept()?;
        drop(asks);
        answers.read_to_end(&mut Vec::new())?;
        ensure!(TcpStream::connect(self.nobody).is_err(), "somebody listens");
        Ok(())
    }

    /// For a name that there is not.
    fn ask(&self) -> Result<()> {
        self.asker.send(&question(1))?;
        let mut asked = [0; 64];
        let (length, from) = self.names.recv_from(&mut asked)?;
        self.names.send_to(&denied(&mut asked, length), from)?;
        self.asker.recv(&mut [0; 64])?;
        Ok(())
    }

    /// A program that writes, and one that fails.
    fn write(&self) -> Result<()> {
        let file = self.folder.path().join("written");
        run("dd", &written(&file, 64))?;
        run("cat", &[self.missing()])?;
        Ok(())
    }

    fn missing(&self) -> String {
        let missing: PathBuf = self.folder.path().join("missing");
        missing.display().to_string()
    }
}

fn run(program: &str, arguments: &[String]) -> Result<()> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
        .status()
        .map(drop)
        .with_context(|| program.to_owned())
}

/// No such name.
const NXDOMAIN: u8 = 3;

/// For the address of `a`, as in RFC 1035.
pub(crate) fn question(id: u8) -> [u8; 19] {
    let mut packet = [0; 19];
    packet[1] = id;
    // Recursion is desired; one question.
    (packet[2], packet[5]) = (1, 1);
    packet[12..].copy_from_slice(&[1, b'a', 0, 0, 1, 0, 1]);
    packet
}

/// That there is no such name.
pub(crate) fn denied(question: &mut [u8], length: usize) -> Vec<u8> {
    question[2] |= 0x80;
    question[3] = NXDOMAIN;
    question[..length].to_vec()
}
