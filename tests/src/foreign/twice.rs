//! A program that makes a call by `io_uring`, and then the same call itself.

use std::fs::{self, File};
use std::io::{PipeWriter, Read as _, Write as _, pipe};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use nix::libc;
use tempfile::TempDir;

use super::code::TWICE;
use crate::elf::{self, Width};

/// Who makes the call that is asked for by `io_uring`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// The process, while it asks, if it need not wait.
    Asker,
    /// A thread that the kernel has for it (`IOSQE_ASYNC`).
    Worker,
    /// The process, as soon as there is what it waits for: on its way back from the call that it is in then.
    Later,
}

/// It makes each call when it is told to, about a file of its own. Killed with this value.
#[derive(Debug)]
pub struct Twice {
    child: Child,
    input: ChildStdin,
    says: ChildStdout,
    /// The other end of its file, if that is a pipe.
    feeds: Option<PipeWriter>,
    _folder: TempDir,
}

/// A call by both ways: `opcode` of `struct io_uring_sqe` (`include/uapi/linux/io_uring.h`), and its number;
/// what it is made of is the same.
struct Call {
    opcode: u8,
    number: u64,
    descriptor: i32,
    /// Whether it takes an address: that of the file's name, which is also what is written.
    takes_address: bool,
    length: u32,
}

/// The file, which it gets as its standard error.
const FILE: i32 = 2;

const IOSQE_ASYNC: u8 = 1 << 4;

impl Call {
    fn named(name: &str) -> Result<Self> {
        let (opcode, number, descriptor, takes_address, length) = match name {
            "fsync" => (3, libc::SYS_fsync, FILE, false, 0),
            "openat" => (18, libc::SYS_openat, libc::AT_FDCWD, true, 0),
            // Where to is up to the program.
            "read" => (22, libc::SYS_read, FILE, false, 1),
            "pwrite64" => (23, libc::SYS_pwrite64, FILE, true, 1),
            other => bail!("`{other}` is not known"),
        };
        Ok(Self {
            opcode,
            number: number.unsigned_abs(),
            descriptor,
            takes_address,
            length,
        })
    }

    /// What stands behind the instructions: the request of 64 bytes, number and arguments, and for how many
    /// requests is waited.
    fn data(&self, maker: Maker, address: u64) -> Vec<u8> {
        let flags = match maker {
            Maker::Asker | Maker::Later => 0,
            Maker::Worker => IOSQE_ASYNC,
        };
        let address = if self.takes_address { address } else { 0 };
        let mut data = vec![self.opcode, flags, 0, 0];
        data.extend(self.descriptor.to_le_bytes());
        data.extend(0_u64.to_le_bytes());
        data.extend(address.to_le_bytes());
        data.extend(self.length.to_le_bytes());
        data.resize(REQUEST, 0);
        let descriptor = i64::from(self.descriptor).cast_unsigned();
        let awaited = u64::from(maker != Maker::Later);
        let length = self.length.into();
        let call = [self.number, descriptor, address, length, 0, awaited];
        data.extend(call.iter().flat_map(|word| word.to_le_bytes()));
        data
    }
}

/// Bytes of a request.
const REQUEST: usize = 64;

/// Bytes of all that.
const DATA: usize = REQUEST + 6 * 8;

impl Twice {
    pub fn start(call: &str, maker: Maker) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (program, file) = (folder.path().join("twice"), folder.path().join("file"));
        write_program(&program, &Call::named(call)?, maker, &file)?;
        let (is, feeds) = if maker == Maker::Later {
            let (reads, feeds) = pipe()?;
            (Stdio::from(reads), Some(feeds))
        } else {
            (File::create(&file)?.into(), None)
        };
        let mut child = Command::new(&program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(is)
            .spawn()
            .context("start a caller by io_uring")?;
        let (input, says) = (child.stdin.take(), child.stdout.take());
        Ok(Self {
            child,
            input: input.context("its input")?,
            says: says.context("its output")?,
            feeds,
            _folder: folder,
        })
    }

    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Writes a byte to the pipe that it reads from [later](Maker::Later).
    pub fn feed(&mut self) -> Result<()> {
        let feeds = self.feeds.as_mut().context("its file is a pipe")?;
        Ok(feeds.write_all(b"x")?)
    }

    /// Whether it waits in the kernel to be told to make its next call.
    pub fn waits(&self) -> bool {
        let call = fs::read_to_string(format!("/proc/{}/syscall", self.pid()));
        call.is_ok_and(|call| call.starts_with("0 0x0 "))
    }

    /// Lets it make its next call, the first one by `io_uring`. One that is made later it first says to have
    /// asked for, and waits once more.
    pub fn begin(&mut self) -> Result<()> {
        Ok(self.input.write_all(b"\n")?)
    }

    /// What the call gave: a negated errno, or what it gives otherwise.
    pub fn tell(&mut self) -> Result<i32> {
        let mut told = [0; 4];
        self.says.read_exact(&mut told)?;
        Ok(i32::from_le_bytes(told))
    }

    /// Whether the kernel has made a worker for it.
    pub fn has_worker(&self) -> Result<bool> {
        for thread in fs::read_dir(format!("/proc/{}/task", self.pid()))? {
            // One that has just ended has no name.
            let name = fs::read_to_string(thread?.path().join("comm")).unwrap_or_default();
            if name.starts_with("iou-wrk-") {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The instructions, what they make calls of, and the file's name.
fn write_program(program: &Path, call: &Call, maker: Maker, file: &Path) -> Result<()> {
    let address = elf::start(Width::Wide) + u64::try_from(TWICE.len() + DATA)?;
    let name = file.to_str().context("a name")?.as_bytes();
    let whole = [&TWICE[..], &call.data(maker, address), name, &[0]].concat();
    fs::write(program, elf::program(Width::Wide, &whole))?;
    Ok(fs::set_permissions(
        program,
        fs::Permissions::from_mode(0o700),
    )?)
}

impl Drop for Twice {
    fn drop(&mut self) {
        // It may have ended.
        let ended = self.child.kill().and_then(|()| self.child.wait());
        assert!(std::thread::panicking() || ended.is_ok(), "{ended:?}");
    }
}
