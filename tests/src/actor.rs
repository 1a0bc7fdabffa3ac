//! A victim at the other end of a pipe.

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::netns::Netns;
use crate::order::{Calls, Datagrams, Doer, Hold, Order, Outcome, SocketCall, Times};

/// Longer than any order takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// A process that does what it is ordered to. Killed with this value, and its children with it.
#[derive(Debug)]
pub struct Actor {
    child: Child,
    orders: Option<ChildStdin>,
    outcomes: BufReader<ChildStdout>,
}

impl Actor {
    /// Starts one in the namespace of the caller.
    pub fn start() -> Result<Self> {
        Self::from(command()?.spawn()?)
    }

    pub fn start_in(netns: &Netns) -> Result<Self> {
        Self::from(netns.spawn(command()?)?)
    }

    /// Starts one under another name, such as one that is protected.
    pub fn start_as(name: &str, netns: &Netns) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let link = folder.path().join(name);
        std::os::unix::fs::symlink(program()?, &link)?;
        Self::from(netns.spawn(command_of(&link))?)
    }

    /// Starts a copy of the program under this name in `folder`, as this user: a program of its own
    /// for whoever looks at names and paths.
    pub fn start_copy(folder: &Path, name: &str, netns: &Netns, uid: u32) -> Result<Self> {
        let copy = folder.join(name);
        if !copy.exists() {
            fs::copy(program()?, &copy)?;
        }
        let mut command = command_of(&copy);
        command.uid(uid);
        Self::from(netns.spawn(command)?)
    }

    /// What it runs.
    pub fn program() -> Result<PathBuf> {
        program()
    }

    /// Talks to one that was started otherwise, with pipes for input and output.
    pub(crate) fn from(mut child: Child) -> Result<Self> {
        let orders = child.stdin.take().context("stdin is piped")?;
        let outcomes = child.stdout.take().context("stdout is piped")?;
        Ok(Self {
            child,
            orders: Some(orders),
            outcomes: BufReader::new(outcomes),
        })
    }

    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Gives an order without waiting for what comes of it.
    pub fn begin(&mut self, order: &Order) -> Result<()> {
        let mut line = serde_json::to_vec(order)?;
        line.push(b'\n');
        let orders = self.orders.as_mut().context("it takes no more orders")?;
        Ok(orders.write_all(&line)?)
    }

    /// What came of the oldest order that has not been asked for.
    pub fn finish(&mut self) -> Result<Outcome> {
        let timeout = PollTimeout::try_from(PATIENCE)?;
        let mut fds = [PollFd::new(
            self.outcomes.get_ref().as_fd(),
            PollFlags::POLLIN,
        )];
        let ready = !self.outcomes.buffer().is_empty() || poll(&mut fds, timeout)? > 0;
        ensure!(ready, "the victim is silent");
        let mut line = String::new();
        self.outcomes.read_line(&mut line)?;
        match serde_json::from_str(&line).with_context(|| format!("the victim said {line:?}"))? {
            Outcome::Failed { error } => bail!("the victim failed: {error}"),
            outcome => Ok(outcome),
        }
    }

    pub fn order(&mut self, order: &Order) -> Result<Outcome> {
        self.begin(order)?;
        self.finish()
    }

    /// Echoes datagrams and TCP connections on a port of its own at this address.
    pub fn echo(&mut self, at: SocketAddr) -> Result<SocketAddr> {
        let Outcome::Listening { at } = self.order(&Order::EchoUdp { at })? else {
            bail!("it does not listen");
        };
        match self.order(&Order::EchoTcp { at })? {
            Outcome::Listening { at } => Ok(at),
            other => bail!("{other:?}"),
        }
    }

    /// Sends numbered datagrams to an echo: the numbers answered, and errors.
    pub fn datagrams(&mut self, to: SocketAddr, count: u32) -> Result<(Vec<u32>, Vec<i32>)> {
        self.datagrams_as(&Datagrams {
            to,
            count,
            size: 64,
            from_port: 0,
        })
    }

    /// How many of so many datagrams came back more than once.
    pub fn repeated(&mut self, to: SocketAddr, count: u32) -> Result<u32> {
        let order = Order::Datagrams(Datagrams {
            to,
            count,
            size: 64,
            from_port: 0,
        });
        match self.order(&order)? {
            Outcome::Datagrams { again, .. } => Ok(again),
            other => bail!("{other:?}"),
        }
    }

    pub fn datagrams_as(&mut self, order: &Datagrams) -> Result<(Vec<u32>, Vec<i32>)> {
        match self.order(&Order::Datagrams(order.clone()))? {
            Outcome::Datagrams {
                answered, errors, ..
            } => Ok((answered, errors)),
            other => bail!("{other:?}"),
        }
    }

    /// Round trips of datagrams in microseconds; none where there was no answer.
    pub fn udp_times(&mut self, to: SocketAddr, count: u32) -> Result<Vec<Option<u64>>> {
        self.times(&Order::UdpTimes(times(to, count)))
    }

    /// The same for whoever cannot wait for what is lost.
    pub fn udp_times_within(
        &mut self,
        to: SocketAddr,
        count: u32,
        patience_ms: u64,
    ) -> Result<Vec<Option<u64>>> {
        self.times(&Order::UdpTimes(Times {
            to,
            count,
            patience_ms,
        }))
    }

    /// Opens a socket to an echo and keeps it for [`Actor::ask`].
    pub fn hold(&mut self, to: SocketAddr, tcp: bool) -> Result<()> {
        let inherited = false;
        self.order(&Order::Hold(Hold { to, tcp, inherited }))
            .map(drop)
    }

    /// Round trips over the socket that it keeps, in microseconds.
    pub fn ask(&mut self, count: u32, patience_ms: u64) -> Result<Vec<Option<u64>>> {
        self.times(&Order::Ask { count, patience_ms })
    }

    /// Round trips over one TCP connection in microseconds.
    pub fn tcp_times(&mut self, to: SocketAddr, count: u32) -> Result<Vec<Option<u64>>> {
        self.times(&Order::TcpTimes(times(to, count)))
    }

    fn times(&mut self, order: &Order) -> Result<Vec<Option<u64>>> {
        match self.order(order)? {
            Outcome::Times { microseconds } => Ok(microseconds),
            other => bail!("{other:?}"),
        }
    }

    /// Makes a socket call `count` times: the errno of each, 0 if it was allowed.
    pub fn calls(&mut self, call: SocketCall, address: SocketAddr, count: u32) -> Result<Vec<i32>> {
        let order = calls(call, address, count);
        errnos(self.order(&order)?)
    }

    /// Has somebody else of the victim's make the calls.
    pub fn calls_by(&mut self, doer: Doer, address: SocketAddr, count: u32) -> Result<Vec<i32>> {
        let order = Box::new(calls(SocketCall::Connect, address, count));
        errnos(self.order(&Order::By { doer, order })?)
    }

    /// Sends content through a TCP echo; whether it came back as it was.
    pub fn bulk(&mut self, to: SocketAddr, bytes: usize) -> Result<bool> {
        match self.order(&Order::Bulk { to, bytes })? {
            Outcome::Bulk { same } => Ok(same),
            other => bail!("{other:?}"),
        }
    }

    /// Pauses in its ticking that were longer than this, since it was asked last.
    pub fn pauses(&mut self, longer_than_ms: u64) -> Result<Vec<u64>> {
        match self.order(&Order::Pauses { longer_than_ms })? {
            Outcome::Pauses { milliseconds } => Ok(milliseconds),
            other => bail!("{other:?}"),
        }
    }

    /// Kills it now.
    pub fn end(&mut self) -> Result<()> {
        self.orders = None;
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        let ended = self.end();
        assert!(std::thread::panicking() || ended.is_ok(), "{ended:?}");
    }
}

fn command() -> Result<Command> {
    program().map(|program| command_of(&program))
}

fn program() -> Result<PathBuf> {
    let own = env::current_exe()?;
    let folders = own.ancestors().skip(1).take(2);
    let mut found = folders.map(|folder| folder.join("victim"));
    let path = found.find(|path| path.exists());
    path.context("no `victim` beside this program")
}

fn command_of(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

fn times(to: SocketAddr, count: u32) -> Times {
    Times {
        to,
        count,
        patience_ms: 2_000,
    }
}

fn calls(call: SocketCall, address: SocketAddr, count: u32) -> Order {
    Order::Calls(Calls {
        call,
        address,
        count,
    })
}

fn errnos(outcome: Outcome) -> Result<Vec<i32>> {
    match outcome {
        Outcome::Errnos { errnos } => Ok(errnos),
        other => bail!("{other:?}"),
    }
}
