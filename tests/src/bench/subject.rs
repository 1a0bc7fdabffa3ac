//! A process of its own that suffers faults and notes what it felt: this program, started again.

use std::env;
use std::io::Read as _;
use std::net::{Ipv4Addr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use clap::ValueEnum;
use injector_user::clock::monotonic_ns;
use injector_user::sys::{poll, schedule};
use nix::unistd::getsid;

use super::attempt::Attempt;

/// What it does all the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Habit {
    /// Connects a datagram socket, which sends nothing.
    Connects,
    /// Notes the time.
    Ticks,
    /// Asks for its session, less often.
    Asks,
}

/// How often.
const PERIOD: Duration = Duration::from_micros(100);

/// A tick that comes this late was frozen and not merely kept waiting.
pub(super) const FROZEN: Duration = Duration::from_millis(20);

/// Killed with this value.
#[derive(Debug)]
pub(super) struct Subject {
    child: Child,
}

impl Subject {
    pub(super) fn start(habit: Habit) -> Result<Self> {
        let habit = habit.to_possible_value().context("it has a name")?;
        let child = Command::new(env::current_exe()?)
            .args(["--subject", habit.get_name()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        Ok(Self { child })
    }

    pub(super) fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Waits until it has ended, which others see to.
    pub(super) fn await_end(mut self) -> Result<()> {
        Ok(self.child.wait().map(drop)?)
    }

    /// Ends it and asks what it felt.
    pub(super) fn finish(mut self) -> Result<Vec<Attempt>> {
        drop(self.child.stdin.take());
        let mut stdout = self.child.stdout.take().context("stdout is piped")?;
        let mut text = String::new();
        stdout.read_to_string(&mut text)?;
        self.child.wait()?;
        Ok(serde_json::from_str(&text)?)
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        let ended = self.child.kill().and_then(|()| self.child.wait());
        assert!(std::thread::panicking() || ended.is_ok(), "{ended:?}");
    }
}

/// Lives as the subject until standard input is closed; what it felt, as JSON.
pub(super) fn live(habit: Habit) -> Result<String> {
    let stop = Arc::new(AtomicBool::new(false));
    let for_life = Arc::clone(&stop);
    let life = std::thread::spawn(move || match habit {
        Habit::Connects => connect(&for_life),
        Habit::Ticks => tick(&for_life),
        Habit::Asks => ask(&for_life),
    });
    let mut rest = Vec::new();
    std::io::stdin().read_to_end(&mut rest)?;
    stop.store(true, Ordering::Relaxed);
    let felt = life.join().map_err(|_panic| anyhow!("it panicked"))??;
    Ok(serde_json::to_string(&felt)?)
}

fn connect(stop: &AtomicBool) -> Result<Vec<Attempt>> {
    schedule::urgent();
    let mut felt = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        // Always a new one: a socket stays in the cgroup it was made in.
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let begun_ns = monotonic_ns();
        let connected = socket.connect((Ipv4Addr::LOCALHOST, 9));
        felt.push(Attempt {
            begun_ns,
            done_ns: Some(monotonic_ns()),
            suffered_ns: connected.is_err().then_some(begun_ns),
        });
        poll::wait_readable([], PERIOD)?;
    }
    Ok(felt)
}

fn tick(stop: &AtomicBool) -> Result<Vec<Attempt>> {
    schedule::urgent();
    let mut felt = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let begun_ns = monotonic_ns();
        poll::wait_readable([], PERIOD)?;
        let done_ns = monotonic_ns();
        let took = Duration::from_nanos(done_ns - begun_ns);
        felt.push(Attempt {
            begun_ns,
            done_ns: Some(done_ns),
            suffered_ns: (took > FROZEN).then_some(done_ns),
        });
    }
    Ok(felt)
}

fn ask(stop: &AtomicBool) -> Result<Vec<Attempt>> {
    let mut felt = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let begun_ns = monotonic_ns();
        getsid(None)?;
        felt.push(Attempt {
            begun_ns,
            done_ns: Some(monotonic_ns()),
            suffered_ns: None,
        });
        poll::wait_readable([], PERIOD * 10)?;
    }
    Ok(felt)
}
