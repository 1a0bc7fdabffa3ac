//! A process that makes the system calls it is told to, on a thread that is not its first, and nothing
//! else meanwhile: it is told to begin by one signal and to tell by another, and says what came of them
//! only then. So all of its calls may be made to fail.
//!
//! Its arguments: how often to make each call, and their names.

mod calls;
mod deeds;
mod files;
mod memory;
mod network;
mod processes;
mod room;

use std::collections::BTreeMap;
use std::io::{Write as _, stdout};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{SigSet, Signal};

use calls::{Call, all};
use deeds::DEEDS;
use room::Room;

/// What each call gave: an errno, or 0.
type Told = BTreeMap<&'static str, Vec<i32>>;

/// Until what failed is tried again.
const PAUSE: Duration = Duration::from_millis(20);

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut times = arguments.next().context("how often?")?.parse()?;
    let wanted: Vec<String> = arguments.collect();
    if wanted.is_empty() {
        for (name, _call) in all() {
            say(name)?;
        }
        return Ok(());
    }
    let calls = chosen(&wanted)?;
    let signals = SigSet::from_iter([Signal::SIGUSR1, Signal::SIGUSR2]);
    signals.thread_block()?;
    let (begin, begun) = channel();
    let (end, ended) = channel();
    thread::spawn(move || {
        while let Ok((room, times)) = begun.recv() {
            let told = make_all(&room, &calls, times);
            // To take it down needs calls too.
            if end.send((room, told)).is_err() {
                return;
            }
        }
    });
    let mut fresh = Some(Room::make()?);
    loop {
        // Made before, as everything here may fail; and so may this, as long as a fault acts.
        let room = fresh.take().unwrap_or_else(make_room);
        say("ready")?;
        await_signal(&signals, Signal::SIGUSR1)?;
        begin.send((room, times))?;
        let (room, told) = ended.recv()?;
        await_signal(&signals, Signal::SIGUSR2)?;
        say(&serde_json::to_string(&told)?)?;
        drop(room);
        times = 1;
    }
}

fn make_room() -> Room {
    loop {
        match Room::make() {
            Ok(room) => return room,
            Err(_a_fault_acts) => thread::park_timeout(PAUSE),
        }
    }
}

fn chosen(wanted: &[String]) -> Result<Vec<(&'static str, Call)>> {
    let found = wanted.iter().map(|name| {
        let mut all = all().chain(DEEDS.iter().copied());
        let found = all.find(|(known, _call)| known == name);
        found.with_context(|| format!("`{name}` is not known"))
    });
    found.collect()
}

fn make_all(room: &Room, calls: &[(&'static str, Call)], times: usize) -> Told {
    let made = calls.iter().map(|(name, call)| {
        let errnos = (0..times).map(|_| match call(room) {
            Ok(()) => 0,
            Err(errno) => errno.raw_os_error(),
        });
        (*name, errnos.collect())
    });
    made.collect()
}

fn say(line: &str) -> Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

fn await_signal(signals: &SigSet, wanted: Signal) -> Result<()> {
    match signals.wait()? {
        signal if signal == wanted => Ok(()),
        other => bail!("{other} instead of {wanted}"),
    }
}
