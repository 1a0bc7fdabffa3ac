//! The engine's loop: clients, the clock, signals, and the keeper's death.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::unix::AsyncFd;
use tokio::net::unix::SocketAddr;
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::UnboundedSender;

use super::clients::{peer_of, turn_away};
use super::connection::converse;
use super::running::Client;
use super::start::{Options, tell};
use super::state::Engine;
use crate::protocol::Ended;

/// The one owner of everything, for the tasks of one thread. Never held across an await.
pub(super) type Shared = Arc<Mutex<Engine>>;

/// Requests that are answered before the clock is looked at.
const REQUESTS_IN_A_ROW: u32 = 4;
/// How long nobody is accepted after that failed: less than a tick while something is armed.
const LATER: Duration = Duration::from_millis(20);

/// What a client's task tells the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Something is due sooner than the loop knows.
    Armed,
    /// The engine is to leave.
    Quit,
}

/// Serves until told to leave, until idle for long enough, or until the keeper dies.
pub(super) fn serve(options: &Options, engine: Engine) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // The clock is looked at after so many requests, each of which may take tens of milliseconds:
        // a crowd of clients must not let the lease run out.
        .event_interval(REQUESTS_IN_A_ROW)
        .build()
        .context("failed to start the event loop")?;
    runtime.block_on(serve_on(options, Arc::new(Mutex::new(engine))))
}

pub(super) fn lock(engine: &Shared) -> MutexGuard<'_, Engine> {
    // A panic in one request leaves the engine whole enough to end every fault.
    engine.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve_on(options: &Options, engine: Shared) -> anyhow::Result<ExitCode> {
    let path = options.run_dir.join("engine.sock");
    // Left by an engine that was killed: we hold the lock, so nobody listens there.
    let _absent = fs::remove_file(&path);
    let listener = UnixListener::bind(&path)
        .with_context(|| format!("failed to listen on `{}`", path.display()))?;
    // Everybody may look; the peer's credentials decide about the rest.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666))
        .with_context(|| format!("failed to open `{}` to its users", path.display()))?;
    let code = run(options, &engine, &listener).await;
    let mut owner = lock(&engine);
    owner.end_everything(Ended::Stopped);
    owner.commands.leave();
    drop(owner);
    let _absent = fs::remove_file(&path);
    code
}

async fn run(
    options: &Options,
    engine: &Shared,
    listener: &UnixListener,
) -> anyhow::Result<ExitCode> {
    let keeper = watched_keeper(engine).context("failed to watch the keeper")?;
    let mut terminate = signal(SignalKind::terminate()).context("failed to catch SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to catch SIGINT")?;
    let (tell_loop, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let mut clients = 0_u64;
    let mut wait = Duration::ZERO;
    loop {
        tokio::select! {
            biased;
            _ = keeper.readable() => {
                end_without_keeper(engine);
                return Ok(ExitCode::FAILURE);
            }
            () = tokio::time::sleep(wait) => {}
            Some(news) = heard.recv() => match news {
                News::Armed => {}
                News::Quit => return Ok(ExitCode::SUCCESS),
            },
            _ = terminate.recv() => return Ok(ExitCode::SUCCESS),
            _ = interrupt.recv() => return Ok(ExitCode::SUCCESS),
            // The last: whoever connects without end keeps nobody from the rest.
            accepted = listener.accept() => {
                clients += 1;
                welcome(accepted, engine, clients, &tell_loop).await;
            }
        }
        let mut owner = lock(engine);
        wait = owner.tick();
        let unneeded = |most| owner.idle_for() > most;
        if owner.is_idle() && options.idle_exit.is_some_and(unneeded) {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

/// Serves a new client in a task of its own, if there is room.
async fn welcome(
    accepted: std::io::Result<(UnixStream, SocketAddr)>,
    engine: &Shared,
    client: Client,
    tell_loop: &UnboundedSender<News>,
) {
    let Ok((stream, _address)) = accepted else {
        // No descriptor or memory is left for it: those who are served go on, and it waits until
        // there is.
        return tokio::time::sleep(LATER).await;
    };
    let Some(peer) = peer_of(&stream) else {
        return;
    };
    // Not in the `match`: the lock would be held for all of it.
    let admitted = lock(engine).clients.admit(peer.uid);
    match admitted {
        Ok(()) => {
            let engine = Arc::clone(engine);
            tokio::spawn(converse(stream, engine, client, peer, tell_loop.clone()));
        }
        Err(failure) => {
            let _went_away = turn_away(stream, failure);
        }
    }
}

/// Nobody is left who would undo what no descriptor owns.
fn end_without_keeper(engine: &Shared) {
    let mut owner = lock(engine);
    owner.end_everything(Ended::Stopped);
    owner.commands.await_ends();
    drop(owner);
    tell("the keeper died: every fault was ended, and every command whose calls it had in charge");
}

/// Readable when the keeper has died.
fn watched_keeper(engine: &Shared) -> std::io::Result<AsyncFd<OwnedFd>> {
    let pidfd = lock(engine).keeper.pidfd().try_clone_to_owned()?;
    #[expect(
        deprecated,
        reason = "the descriptor is owned, which is all that its successor asks for"
    )]
    AsyncFd::new(pidfd)
}
