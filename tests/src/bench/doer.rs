//! A process that does one thing as often as it is told and nothing else, so that all it does is known: this
//! program, started again.
//!
//! It reads a number and answers with numbers, eight bytes each, with one system call for either: no
//! allocation, and no output that is kept, makes calls in between.

use std::env;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, UdpSocket};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use clap::ValueEnum;
use injector_user::clock::monotonic_ns;
use injector_user::sys::{poll, schedule};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{self, getpgid};

use crate::netns::Netns;

/// What it does, so often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Deed {
    /// `getpgid`, on each of [`THREADS`], as fast as they go: how long all took.
    Calls,
    /// A datagram, on each of [`THREADS`], to another of [`PEERS`] each time: how long all took.
    Datagrams,
    /// One of each of [`KINDS`]: how long all took.
    Kinds,
    /// A process that ends with [`END`], by each of [`THREADS`] shells, as fast as they go: how long all took.
    Processes,
    /// Waits from 50 µs to 50 ms, as many in each octave as in any other: how long each took.
    Waits,
}

/// More than most machines for benchmarks have processors, so that they are switched, too.
pub(super) const THREADS: usize = 8;

/// What its processes end with.
pub(super) const END: &str = "7";

/// More than the observer has edges.
pub(super) const PEERS: usize = 6_000;

/// Any port that nobody listens at.
const PORT: u16 = 9;

/// How many kinds of calls it makes that do nothing.
pub(super) const KINDS: usize = 9;

/// Calls with which it is told and answers.
pub(super) const CALLS_AROUND: u64 = 2;

/// The shortest wait, and how many times as long the longest is.
const SHORTEST: Duration = Duration::from_micros(50);
const RANGE: f64 = 1_000.0;

/// Killed with this value.
#[derive(Debug)]
pub(super) struct Doer {
    child: Child,
    orders: ChildStdin,
    answers: ChildStdout,
    deed: Deed,
}

impl Doer {
    pub(super) fn start(deed: Deed) -> Result<Self> {
        Self::of(command(deed)?.spawn()?, deed)
    }

    pub(super) fn start_in(netns: &Netns, deed: Deed) -> Result<Self> {
        Self::of(netns.spawn(command(deed)?)?, deed)
    }

    fn of(mut child: Child, deed: Deed) -> Result<Self> {
        let orders = child.stdin.take().context("stdin is piped")?;
        let answers = child.stdout.take().context("stdout is piped")?;
        Ok(Self {
            child,
            orders,
            answers,
            deed,
        })
    }

    pub(super) fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Lets it do it so often, and waits for what it says.
    pub(super) fn perform(&mut self, count: usize) -> Result<Vec<u64>> {
        self.orders.write_all(&(count as u64).to_le_bytes())?;
        let numbers = if self.deed == Deed::Waits { count } else { 1 };
        let mut bytes = vec![0; numbers * size_of::<u64>()];
        self.answers.read_exact(&mut bytes)?;
        let (words, _rest) = bytes.as_chunks();
        Ok(words.iter().map(|word| u64::from_le_bytes(*word)).collect())
    }
}

impl Drop for Doer {
    fn drop(&mut self) {
        // One that has ended already is as good.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

fn command(deed: Deed) -> Result<Command> {
    let name = deed.to_possible_value().context("it has a name")?;
    let mut command = Command::new(env::current_exe()?);
    command.args(["--deed", name.get_name()]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    Ok(command)
}

/// Does it until standard input is closed.
pub(super) fn live(deed: Deed) -> Result<()> {
    set_pdeathsig(Signal::SIGKILL)?;
    let mut order = [0; size_of::<u64>()];
    while unistd::read(std::io::stdin(), &mut order)? == order.len() {
        let count = usize::try_from(u64::from_le_bytes(order))?;
        if deed == Deed::Waits {
            let took = waits(count)?;
            let bytes: Vec<u8> = took.iter().flat_map(|took| took.to_le_bytes()).collect();
            std::io::stdout().write_all(&bytes)?;
            std::io::stdout().flush()?;
            continue;
        }
        let begun_ns = monotonic_ns();
        match deed {
            Deed::Calls => calls(count)?,
            Deed::Datagrams => datagrams(count)?,
            Deed::Kinds => kinds(count),
            Deed::Processes => processes(count)?,
            Deed::Waits => {}
        }
        let took_ns = monotonic_ns() - begun_ns;
        unistd::write(std::io::stdout(), &took_ns.to_le_bytes())?;
    }
    Ok(())
}

fn kinds(count: usize) {
    for _time in 0..count {
        let _all = (
            unistd::getpid(),
            unistd::getppid(),
            unistd::gettid(),
            unistd::getuid(),
            unistd::geteuid(),
            unistd::getgid(),
            unistd::getegid(),
            unistd::getsid(None),
            getpgid(None),
        );
    }
}

fn calls(count: usize) -> Result<()> {
    together(|_number| {
        let made = (0..count).filter(|_call| getpgid(None).is_ok()).count();
        ensure!(made == count, "{made} of {count} calls");
        Ok(())
    })
}

fn processes(count: usize) -> Result<()> {
    let script = r#"i=0; while [ $i -lt "$0" ]; do (exit "$1"); i=$((i+1)); done"#;
    together(|_number| {
        let mut shell = Command::new("sh");
        shell.args(["-c", script, &count.to_string(), END]);
        let ended = shell.status()?;
        ensure!(ended.success(), "a shell ended with {ended}");
        Ok(())
    })
}

/// What nobody receives is sent all the same.
fn datagrams(count: usize) -> Result<()> {
    together(|number| {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        for datagram in 0..count {
            let [_, _, high, low] = u32::try_from((number + datagram) % PEERS)?.to_be_bytes();
            let peer = Ipv4Addr::new(127, 1, high, low);
            socket.send_to(&[0], (peer, PORT))?;
        }
        Ok(())
    })
}

fn together(deed: impl Fn(usize) -> Result<()> + Sync) -> Result<()> {
    let deed = &deed;
    thread::scope(|scope| {
        let threads = (0..THREADS).map(|number| scope.spawn(move || deed(number)));
        let threads: Vec<_> = threads.collect();
        let mut ends = threads.into_iter().map(thread::ScopedJoinHandle::join);
        ends.try_for_each(|end| end.map_err(|_panic| anyhow!("it panicked"))?)
    })
}

/// From the golden ratio, which fills a range evenly whatever the count.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

fn waits(count: usize) -> Result<Vec<u64>> {
    schedule::urgent();
    let mut part = 0.5;
    let mut took = Vec::with_capacity(count);
    for _wait in 0..count {
        part = f64::fract(part + GOLDEN);
        let asked = SHORTEST.mul_f64(RANGE.powf(part));
        let begun_ns = monotonic_ns();
        poll::wait_readable([], asked)?;
        took.push(monotonic_ns() - begun_ns);
    }
    Ok(took)
}
