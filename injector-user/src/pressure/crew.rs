//! The engine's side of a crew.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use injector_core::plan::{Place, Task};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::unistd::Pid;

use super::fault::{PressureError, prepare};
use super::home::Home;
use super::order::{WORKER, tell};
use super::pacemaker::Pacemaker;
use super::page::{Page, Word};
use super::place::Seat;
use super::progress::Progress;
use super::{folder, place};
use crate::keeper::{Keeper, Mending, Registration, Undoing};
use crate::safety::Permit;
use crate::safety::undo::{Cause, Effect, Maker, Recorded, UndoLog};
use crate::target::{has_vanished, members};

/// What a crew is for.
#[derive(Clone, Debug)]
pub struct CrewOrder {
    /// None for a cgroup of its own.
    pub place: Option<Place>,
    pub task: Task,
    pub cause: Cause,
}

/// Who sees to it that a crew ends.
#[derive(Clone, Copy, Debug)]
pub struct Custody<'a> {
    pub keeper: &'a Keeper,
    pub log: &'a UndoLog,
    pub pacemaker: &'a Pacemaker,
}

/// One process with its workers. Killed with this value.
#[derive(Debug)]
pub struct Crew {
    process: Running,
    order: CrewOrder,
    recorded: Option<Recorded>,
    registration: Option<Registration>,
    /// In the target's cgroup.
    seat: Option<Seat>,
    /// Or in a cgroup of its own.
    home: Option<Home>,
    /// It was told to end.
    halted: AtomicBool,
}

/// How a crew ended.
#[derive(Debug)]
pub struct Ending {
    pub progress: Progress,
    /// It ended before anybody asked for that, by this.
    pub early: Option<ExitStatus>,
    /// What may still be there.
    pub not_undone: Option<String>,
}

/// A process that has been started, and how to reach it.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    pidfd: OwnedFd,
    /// Whose end means ours.
    line: OwnedFd,
    page: Arc<Page>,
    /// By which the crew gets it.
    file: OwnedFd,
    ended: Option<ExitStatus>,
}

impl Running {
    /// This program anew, which does nothing yet.
    pub(super) fn start() -> Result<Self, PressureError> {
        let (page, file) = Page::make().map_err(prepare("share a page"))?;
        let (kind, flags) = (SockType::SeqPacket, SockFlag::SOCK_CLOEXEC);
        let (line, theirs) = socketpair(AddressFamily::Unix, kind, None, flags)
            .map_err(prepare("open a pair of sockets"))?;
        let mut child = Command::new("/proc/self/exe")
            .arg(WORKER)
            .env_clear()
            .current_dir("/")
            // Nothing is ever written there; and a host may lack /dev/null.
            .stdout(theirs.try_clone().map_err(PressureError::Start)?)
            .stdin(theirs)
            .spawn()
            .map_err(PressureError::Start)?;
        // It is our child, so its number is not used anew before we have reaped it.
        match crate::sys::fd::pidfd_open(Pid::from_raw(child.id().cast_signed())) {
            Ok(pidfd) => Ok(Self {
                child,
                pidfd,
                line,
                page: Arc::new(page),
                file,
                ended: None,
            }),
            Err(errno) => {
                let _ended = child.kill().and_then(|()| child.wait());
                Err(prepare("open a pidfd")(errno))
            }
        }
    }

    pub(super) fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    pub(super) fn page(&self) -> &Arc<Page> {
        &self.page
    }

    /// Says what to do, once it is to begin.
    pub(super) fn tell(
        &self,
        task: &Task,
        folder: Option<BorrowedFd<'_>>,
    ) -> Result<(), PressureError> {
        tell(self.line.as_fd(), task, self.file.as_fd(), folder).map_err(prepare("tell what to do"))
    }

    /// Kills it, without waiting until it has ended.
    pub(super) fn kill(&self) {
        // One that has ended by itself needs it no more.
        let _ended = crate::sys::fd::pidfd_signal(self.pidfd.as_fd(), Signal::SIGKILL);
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended
    }

    /// Whether it ends within `patience`.
    pub(super) fn await_end(&mut self, patience: Duration) -> bool {
        if self.ended().is_some() {
            return true;
        }
        let mut fds = [PollFd::new(self.pidfd.as_fd(), PollFlags::POLLIN)];
        let timeout = PollTimeout::try_from(patience).unwrap_or(PollTimeout::MAX);
        let _ready = poll(&mut fds, timeout);
        self.ended().is_some()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        // It may take its time to give back what it holds, and then nobody reaps it but our own end.
        self.await_end(Duration::from_millis(100));
    }
}

impl Crew {
    /// Starts the process, has it written down and taken into the keeper's charge, puts it where the
    /// target is and tells it what to do. It begins when [`Crew::act`] is called.
    pub fn start(
        permit: &Permit,
        custody: &Custody<'_>,
        order: CrewOrder,
    ) -> Result<Self, PressureError> {
        let folder = folder::of_task(&order.task)?;
        let process = Running::start()?;
        custody.pacemaker.pace(process.page());
        let mut crew = Self {
            process,
            order,
            recorded: None,
            registration: None,
            seat: None,
            home: None,
            halted: AtomicBool::new(false),
        };
        let begun = crew.entrust(permit, custody);
        let begun = begun.and_then(|()| crew.enter(permit, custody));
        let begun = begun.and_then(|()| {
            let folder = folder.as_ref().map(OwnedFd::as_fd);
            crew.process.tell(&crew.order.task, folder)
        });
        match begun {
            Ok(()) => Ok(crew),
            Err(error) => {
                // Has done nothing yet, so it ends at once.
                drop(crew);
                Err(error)
            }
        }
    }

    fn entrust(&mut self, permit: &Permit, custody: &Custody<'_>) -> Result<(), PressureError> {
        let worker = Maker::of(self.process.pid()).map_err(PressureError::Start)?;
        let effect = Effect::EndWorker { worker };
        let recorded = custody.log.record(permit, effect, self.order.cause.clone());
        let recorded = self
            .recorded
            .insert(recorded.map_err(PressureError::Record)?);
        let registered = custody.keeper.register(&Undoing {
            mending: Mending::End,
            file: self.process.pidfd.as_fd(),
            recorded,
        });
        self.registration = Some(registered.map_err(PressureError::Register)?);
        Ok(())
    }

    fn enter(&mut self, permit: &Permit, custody: &Custody<'_>) -> Result<(), PressureError> {
        let pid = self.process.pid();
        if let Some(planned) = &self.order.place {
            self.seat = Some(place::enter(permit, planned, pid)?);
        } else {
            let cause = self.order.cause.clone();
            let cgroup = place::of_its_own(permit, custody.log, pid, cause)?;
            self.home = Some(Home::of(cgroup, custody.keeper)?);
        }
        Ok(())
    }

    pub fn place(&self) -> Option<&Place> {
        self.order.place.as_ref()
    }

    pub fn pid(&self) -> i32 {
        self.process.pid()
    }

    /// Lets it begin, for as long as until `deadline_ns`.
    pub fn act(&self, deadline_ns: u64) {
        self.process.page().set(Word::Deadline, deadline_ns.max(1));
    }

    pub fn progress(&self) -> Progress {
        Progress::of(&self.order.task, self.process.page())
    }

    pub fn has_ended(&mut self) -> bool {
        self.process.ended().is_some()
    }

    /// Whether all others have left its cgroup, which then only it keeps from being removed.
    pub fn is_left_alone(&mut self) -> bool {
        let pid = self.process.pid();
        let Some(seat) = &mut self.seat else {
            return false;
        };
        let company = match members(&seat.folder) {
            Ok(members) => members.into_iter().any(|member| member != pid),
            Err(error) if has_vanished(&error) => false,
            // It says nothing.
            Err(_unreadable) => return false,
        };
        seat.had_company |= company;
        seat.had_company && !company
    }

    /// Kills it, without waiting until it has ended.
    pub fn halt(&self) {
        self.halted.store(true, Ordering::Release);
        self.process.kill();
    }

    /// Whether it ends within `patience`.
    pub fn await_end(&mut self, patience: Duration) -> bool {
        self.process.await_end(patience)
    }

    /// Tells how it ended, and takes away what was kept for its sake. To be called when it has ended, or
    /// will not.
    pub fn close(&mut self) -> Ending {
        let progress = self.progress();
        let halted = self.halted.load(Ordering::Acquire);
        let Some(status) = self.process.ended() else {
            let pid = self.process.pid();
            return Ending {
                progress,
                early: None,
                not_undone: Some(format!(
                    "the workers of process {pid} were killed and still run"
                )),
            };
        };
        if let Some(registration) = self.registration.take() {
            // A keeper that has died holds nothing that would need releasing.
            drop(registration.release());
        }
        let recorded = self.recorded.take().map(Recorded::done).transpose();
        let removed = self.home.take().map(Home::remove);
        let not_undone = match (recorded, removed.transpose()) {
            (Err(error), _) => Some(error.to_string()),
            (_, Err(error)) => Some(error.to_string()),
            (Ok(_), Ok(_)) => None,
        };
        Ending {
            progress,
            early: Some(status).filter(|status| !halted && !status.success()),
            not_undone,
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        let kept = self.recorded.is_some() || self.registration.is_some() || self.home.is_some();
        if kept {
            // One that was never told to begin, or could not be ended before.
            self.halt();
            self.await_end(Duration::from_secs(1));
            let _incomplete = self.close();
        }
    }
}
