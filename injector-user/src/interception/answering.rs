//! The loop that answers, and moves its own lease while somebody could call.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::poll::PollFlags;

use super::call::Call;
use super::callers::Callers;
use super::case::Interception;
use super::fault::InterceptionError;
use super::take::Listener;
use super::waiting::Waiting;
use crate::clock::monotonic_ns;
use crate::keeper::{Keeper, Mending, Received, Registration, Undoing};
use crate::safety::Permit;
use crate::safety::undo::{Cause, Effect, Maker, Recorded, UndoLog};
use crate::sys::poll::wait_readable;
use crate::sys::schedule;
use crate::sys::seccomp::Answer;
use crate::target::end_members;

/// How long a call may wait for this loop before the keeper lets it pass.
const LEASE: Duration = Duration::from_millis(80);

/// How often the lease is moved.
const BEAT: Duration = Duration::from_millis(20);

/// How long the keeper is given to finish what it does at the desk.
const MOMENT: Duration = Duration::from_micros(100);

/// Calls of one command being answered, until nobody is left who could call.
#[derive(Debug)]
pub struct Answering {
    thread: JoinHandle<()>,
}

/// What the loop owns.
#[derive(Debug)]
struct Loop {
    listener: Listener,
    interception: Interception,
    callers: Callers,
    recorded: Recorded,
    registration: Registration,
    /// The folder of the command's cgroup.
    cgroup: PathBuf,
    executed: bool,
}

impl Answering {
    /// Lets the command go on, once its calls are written down and in the keeper's charge, and answers
    /// them as `interception` says.
    pub fn begin(
        permit: &Permit,
        keeper: &Keeper,
        log: &UndoLog,
        cause: Cause,
        (listener, cgroup): (Listener, PathBuf),
        interception: Interception,
    ) -> Result<Self, InterceptionError> {
        // The thread comes first and waits, since nothing may fail once the command may go on.
        let (go, wait) = mpsc::channel::<Loop>();
        let thread = thread::Builder::new()
            .name("answer-calls".to_owned())
            .spawn(move || {
                schedule::urgent();
                if let Ok(answering) = wait.recv() {
                    answering.run();
                }
            })
            .map_err(InterceptionError::Thread)?;
        let again = listener.again()?;
        let (recorded, registration) = entrust(permit, keeper, log, cause, (&listener, &cgroup))?;
        interception.attend(Waiting::new(again, registration.ledge()));
        let sent = go.send(Loop {
            listener,
            interception,
            callers: Callers::default(),
            recorded,
            registration,
            cgroup,
            executed: false,
        });
        debug_assert!(sent.is_ok(), "the thread waits for it");
        Ok(Self { thread })
    }

    /// Whether nobody is left who could call.
    pub fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits until the command has ended, as it does when the keeper has died.
    pub fn await_end(self) {
        // It has told what went wrong, if anything did.
        let _panicked = self.thread.join();
    }
}

/// Writes the command's calls down and puts them in the keeper's charge, or does neither.
fn entrust(
    permit: &Permit,
    keeper: &Keeper,
    log: &UndoLog,
    cause: Cause,
    (listener, cgroup): (&Listener, &Path),
) -> Result<(Recorded, Registration), InterceptionError> {
    let recorded = log.record(permit, effect(keeper, cgroup)?, cause);
    let recorded = recorded.map_err(InterceptionError::Record)?;
    let registered = keeper.register(&Undoing {
        mending: Mending::Answer,
        file: listener.fd(),
        recorded: &recorded,
    });
    match registered {
        Ok(registration) => Ok((recorded, registration)),
        Err(error) => {
            recorded.done().map_err(InterceptionError::Record)?;
            Err(InterceptionError::Register(error))
        }
    }
}

fn effect(keeper: &Keeper, cgroup: &Path) -> Result<Effect, InterceptionError> {
    let identify = |who| move |source| InterceptionError::Identify { who, source };
    let inode = fs::metadata(cgroup).map_err(identify("the command"))?;
    Ok(Effect::Answer {
        path: cgroup.to_owned(),
        inode: inode.ino(),
        keeper: Maker::of(keeper.pid()).map_err(identify("the keeper"))?,
    })
}

/// Until the next caller's time has come, and no longer than a beat.
fn pause(due_ns: Option<u64>) -> Duration {
    due_ns.map_or(BEAT, |due_ns| {
        Duration::from_nanos(due_ns.saturating_sub(monotonic_ns())).min(BEAT)
    })
}

/// Whether somebody wants all in this cgroup, or in one around it, to stand still.
fn is_to_freeze(cgroup: &Path) -> bool {
    let mut folders = cgroup.ancestors();
    folders.any(|folder| {
        let wanted = fs::read(folder.join("cgroup.freeze"));
        wanted.is_ok_and(|wanted| wanted.starts_with(b"1"))
    })
}

impl Loop {
    fn run(mut self) {
        loop {
            self.registration.beat(LEASE);
            let due = self.interception.let_go(monotonic_ns());
            match self.registration.receive(self.listener.fd()) {
                Received::Call => {
                    self.answer();
                    continue;
                }
                Received::Gone => break,
                Received::Occupied => {
                    // One that fails is tried again at once, which is as good.
                    let _tried = wait_readable([], MOMENT);
                    continue;
                }
                Received::Nothing => {}
            }
            let fds = [self.listener.fd(), self.registration.keeper()];
            if due.is_some() && is_to_freeze(&self.cgroup) {
                // Who waits for an answer cannot be frozen.
                self.interception.let_go(u64::MAX);
            }
            let ready = wait_readable(fds, pause(due)).unwrap_or([PollFlags::empty(); 2]);
            if !ready[1].is_empty() {
                // Nobody would answer if we died now.
                let _told_by_the_log = end_members(&self.cgroup);
                break;
            }
        }
        self.interception.leave();
        // An entry that stays is harmless, as nobody is left who could call. It goes first: should we end
        // here, the keeper looks after it.
        let _stays = self.recorded.done();
        // A keeper that has died holds nothing that would need releasing.
        let _died = self.registration.release();
    }

    /// Answers the call at the desk.
    fn answer(&mut self) {
        let Some(desk) = self.registration.desk() else {
            return;
        };
        let call = Call::read(desk.notice());
        let listener = self.listener.fd();
        if !self.executed && !call.is_mark() {
            self.executed = self.listener.is_executed();
        }
        if self.executed {
            let process = self.callers.process_of(call.thread);
            let answer = |given| desk.answer(listener, given);
            self.interception.answer(&call, process, answer);
        } else if call.is_mark() {
            desk.answer(listener, Answer::Return(0));
        } else {
            // Made by us, on the way to its beginning.
            desk.answer(listener, Answer::Continue);
        }
    }
}
