//! A dormitory as who has it sees it.

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;

use injector_abi::sleep::{BEDS, Bed, Dormitory as Row};
use injector_abi::syscall::PAGE;
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::unistd::close;

use super::fault::DormitoryError;
use super::holder::{Holder, Sign};
use super::mount;
use super::serve::{Loop, Sleepers};
use crate::latency::Naps;
use crate::sys::words::Words;

/// What programs in the kernel are told of, and tell.
#[derive(Clone, Debug)]
pub struct Tables {
    pub beds: Arc<Words>,
    pub dormitories: Arc<Words>,
}

/// Beds that somebody watches. Dropping it wakes everybody; nobody lies down there any more.
#[derive(Debug)]
pub struct Dormitory {
    stop: EventFd,
    thread: Option<JoinHandle<()>>,
    beds: Arc<Words>,
    slot: u64,
    /// Goes last.
    _holder: Holder,
}

/// Bytes of the file: a page for each bed.
const LENGTH: NonZeroUsize = NonZeroUsize::new(BEDS as usize * BYTES).expect("there are beds");

/// Of a page.
const BYTES: usize = 4096;
const _: () = assert!(BYTES as u64 == PAGE);

/// Words of 64 bits in a row.
const WORDS: usize = size_of::<Row>() / 8;

/// The same of a bed's.
const BED: usize = size_of::<Bed>() / 8;

impl Dormitory {
    /// Opens one for the fault in `slot`, whose callers sleep as long as `naps` says.
    pub fn open(tables: &Tables, slot: u32, naps: Naps) -> Result<Self, DormitoryError> {
        let device = mount::device()?;
        let mount = mount::mount(&device)?;
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let stop = EventFd::from_flags(flags).map_err(|errno| start(errno.into()))?;
        let sign = Sign::new().map_err(|errno| start(errno.into()))?;
        let row = slot as usize * WORDS;
        let serving = Loop {
            stop: again(&stop)?,
            device,
            holder: sign.seen,
            beds: Arc::clone(&tables.beds),
            dormitories: Arc::clone(&tables.dormitories),
            lease: row + 2,
            slot: slot.into(),
            naps,
            sleepers: Sleepers::default(),
        };
        let ours = [&serving.stop, &serving.device, &serving.holder].map(OwnedFd::as_raw_fd);
        let (turning, turns) = sync_channel(1);
        let builder = std::thread::Builder::new().name(format!("sleep-{slot}"));
        let thread = builder
            .spawn(move || serving.run(&turning))
            .map_err(start)?;
        let waking = Waking {
            stop: &stop,
            thread: Some(thread),
        };
        // One that has panicked hangs up.
        let hung_up = |_| Err(io::ErrorKind::BrokenPipe.into());
        turns.recv().unwrap_or_else(hung_up).map_err(start)?;
        // It has its own by now.
        for number in ours {
            close(number).map_err(|errno| start(errno.into()))?;
        }
        // Somebody has to serve the file before it can be opened.
        let pages = mount::map(&mount, LENGTH)?;
        let holder = Holder::start(&sign.given)?;
        // Only the holder has it from now on.
        drop(sign.given);
        tables.dormitories.store(row, holder.pid());
        tables.dormitories.store(row + 1, pages.address());
        let thread = waking.keep();
        Ok(Self {
            stop,
            thread,
            beds: Arc::clone(&tables.beds),
            slot: slot.into(),
            _holder: holder,
        })
    }

    /// Whether anybody sleeps, or has a bed and is on the way there.
    pub fn is_occupied(&self) -> bool {
        let word = |bed: usize, at| self.beds.load(bed * BED + at).unwrap_or_default();
        (0..BEDS as usize).any(|bed| word(bed, 0) != 0 && word(bed, 1) == self.slot)
    }
}

/// Ends the loop unless everything goes well.
struct Waking<'a> {
    stop: &'a EventFd,
    thread: Option<JoinHandle<()>>,
}

impl Waking<'_> {
    fn keep(mut self) -> Option<JoinHandle<()>> {
        self.thread.take()
    }
}

impl Drop for Waking<'_> {
    fn drop(&mut self) {
        end(self.stop, self.thread.take());
    }
}

impl Drop for Dormitory {
    fn drop(&mut self) {
        end(&self.stop, self.thread.take());
    }
}

fn end(stop: &EventFd, thread: Option<JoinHandle<()>>) {
    let Some(thread) = thread else {
        return;
    };
    // Writing to an event counter fails only when it is full, and then it is set already.
    let _full = stop.write(1);
    let _panicked = thread.join();
}

fn again(fd: &impl std::os::fd::AsFd) -> Result<OwnedFd, DormitoryError> {
    fd.as_fd().try_clone_to_owned().map_err(start)
}

fn start(source: io::Error) -> DormitoryError {
    DormitoryError::Start(source)
}
