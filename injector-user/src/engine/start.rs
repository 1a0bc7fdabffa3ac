//! How an engine starts: alone on this host, undoing first, its keeper before everything else.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::prctl;
use nix::unistd::geteuid;

use super::clients::{Clients, raise_descriptors};
use super::house::{LEASE, nanos};
use super::serve::serve;
use super::state::Engine;
use crate::capability::Known;
use crate::clock::monotonic_ns;
use crate::filters::Guards;
use crate::keeper;
use crate::loader::Kernel;
use crate::pressure::Pacemaker;
use crate::safety::undo::{self, UndoLog};
use crate::sys::poll;

/// Where an engine lives and for how long.
#[derive(Clone, Debug)]
pub struct Options {
    /// Socket, pid file and undo log; one engine for each.
    pub run_dir: PathBuf,
    /// How long to stay when there are neither clients nor faults; none to stay for ever.
    pub idle_exit: Option<Duration>,
}

/// Runs the engine until it is told to leave or nobody needs it. No thread may exist yet: the keeper
/// is forked first.
pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    if !geteuid().is_root() {
        bail!("the engine needs root");
    }
    make_run_dir(options)?;
    let Some(alone) = lock(options)? else {
        // Two commands started one each; the other one serves both.
        return Ok(ExitCode::SUCCESS);
    };
    // The kernel thread that makes them holds the lock of our address space at the lowest priority: on a
    // busy machine a page fault of the main loop would wait for longer than its lease.
    let _small_chance = prctl::set_thp_disable(true);
    let undo_dir = options.run_dir.join("undo");
    for outcome in undo::recover(&undo_dir).context("failed to undo what an earlier engine left")? {
        tell(&format!("undo: {outcome:?}"));
    }
    let log = UndoLog::open(&undo_dir).context("failed to open the undo log")?;
    let keeper = keeper::start(&log).context("failed to start the keeper")?;
    let clients = Clients::within(raise_descriptors());
    let mut kernel = Kernel::open().context("failed to prepare the kernel programs")?;
    kernel.guard_by(Guards {
        keeper: keeper.clone(),
        log: log.clone(),
    });
    let pacemaker = Pacemaker::default();
    let (told, paced) = (keeper.clone(), pacemaker.clone());
    kernel.tell_steps_to(move || {
        let until_ns = monotonic_ns() + nanos(LEASE);
        told.beat(LEASE);
        paced.beat(until_ns);
        until_ns
    });
    let pid_file = options.run_dir.join("engine.pid");
    fs::write(&pid_file, std::process::id().to_string())
        .with_context(|| format!("failed to write `{}`", pid_file.display()))?;
    let known = Known::open(&options.run_dir, Some(log.clone()));
    let code = serve(
        options,
        Engine::new(kernel, keeper, log, known, clients, pacemaker),
    );
    // Nobody else writes it while we hold the lock.
    let _absent = fs::remove_file(&pid_file);
    drop(alone);
    code
}

fn make_run_dir(options: &Options) -> anyhow::Result<()> {
    let path = &options.run_dir;
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(path)
        .with_context(|| format!("failed to make `{}`", path.display()))?;
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o022 != 0 {
        bail!("`{}` is writable for others than its owner", path.display());
    }
    Ok(())
}

/// The right to be this host's engine; none if another one serves.
///
/// One that is leaving has closed its socket and keeps the lock until its kernel programs are gone; one
/// that is starting has it before it listens. Either is waited for.
fn lock(options: &Options) -> anyhow::Result<Option<Flock<File>>> {
    let path = options.run_dir.join("engine.lock");
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("failed to open `{}`", path.display()))?;
    let begun_ns = monotonic_ns();
    loop {
        file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(Some(lock)),
            Err((file, Errno::EWOULDBLOCK)) => file,
            Err((_file, errno)) => {
                return Err(errno).with_context(|| format!("failed to lock `{}`", path.display()));
            }
        };
        let serves = UnixStream::connect(options.run_dir.join("engine.sock")).is_ok();
        let waited = Duration::from_nanos(monotonic_ns().saturating_sub(begun_ns));
        if serves || waited > TRANSITION {
            return Ok(None);
        }
        poll::wait_readable([], LOOK)?;
    }
}

/// Longer than any engine takes to start or to leave.
const TRANSITION: Duration = Duration::from_secs(5);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// The engine's own log is its standard error, which whoever started it directs.
#[expect(clippy::print_stderr, reason = "standard error is the engine's log")]
pub(super) fn tell(text: &str) {
    eprintln!("{text}");
}
